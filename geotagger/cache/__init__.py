"""Finished photos and model outputs of earlier runs, in an SQLite file."""
