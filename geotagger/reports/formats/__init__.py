"""One file for each report format that is written."""
