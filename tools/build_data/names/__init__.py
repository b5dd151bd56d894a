"""Build names.npz: the gazetteer of place names that are read on signs."""
