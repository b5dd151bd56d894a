"""Collects street-level photos from web services, with your own key."""
