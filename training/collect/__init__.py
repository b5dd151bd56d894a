"""Collect street-level photos from services, with a key of your own."""
