"""A model bundle on disk: the card, the label tables, the self-test."""
