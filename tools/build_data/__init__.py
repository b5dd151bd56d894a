"""Build the tables in geotagger/data from public data."""
