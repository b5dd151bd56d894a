"""The tables of the journal of finished photos, and how long they keep what nobody asks for."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing

_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS keys (   -- what was asked for, and of which program and models
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    used REAL NOT NULL              -- seconds since 1970
);
CREATE TABLE IF NOT EXISTS done (
    path BLOB NOT NULL,             -- absolute, as the file system spells it
    key INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    outcome BLOB NOT NULL,
    PRIMARY KEY (path, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS answers (
    sha256 BLOB NOT NULL,           -- of the whole file
    key INTEGER NOT NULL,
    note TEXT NOT NULL,             -- on the picture: truncated, say
    answer BLOB NOT NULL,
    PRIMARY KEY (sha256, key)
) WITHOUT ROWID;
"""
KEPT_DAYS = 180
"""What no run has asked for in this time is forgotten."""


def set_up(db: sqlite3.Connection) -> None:
    """Makes what is missing, and forgets what is old. Raises sqlite3.Error."""
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version not in (0, _VERSION):
        raise sqlite3.DatabaseError("it was written by another version of geotagger")
    db.executescript(f"{_SCHEMA} PRAGMA user_version = {_VERSION};")
    with closing(db.execute("SELECT id FROM keys WHERE used < ?", (_long_ago(),))) as old:
        for (number,) in old.fetchall():
            for table, column in (("done", "key"), ("answers", "key"), ("keys", "id")):
                db.execute(f"DELETE FROM {table} WHERE {column} = ?", (number,))


def _long_ago() -> float:
    return time.time() - KEPT_DAYS * 86400
