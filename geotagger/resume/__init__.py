"""What earlier runs have worked out, so that a killed run goes on and no photo is inferred twice.

Two things are kept in one SQLite file (`journal.py`): the row of every finished photo, found again
by path, size, modification time and everything that was asked for (`keys.py`); and what the
networks said of a picture, found again by the SHA-256 of its file, wherever it lies by then.
"""
