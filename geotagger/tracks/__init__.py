"""Track logs: reading their formats, and where a track was at a given time."""
