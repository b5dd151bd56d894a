"""The write journal: what was written to which file, and how to restore it.

SQLite in the user's state folder. A row exists before its file is replaced, so that a killed run
leaves neither a write without a row nor an unknown temporary file. The row of a large file gets the
SHA-256 of the new content later, but still before the file is replaced. That a write has happened
is recorded together with the next one, or when the journal is closed: whoever finds the row before
sees by the content of the file that it has. Commits are not synced one by one: a power cut may lose
the last rows, and the photos still carry their own record.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

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
    sha256_before TEXT NOT NULL,   -- empty: there was no file
    sha256_after TEXT NOT NULL,    -- empty: the file was deleted; ?: not known yet
    undo BLOB NOT NULL,            -- packed record or delta; empty: the write is itself an undo
    done INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS writes_by_content ON writes (sha256_after);
CREATE INDEX IF NOT EXISTS writes_by_path ON writes (path);
CREATE INDEX IF NOT EXISTS writes_cut_short ON writes (at) WHERE NOT done;
"""
_VERSION = 2
_FILE = "writes.sqlite"
_FAILED = (sqlite3.Error, UnicodeDecodeError)
"""Raised by a database that is damaged; sqlite3 cannot even name the damage if it is not UTF-8."""
UNKNOWN = "?"
"""In place of a SHA-256 that is still being computed; the file has not been replaced yet."""


def content_before(sha256: str) -> str:
    """SHA-256 that a photo had before a write of ours gave it this content; empty if unknown.

    Safe in any thread. Never raises: a journal that cannot be read knows nothing.
    """
    sql = """SELECT sha256_before FROM writes WHERE sha256_after = ? AND sha256_before <> ''
             ORDER BY id DESC LIMIT 1"""
    file = (state_folder() / _FILE).absolute()
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as db:
            row = db.execute(sql, (sha256,)).fetchone()
    except _FAILED:
        return ""
    return str(row[0]) if row else ""


class UnfinishedWrite(NamedTuple):
    """A write that began and was not finished: the run was killed, or is still busy."""

    row: int
    temp: Path
    before: str
    """SHA-256; empty: there was no file."""
    after: str
    """Intended SHA-256; may be UNKNOWN."""


class StartedWrite(NamedTuple):
    """A write that is recorded, and may now be done."""

    row: int
    values: tuple[bytes, bytes, float, str, str, bytes]
    """The row, from the path to the undo record."""
    leftovers: list[UnfinishedWrite]
    """Earlier writes of the same file that were interrupted."""


