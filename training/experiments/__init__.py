"""Comparisons of a model with simpler ones."""
