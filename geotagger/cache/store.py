"""The run journal: report rows of finished photos, and outputs of networks by the file's SHA-256.

SQLite with a write-ahead log in the user's state folder, one transaction a photo: a run that is
killed at any moment loses nothing that its report held. A power cut may cost the last rows, never
the file. The file may be deleted at any time; the next run then starts from the beginning.
Whatever is wrong with it (disk full, no permission, damaged) is a warning, and the run goes on
without it.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from geotagger.cache.codec import FinishedRow, pack, unpack
from geotagger.cache.schema import set_up
from geotagger.evidence.cached import PackedOutput
from geotagger.images.remote import RemotePath
from geotagger.metadata.beside import versions_beside
from geotagger.metadata.sidecar import SUFFIX
from geotagger.metadata.undo.write_journal import content_before
from geotagger.reasons import ReasonCode
from geotagger.records import names as records
from geotagger.state import state_folder
from geotagger.types import Observation, Outcome, Photo, SidecarVersion, Status

log = logging.getLogger(__name__)

MAX_WRITES = 4
"""How many writes to a photo are followed back to its earlier content."""

_DAMAGED_ROW = (zlib.error, ValueError, TypeError, LookupError, AttributeError, RecursionError)
"""Raised by `unpack` for a row that a bad disk or another program has changed."""
_DAMAGED_FILE = (sqlite3.Error, UnicodeDecodeError)
"""Raised by SQLite for a damaged file; the second where its own texts are damaged."""

UNGATED = " ungated"
"""Suffix of the keys of outputs from runs without the gate: their pictures may not be photos."""

_Statement = tuple[str, tuple[Any, ...]]


def journal_file() -> Path:
    """The user's own journal, next to the journal of writes."""
    return state_folder() / "done.sqlite"


