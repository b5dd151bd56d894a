"""The journal of writes: what was done to which file, and how to take it back.

SQLite in the user's state folder. A row is there before its file is replaced, so that a killed run
leaves neither a write without a row nor a temporary file that nobody knows of; the row of a large
file gets the SHA-256 of the new one later, but also before that takes its place. The commits are
not synced one by one: a power cut may lose the last rows, and the photos still carry their own
record.

Version 1 kept records of JPEG files alone. Version 2 also keeps what leads back from a file that
another program wrote, or from a sidecar (`delta`), and is otherwise the same.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from geotagger.errors import GeotaggerError
from geotagger.state import state_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

_SCHEMA = """
CREATE TABLE IF NOT EXISTS writes (
    id INTEGER PRIMARY KEY,
    path BLOB NOT NULL,            -- absolute, links resolved, as the file system spells it
    temp BLOB NOT NULL,            -- name of the temporary file beside it
    at REAL NOT NULL,              -- seconds since 1970
    sha256_before TEXT NOT NULL,   -- empty when there was no file
    sha256_after TEXT NOT NULL,    -- empty when the file was removed; ? when not known yet
    undo BLOB NOT NULL,            -- packed record; empty when the write was itself an undo
    done INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS writes_by_content ON writes (sha256_after);
CREATE INDEX IF NOT EXISTS writes_by_path ON writes (path);
CREATE INDEX IF NOT EXISTS writes_cut_short ON writes (at) WHERE NOT done;
"""
_VERSION = 2
_FILE = "writes.sqlite"
UNKNOWN = "?"
"""Stands for a SHA-256 that is still being worked out; the file has not been replaced then."""


def content_before(sha256: str) -> str:
    """The SHA-256 of the photo of which a write of ours made this content; empty where none did.

    Safe in any thread. What cannot be looked up is not known.
    """
    sql = """SELECT sha256_before FROM writes WHERE sha256_after = ? AND sha256_before <> ''
             ORDER BY id DESC LIMIT 1"""
    file = (state_folder() / _FILE).absolute()
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as db:
            found = db.execute(sql, (sha256,)).fetchone()
    except sqlite3.Error:
        return ""
    return str(found[0]) if found else ""


class Journal:
    """An open journal. Every method raises GeotaggerError when the database fails."""

    def __init__(self, file: Path) -> None:
        self.file = file
        with self._guarded():
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._db = sqlite3.connect(file, timeout=30, isolation_level=None)
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version > _VERSION:
                raise GeotaggerError(f"{file} was written by a later geotagger: please update")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.executescript(f"{_SCHEMA} PRAGMA user_version = {_VERSION};")

    @classmethod
    def open(cls) -> Journal:
        """The user's journal, made when it is not there yet."""
        return cls(state_folder() / _FILE)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    def begin(self, path: Path, temp: Path, before: str, after: str, undo: bytes) -> int:
        """Notes the write of `path` that is about to happen; returns the number of its row.

        `before` and `after` are SHA-256, "" for no file; `after` may be UNKNOWN, until `complete`.
        `undo` is a packed record, or b"".
        """
        names = os.fsencode(path), os.fsencode(temp.name)
        sql = "INSERT INTO writes (path, temp, at, sha256_before, sha256_after, undo)"
        with self._guarded():
            values = (*names, time.time(), before, after, undo)
            row = self._db.execute(f"{sql} VALUES (?, ?, ?, ?, ?, ?)", values).lastrowid
        assert row is not None
        return row

    def complete(self, row: int, after: str) -> None:
        """The SHA-256 of what is to be, for a write that began when it was UNKNOWN."""
        with self._guarded():
            self._db.execute("UPDATE writes SET sha256_after = ? WHERE id = ?", (after, row))

    def finish(self, row: int) -> bool:
        """The write has happened; whether its row was still there."""
        with self._guarded():
            changed = self._db.execute("UPDATE writes SET done = 1 WHERE id = ?", (row,)).rowcount
        return changed > 0

    def forget(self, row: int) -> None:
        """The write has not happened."""
        with self._guarded():
            self._db.execute("DELETE FROM writes WHERE id = ?", (row,))

    def unfinished(self, path: Path) -> list[tuple[int, Path, str, str]]:
        """(row, temporary file, SHA-256 before, and that was to be) of writes cut short."""
        sql = "SELECT id, temp, sha256_before, sha256_after FROM writes WHERE path = ? AND NOT done"
        with self._guarded():
            rows = self._db.execute(sql, (os.fsencode(path),)).fetchall()
        return [(row, path.with_name(os.fsdecode(temp)), old, new) for row, temp, old, new in rows]

    def cut_short(self, before: float) -> list[Path]:
        """Files whose writes began before that time (seconds since 1970) and did not end."""
        sql = "SELECT DISTINCT path FROM writes WHERE NOT done AND at < ?"
        with self._guarded():
            rows = self._db.execute(sql, (before,)).fetchall()
        return [Path(os.fsdecode(path)) for (path,) in rows]

    def undo_records(self, path: Path, sha256: str) -> list[bytes]:
        """Packed records for a file with this content, wherever it was; then for this path.

        Newest first. Only the SHA-256 of what it restores tells whether a record is the right one.
        """
        sql = """SELECT undo FROM writes WHERE (sha256_after = ? OR path = ?) AND undo <> x''
                 ORDER BY sha256_after = ? DESC, id DESC LIMIT 20"""
        with self._guarded():
            rows = self._db.execute(sql, (sha256, os.fsencode(path), sha256)).fetchall()
        return [packed for (packed,) in rows]

    def made(self, path: Path, before: str, after: str) -> bool:
        """Whether a write of ours made `after` of `before` in this very file."""
        sql = (
            "SELECT 1 FROM writes WHERE path = ? AND sha256_before = ? AND sha256_after = ? LIMIT 1"
        )
        with self._guarded():
            found = self._db.execute(sql, (os.fsencode(path), before, after)).fetchone()
        return found is not None

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise GeotaggerError(
                f"the undo journal {self.file} cannot be used: {error}. "
                "Free or repair it, or set GEOTAGGER_STATE to another folder."
            ) from error
