"""`geotagger app`: from folders to placed photos on a local page."""