class RunJournal:
    """The journal, opened by one run. Its methods may be called from any thread.

    It is an `InferenceCache`: `find` and `keep` are for outputs of networks, `replay` and `add` for
    finished photos.
    """

    def __init__(self, file: Path, key: str, *, gate: bool = False, restart: bool = False) -> None:
        """
        Args:
            file: the SQLite file; it is made where it is missing.
            key: the key of the run (`keys.run_key`).
            gate: the run shows its networks only photos (`RunOptions.gate`).
            restart: find nothing, but store everything.
        """
        self.file = file
        self._gate = gate
        self._restart = restart
        self._lock = Lock()
        self._ids: dict[str, int] = {}
        self._folder: tuple[Path, bytes] = (Path(), b"")
        self._sidecar_names: tuple[Path, frozenset[str]] = (Path(), frozenset())
        self._db: sqlite3.Connection | None = None
        self._run_id = -1
        self._damaged_rows = 0
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._db = sqlite3.connect(
                file, timeout=30, isolation_level=None, check_same_thread=False
            )
            set_up(self._db)
            self._run_id = self._key_id(key)
        except (*_DAMAGED_FILE, OSError) as error:
            self._give_up(error)

    def __enter__(self) -> RunJournal:
        return self

    def __exit__(self, *_: object) -> None:
        if self._damaged_rows:
            log.warning(
                "the journal %s: %d of its rows are damaged; those photos were worked out anew",
                self.file,
                self._damaged_rows,
            )
        with self._lock:
            if self._db:
                self._db.close()
            self._db = None

    def replay(self, photo: Photo) -> FinishedRow | None:
        """The finished photo, if size and time of its file and sidecars are the same.

        Opens no photo.
        """
        if photo.problem or not photo.mtime_ns or self._restart:
            return None
        found = self._query(
            "SELECT size_bytes, mtime_ns, outcome FROM done WHERE path = ? AND key = ?",
            (self._absolute(photo), self._run_id),
        )
        if found is None or found[:2] != (photo.size_bytes, photo.mtime_ns):
            return None
        try:
            finished = unpack(found[2], photo)
        except _DAMAGED_ROW:
            with self._lock:
                self._damaged_rows += 1
            return None
        return finished if finished.sidecars == self._sidecars(photo) else None

    def add(self, outcome: Outcome, observation: Observation | None = None) -> None:
        """Store a finished photo, under the size and time that its file has now.

        Left out are photos that failed, because the next run tries them again, and photos whose
        tags went into another file, or would go somewhere without --dry-run, because only the
        writer can tell what is there by then.
        """
        photo = outcome.photo
        if self._db is None or outcome.status is Status.FAILED or photo.problem:
            return
        if any(reason.code is ReasonCode.DRY_RUN for reason in outcome.reasons):
            return
        path, version = self._absolute(photo), (photo.size_bytes, photo.mtime_ns)
        sidecars = outcome.metadata.sidecars
        statements: list[_Statement] = []
        if outcome.status is Status.TAGGED:
            try:
                status = photo.path.stat()
            except OSError:
                return
            if version == (status.st_size, status.st_mtime_ns):
                return
            version = (status.st_size, status.st_mtime_ns)
            sidecars = versions_beside(photo.path)  # the write may have changed them
            # the write keeps the time and may keep the size, so rows of other runs are dropped
            statements.append(("DELETE FROM done WHERE path = ?", (path,)))
        values = (path, self._run_id, *version, pack(outcome, observation, sidecars))
        statements.append(("INSERT OR REPLACE INTO done VALUES (?, ?, ?, ?, ?)", values))
        self._execute(statements)

    def find(self, sha256: str, output_key: str) -> PackedOutput | None:
        """The output of a network for a file with this content.

        A file that geotagger has tagged since then holds the same picture.
        """
        if self._restart:
            return None
        ids = [self._key_id(output_key)]
        if not self._gate:
            ids.append(self._key_id(output_key + UNGATED))
        for _ in range(MAX_WRITES):
            for key_id in ids:
                found = self._query(
                    "SELECT answer, note FROM answers WHERE sha256 = ? AND key = ?",
                    (bytes.fromhex(sha256), key_id),
                )
                if found is not None:
                    return PackedOutput(*found)
            sha256 = content_before(sha256)
            if not sha256:
                break
        return None

    def keep(self, output_key: str, outputs: Sequence[tuple[str, PackedOutput]]) -> None:
        """Store (SHA-256, output) of several files."""
        key_id = self._key_id(output_key if self._gate else output_key + UNGATED)
        sql = "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?)"
        self._execute(
            [
                (sql, (bytes.fromhex(sha256), key_id, output.truncation, output.packed))
                for sha256, output in outputs
            ]
        )

    def _absolute(self, photo: Photo) -> bytes:
        """The absolute path, without a look at the disk; its folder is kept for the next photo."""
        folder, prefix = self._folder
        if photo.folder is not folder:
            folder = photo.folder
            absolute = folder if isinstance(folder, RemotePath) else os.path.abspath(folder)  # noqa: PTH100
            prefix = os.path.join(os.fsencode(absolute), b"")  # noqa: PTH118
            self._folder = folder, prefix
        return prefix + os.fsencode(photo.name)

    def _sidecars(self, photo: Photo) -> tuple[SidecarVersion, ...]:
        """The sidecars and records of the photo now. Each folder is listed once: most photos have
        none."""
        folder, names = self._sidecar_names
        if photo.folder != folder:
            folder, names = photo.folder, _sidecar_names(photo.folder)
            self._sidecar_names = folder, names
        name = photo.name.lower()
        if not names:
            return ()
        sidecars = (name + SUFFIX, os.path.splitext(name)[0] + SUFFIX)  # noqa: PTH122
        of_albums = (record.name.lower() for record in records.record_names(photo.name))
        is_any = any(each in names for each in (*sidecars, *of_albums))
        return versions_beside(photo.path) if is_any else ()

    def _key_id(self, key: str) -> int:
        if key not in self._ids:
            values = (key, time.time())
            sql = "ON CONFLICT (key) DO UPDATE SET used = excluded.used"
            self._execute([(f"INSERT INTO keys (key, used) VALUES (?, ?) {sql}", values)])
            found = self._query("SELECT id FROM keys WHERE key = ?", (key,))
            self._ids[key] = found[0] if found else -1
        return self._ids[key]

    def _query(self, sql: str, values: tuple[Any, ...]) -> Any:
        with self._lock:
            try:
                return self._db and self._db.execute(sql, values).fetchone()
            except _DAMAGED_FILE as error:
                self._give_up(error)
                return None

    def _execute(self, statements: Iterable[_Statement]) -> None:
        """Execute the statements in one transaction."""
        with self._lock:
            if self._db is None:
                return
            try:
                self._db.execute("BEGIN")
                for sql, values in statements:
                    self._db.execute(sql, values)
                self._db.execute("COMMIT")
            except _DAMAGED_FILE as error:
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


def _sidecar_names(folder: Path) -> frozenset[str]:
    """The names of the sidecars and records in the folder, in lower case, for disks that ignore
    case."""
    if isinstance(folder, RemotePath):
        return frozenset()
    of_ente = (f"{records.ENTE_FOLDER}/{name}" for name in _names(folder / records.ENTE_FOLDER))
    return frozenset((*_names(folder), *of_ente))


def _names(folder: Path) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name.lower()
                if name.endswith((SUFFIX, records.SUFFIX)):
                    yield name
    except OSError:
        return
