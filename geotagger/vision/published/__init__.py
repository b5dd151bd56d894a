"""Bundles of published models, made from their weights and from graphs without weights."""
