"""Fit temperatures, weights, thresholds and radius factors on held-out photos."""
