"""Charts and maps as plain shapes, written as SVG or PNG; no library for plots, no network."""
