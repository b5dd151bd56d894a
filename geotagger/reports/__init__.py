"""Reports: one row per photo in several formats, reading and querying them, the run's summary."""
