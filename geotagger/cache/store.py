"""The journal of finished photos, and of what networks said of pictures.

SQLite with a write-ahead log in the user's state folder, one transaction a photo: a run that is
killed at any moment loses nothing that its report held. A power cut may cost the last rows, never
the file. It may be deleted at any time: that costs a run its head start and nothing else. So
whatever is wrong with it (disk full, no permission, damaged) is a warning, and the run goes on
without.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
import zlib
from collections.abc import Iterable
from pathlib import Path
from threading import Lock
from typing import Any

from geotagger.cache.codec import pack, unpack
from geotagger.cache.schema import set_up
from geotagger.images.remote import RemotePath
from geotagger.metadata.undo.write_journal import content_before
from geotagger.state import state_folder
from geotagger.types import Anchor, Outcome, Photo, PhotoEvidence, Status

log = logging.getLogger(__name__)

MAX_WRITES = 4
"""How many writes to a photo are followed back to what it was."""
_DAMAGE = (zlib.error, ValueError, TypeError, LookupError, AttributeError, RecursionError)
"""What unpacking a row raises that a bad disk or another program has changed."""

_BROKEN = (sqlite3.Error, UnicodeDecodeError)
"""What SQLite raises on a damaged file; the second where its own texts are damaged."""

UNGATED = " ungated"
"""Marks the keys of answers on pictures that no gate has seen: any of them may be no photo."""

_Statement = tuple[str, tuple[Any, ...]]


def journal_file() -> Path:
    """The user's own: beside the journal of writes."""
    return state_folder() / "done.sqlite"


class Journal:
    """An open journal of one run. Its methods may be called from any thread."""

    def __init__(self, file: Path, key: str, *, gate: bool = False, restart: bool = False) -> None:
        """`key` is of the run (`keys.run_key`), and `gate` whether it asks about photos only.

        `restart`: find nothing, but note everything.
        """
        self.file = file
        self._gate = gate
        self._restart = restart
        self._lock = Lock()
        self._ids: dict[str, int] = {}
        self._folder: tuple[Path, bytes] = (Path(), b"")
        self._db: sqlite3.Connection | None = None
        self._key = -1
        self._damaged = 0
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._db = sqlite3.connect(
                file, timeout=30, isolation_level=None, check_same_thread=False
            )
            set_up(self._db)
            self._key = self._id(key)
        except (*_BROKEN, OSError) as error:
            self._give_up(error)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        if self._damaged:
            log.warning(
                "the journal %s: %d of its rows are damaged; those photos were worked out anew",
                self.file,
                self._damaged,
            )
        with self._lock:
            if self._db:
                self._db.close()
            self._db = None

    def replay(self, photo: Photo) -> PhotoEvidence | None:
        """The finished photo, if its file has not changed since; nothing is opened."""
        if photo.problem or not photo.mtime_ns or self._restart:
            return None
        found = self._ask(
            "SELECT size_bytes, mtime_ns, outcome FROM done WHERE path = ? AND key = ?",
            (self._absolute(photo), self._key),
        )
        if found is None or found[:2] != (photo.size_bytes, photo.mtime_ns):
            return None
        try:
            return unpack(found[2], photo)
        except _DAMAGE:
            with self._lock:
                self._damaged += 1
            return None

    def add(self, outcome: Outcome, anchor: Anchor | None = None) -> None:
        """Notes a finished photo, under the size and time that its file has by now.

        Not noted are photos that failed, for the next run tries them again; and those whose tags
        went into another file, for only the writer can tell whether that is still there.
        """
        photo = outcome.photo
        if self._db is None or outcome.status is Status.FAILED or photo.problem:
            return
        path, now = self._absolute(photo), (photo.size_bytes, photo.mtime_ns)
        statements: list[_Statement] = []
        if outcome.status is Status.TAGGED:
            try:
                status = photo.path.stat()
            except OSError:
                return
            if now == (status.st_size, status.st_mtime_ns):
                return
            now = (status.st_size, status.st_mtime_ns)  # the time is kept, and so may be the size
            statements.append(("DELETE FROM done WHERE path = ?", (path,)))
        values = (path, self._key, *now, pack(outcome, anchor))
        statements.append(("INSERT OR REPLACE INTO done VALUES (?, ?, ?, ?, ?)", values))
        self._tell(statements)

    def answer(self, sha256: str, key: str) -> tuple[bytes, str] | None:
        """What a network said of a file with this content, and the note on its picture.

        A file that geotagger has tagged since holds the same picture.
        """
        if self._restart:
            return None
        numbers = [self._id(key), *([] if self._gate else [self._id(key + UNGATED)])]
        for _ in range(MAX_WRITES):
            for number in numbers:
                found = self._answer(sha256, number)
                if found is not None:
                    return found
            sha256 = content_before(sha256)
            if not sha256:
                break
        return None

    def keep(self, key: str, answers: Iterable[tuple[str, str, bytes]]) -> None:
        """Notes (SHA-256, note on the picture, answer) of several photos."""
        number = self._id(key if self._gate else key + UNGATED)
        rows = [(bytes.fromhex(sha256), number, note, answer) for sha256, note, answer in answers]
        self._tell([("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)", row) for row in rows])

    def _answer(self, sha256: str, number: int) -> tuple[bytes, str] | None:
        sql = "SELECT answer, note FROM answers WHERE sha256 = ? AND key = ?"
        found: tuple[bytes, str] | None = self._ask(sql, (bytes.fromhex(sha256), number))
        return found

    def _absolute(self, photo: Photo) -> bytes:
        """The path without a look at the disk; its folder is worked out once for all its files."""
        folder, prefix = self._folder
        if photo.folder is not folder:
            folder = photo.folder
            absolute = folder if isinstance(folder, RemotePath) else os.path.abspath(folder)  # noqa: PTH100
            prefix = os.path.join(os.fsencode(absolute), b"")  # noqa: PTH118
            self._folder = folder, prefix
        return prefix + os.fsencode(photo.name)

    def _id(self, key: str) -> int:
        if key not in self._ids:
            values = (key, time.time())
            sql = "ON CONFLICT (key) DO UPDATE SET used = excluded.used"
            self._tell([(f"INSERT INTO keys (key, used) VALUES (?, ?) {sql}", values)])
            found = self._ask("SELECT id FROM keys WHERE key = ?", (key,))
            self._ids[key] = found[0] if found else -1
        return self._ids[key]

    def _ask(self, sql: str, values: tuple[Any, ...]) -> Any:
        with self._lock:
            try:
                return self._db and self._db.execute(sql, values).fetchone()
            except _BROKEN as error:
                self._give_up(error)
                return None

    def _tell(self, statements: Iterable[_Statement]) -> None:
        with self._lock:
            if self._db is None:
                return
            try:
                self._db.execute("BEGIN")
                for sql, values in statements:
                    self._db.execute(sql, values)
                self._db.execute("COMMIT")
            except _BROKEN as error:
                self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        log.warning(
            "the journal %s cannot be used (%s): this run goes on without it, and would start "
            "from the beginning; free some room, or delete the file",
            self.file,
            error,
        )
        if self._db:
            self._db.close()
        self._db = None
