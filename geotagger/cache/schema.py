"""The tables of the run journal, and how long they keep what no run uses."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing

_VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS keys (   -- of runs (keys.run_key) and of outputs (output_key)
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    used REAL NOT NULL              -- seconds since 1970
);
CREATE TABLE IF NOT EXISTS done (   -- finished photos
    path BLOB NOT NULL,             -- absolute, as the file system spells it
    key INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    outcome BLOB NOT NULL,          -- by cache/codec.py
    PRIMARY KEY (path, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS answers (    -- outputs of networks
    sha256 BLOB NOT NULL,           -- of the whole file
    key INTEGER NOT NULL,
    note TEXT NOT NULL,             -- what is wrong with the picture, for example truncated
    answer BLOB NOT NULL,           -- by NetworkSource.pack
    PRIMARY KEY (sha256, key)
) WITHOUT ROWID;
"""
KEPT_DAYS = 180
"""Rows whose key no run has used for this long are deleted."""


def set_up(db: sqlite3.Connection) -> None:
    """Create missing tables and delete old rows.

    Raises:
        sqlite3.Error: the file is damaged, or was written by another version.
    """
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version not in (0, _VERSION):
        raise sqlite3.DatabaseError("it was written by another version of geotagger")
    db.executescript(f"{_SCHEMA} PRAGMA user_version = {_VERSION};")
    oldest = time.time() - KEPT_DAYS * 86400
    with closing(db.execute("SELECT id FROM keys WHERE used < ?", (oldest,))) as unused:
        for (key_id,) in unused.fetchall():
            for table, column in (("done", "key"), ("answers", "key"), ("keys", "id")):
                db.execute(f"DELETE FROM {table} WHERE {column} = ?", (key_id,))
