"""Charts and maps as SVG, PNG and HTML."""
