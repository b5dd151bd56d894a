"""The HTML page of a report: a map, a list, the review."""
