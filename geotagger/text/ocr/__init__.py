"""OCR: detect lines of text in a photo, and recognise them."""
