"""Downloads of published models: the only code of geotagger that opens a network connection."""
