"""Read reports back, and find the photos that they name."""
