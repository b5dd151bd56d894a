"""Charts and maps as SVG, PNG and HTML, from a few shapes of our own."""
