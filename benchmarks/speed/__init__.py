"""How fast geotagger is, and what it takes."""
