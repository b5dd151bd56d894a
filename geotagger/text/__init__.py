"""Text in the picture: recognise it, and find what it says about the place."""
