"""Reports: the schema, one row a photo, the summary of a run."""
