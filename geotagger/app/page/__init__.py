"""The page of `geotagger app`: its parts, and how they become one file."""