class WriteJournal:
    """An open journal. Every method raises GeotaggerError if the database fails.

    Args:
        file: The database; it is made where it is missing.
        dry_run: The journal is only read, and no file is replaced: see `rehearsed`.
    """

    def __init__(self, file: Path, *, dry_run: bool = False) -> None:
        self.file = file
        self.rehearsed: dict[Path, str] | None = {} if dry_run else None
        """In a dry run: each file that would have been replaced, links resolved, and the SHA-256
        that it would have; empty if it would have been deleted. None: this is no dry run."""
        self._done: StartedWrite | None = None
        """It has happened, and its row does not say so yet."""
        if dry_run:
            self._db = _read_only(file)
            return
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
    def open(cls, *, dry_run: bool = False) -> WriteJournal:
        """Opens the user's journal, or creates it; for a dry run it is only read."""
        return cls(state_folder() / _FILE, dry_run=dry_run)

    def __enter__(self) -> WriteJournal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        try:
            self._record_done()
        finally:
            self._db.close()

    def begin(self, path: Path, temp: Path, before: str, after: str, undo: bytes) -> StartedWrite:
        """Records that a write is about to happen, and that the one before it has.

        Args:
            path: The file that will be replaced, links resolved.
            temp: The temporary file next to it.
            before: SHA-256 of the present content; empty if there is no file.
            after: SHA-256 of the new content; empty if the file will be deleted; UNKNOWN until
                `complete` is called.
            undo: A packed record or delta; b"" if the write itself is an undo.
        """
        values = (os.fsencode(path), os.fsencode(temp.name), time.time(), before, after, undo)
        with self._transaction():
            self._mark_done()
            leftovers = self._unfinished(path)
            row = self._insert(values, done=False)
        self._done = None
        return StartedWrite(row, values, leftovers)

    def complete(self, write: StartedWrite, after: str) -> StartedWrite:
        """Records the SHA-256 of the new content for a write that began with UNKNOWN."""
        with self._guarded():
            self._db.execute("UPDATE writes SET sha256_after = ? WHERE id = ?", (after, write.row))
        path, temp, at, before, _, undo = write.values
        return write._replace(values=(path, temp, at, before, after, undo))

    def finish(self, write: StartedWrite) -> None:
        """Takes note that the write has happened. Its row will say so, also if another run has
        deleted it by then as a leftover of a killed run."""
        self._record_done()
        self._done = write

    def keep(self, row: int) -> None:
        """Records that the write of this row has happened."""
        with self._guarded():
            self._db.execute("UPDATE writes SET done = 1 WHERE id = ?", (row,))

    def forget(self, row: int) -> None:
        """Deletes the row of a write that did not happen."""
        with self._guarded():
            self._db.execute("DELETE FROM writes WHERE id = ?", (row,))

    def unfinished(self, path: Path) -> list[UnfinishedWrite]:
        """The interrupted writes of this file."""
        self._record_done()
        with self._guarded():
            return self._unfinished(path)

    def interrupted(self, before_s: float) -> list[Path]:
        """Files with writes that began before that time (seconds since 1970) and did not finish."""
        sql = "SELECT DISTINCT path FROM writes WHERE NOT done AND at < ?"
        self._record_done()
        with self._guarded():
            rows = self._db.execute(sql, (before_s,)).fetchall()
        return [Path(os.fsdecode(path)) for (path,) in rows]

    def undo_records(self, path: Path, sha256: str) -> list[bytes]:
        """Packed records and deltas for a file with this content, then for this path.

        Newest first. Only the SHA-256 of the restored bytes shows which record is the right one.
        """
        sql = """SELECT undo FROM writes WHERE (sha256_after = ? OR path = ?) AND undo <> x''
                 ORDER BY sha256_after = ? DESC, id DESC LIMIT 20"""
        with self._guarded():
            rows = self._db.execute(sql, (sha256, os.fsencode(path), sha256)).fetchall()
        return [packed for (packed,) in rows]

    def has_write(self, path: Path, before: str, after: str) -> bool:
        """Whether a write of ours changed this file from content `before` to `after` (SHA-256)."""
        sql = (
            "SELECT 1 FROM writes WHERE path = ? AND sha256_before = ? AND sha256_after = ? LIMIT 1"
        )
        with self._guarded():
            row = self._db.execute(sql, (os.fsencode(path), before, after)).fetchone()
        return row is not None

    def holds_write(self, path: Path) -> bool:
        """Whether the last that we did to this file was a write, not an undo; links resolved."""
        sql = """SELECT undo <> x'', done, sha256_after FROM writes WHERE path = ?
                 ORDER BY id DESC LIMIT 1"""
        self._record_done()
        with self._guarded():
            is_write, done, after = self._db.execute(sql, (os.fsencode(path),)).fetchone() or (
                False, True, "",
            )  # fmt: skip
            if not done:  # killed before or after the file was replaced
                return path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() == after
        return bool(is_write)

    def _record_done(self) -> None:
        if self._done:
            with self._transaction():
                self._mark_done()
            self._done = None

    def _mark_done(self) -> None:
        if self._done is None:
            return
        row, values, _ = self._done
        sql = "UPDATE writes SET done = 1 WHERE id = ? AND path = ? AND temp = ?"
        if not self._db.execute(sql, (row, *values[:2])).rowcount:
            self._insert(values, done=True)

    def _insert(self, values: tuple[object, ...], *, done: bool) -> int:
        sql = """INSERT INTO writes (path, temp, at, sha256_before, sha256_after, undo, done)
                 VALUES (?, ?, ?, ?, ?, ?, ?)"""
        row = self._db.execute(sql, (*values, done)).lastrowid
        assert row is not None
        return row

    def _unfinished(self, path: Path) -> list[UnfinishedWrite]:
        sql = "SELECT id, temp, sha256_before, sha256_after FROM writes WHERE path = ? AND NOT done"
        rows = self._db.execute(sql, (os.fsencode(path),)).fetchall()
        return [
            UnfinishedWrite(row, path.with_name(os.fsdecode(temp)), before, after)
            for row, temp, before, after in rows
        ]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._guarded(), self._db:  # which commits, or rolls back
            self._db.execute("BEGIN IMMEDIATE")
            yield

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except (*_FAILED, OSError) as error:
            raise GeotaggerError(
                f"the undo journal {self.file} cannot be used: {error}. "
                "Free or repair it, or set GEOTAGGER_STATE to another folder."
            ) from error


def _read_only(file: Path) -> sqlite3.Connection:
    """The journal for reading; an empty one if there is none that can be read."""
    try:
        db = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
        db.execute("SELECT undo FROM writes LIMIT 1").fetchone()
    except _FAILED:
        db = sqlite3.connect(":memory:", isolation_level=None)
        db.executescript(_SCHEMA)
    return db
