"""Reads and checks a model bundle on disk: the card, the hashes, the label tables."""
