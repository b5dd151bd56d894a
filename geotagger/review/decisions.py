"""What a person decided, in a journal beside the report: one JSON object a line.

Each line is on the disk before the page hears of it. A line holds whole decisions, and the last
one on a photo counts; so a line that a crash tore off loses nothing but itself. A photo is known by
its path and the SHA-256 of its content: a decision on another content is not its.
"""

from __future__ import annotations

import json
import math
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, NamedTuple

from geotagger.errors import GeotaggerError, UsageError
from geotagger.types import Point

STATES = ("", "approved", "corrected", "rejected")


class Key(NamedTuple):
    """One photo with one content."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided on one photo. Raises ValueError for what is none."""

    state: str = ""
    """approved: the guess is right. corrected: the photo is at `point`. rejected: it is not there,
    and nothing is to be written. Empty: undecided."""
    point: Point | None = None
    radius_km: float | None = None
    note: str = ""

    def __post_init__(self) -> None:
        if self.state not in STATES:
            raise ValueError(f"there is no decision {self.state!r:.40}")
        if (self.state == "corrected") != (self.point is not None and self.radius_km is not None):
            raise ValueError("a correction, and nothing else, has a place and a radius")
        if self.point and not (abs(self.point.lat) <= 90 and abs(self.point.lon) <= 180):
            raise ValueError("the place is out of range")
        if self.radius_km is not None and not 0 < self.radius_km <= 20_040:
            raise ValueError("the radius is out of range")
        _refuse_halves(self.note)

    @property
    def to_write(self) -> bool:
        return self.state in ("approved", "corrected")


def _refuse_halves(text: str) -> None:
    """Half a surrogate pair, which JSON may hold, is no character: nothing could be written."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("half a character stands in it") from error


NONE = Decision()


def journal_path(report: Path) -> Path:
    """`places.csv` -> `places.csv.decisions.jsonl`."""
    return report.with_name(report.name + ".decisions.jsonl")


class Decisions:
    """The decisions on a report, open for more. Raises UsageError where another review has them."""

    def __init__(self, report: Path) -> None:
        self.path = journal_path(report)
        self.damaged = 0
        """Lines that say nothing: torn off, or changed by someone."""
        self._now: dict[Key, Decision] = {}
        self._written: dict[Key, Decision] = {}
        self._undo: list[list[tuple[Key, Decision]]] = []
        self._lock = threading.Lock()
        with self._guarded():
            self._file: IO[bytes] = self.path.open("a+b")
            _lock(self._file, self.path)
            self._file.seek(0)
            content = self._file.read()
            for line in content.splitlines():
                self._replay(line)
            if content and not content.endswith(b"\n"):
                self._file.write(b"\n")

    def __enter__(self) -> Decisions:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """A journal without a word leaves no trace."""
        empty = self.path.exists() and self.path.stat().st_size == 0
        self._file.close()
        if empty:
            self.path.unlink()

    def __iter__(self) -> Iterator[tuple[Key, Decision]]:
        return iter(self._now.items())

    def of(self, key: Key) -> Decision:
        return self._now.get(key, NONE)

    def is_written(self, key: Key) -> bool:
        """Whether just what is decided now stands in the photo or its sidecar."""
        written = self._written.get(key)
        return written is not None and written == replace(self.of(key), note="")

    @property
    def undoable(self) -> bool:
        return bool(self._undo)

    def decide(self, changes: Mapping[Key, Decision]) -> None:
        """Keep these; all of them can be taken back at once. Raises GeotaggerError."""
        if changes:
            self._append({"changes": [_told(key, to) for key, to in changes.items()]})

    def undo(self) -> list[Key]:
        """Take the last decisions back; the photos that this concerns."""
        if not self._undo:
            return []
        before = self._undo[-1]
        self._append({"undo": True, "changes": [_told(key, to) for key, to in before]})
        return [key for key, _ in before]

    def wrote(self, key: Key, decision: Decision) -> None:
        """Keep that this has been written, whatever has been decided since."""
        self._append({"written": [_told(key, replace(decision, note=""))]})

    def _append(self, line: dict[str, Any]) -> None:
        at = datetime.now(UTC).isoformat(timespec="seconds")
        data = json.dumps({"at": at, **line}, ensure_ascii=True).encode("ascii")
        with self._lock, self._guarded():
            is_new = self._file.tell() == 0
            self._file.write(data + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
            if is_new:
                _sync_folder(self.path.parent)
        self._replay(data)

    def _replay(self, line: bytes) -> None:
        if not line.strip():
            return
        try:
            told = json.loads(line)
            changes = [_heard(item) for item in told.get("changes", ())]
            written = [_heard(item) for item in told.get("written", ())]
        except (
            ValueError,
            LookupError,
            TypeError,
            AttributeError,
            ArithmeticError,
            RecursionError,
        ):
            self.damaged += 1
            return
        before = [(key, self.of(key)) for key, _ in changes]
        if told.get("undo"):
            if self._undo:
                self._undo.pop()
        elif changes:
            self._undo.append(before)
        self._now.update(changes)
        self._written.update(written)

    def _guarded(self) -> _Guard:
        return _Guard(self.path)


class _Guard:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, OSError):
            raise GeotaggerError(
                f"decisions cannot be kept in {self.path}: {error.strerror or error}: make room, or"
                " copy the report to a folder that you may write in"
            ) from error


def _told(key: Key, decision: Decision) -> dict[str, Any]:
    point = decision.point
    told = {
        "path": key.path,
        "sha256": key.sha256,
        "state": decision.state,
        "lat": point and point.lat,
        "lon": point and point.lon,
        "radius_km": decision.radius_km,
        "note": decision.note,
    }
    return {name: value for name, value in told.items() if value is not None and value != ""}


def _heard(told: Mapping[str, Any]) -> tuple[Key, Decision]:
    point = None
    if "lat" in told:
        lat, lon = float(told["lat"]), float(told["lon"])
        if not math.isfinite(lat + lon):
            raise ValueError("no place")
        point = Point(lat, lon)
    radius_km = float(told["radius_km"]) if "radius_km" in told else None
    key = Key(str(told["path"]), str(told.get("sha256", "")))
    _refuse_halves("".join(key))
    return key, Decision(str(told.get("state", "")), point, radius_km, str(told.get("note", "")))


def _lock(file: IO[bytes], path: Path) -> None:
    """For as long as the file is open; a crash lets it go."""
    try:
        import fcntl
    except ImportError:  # Windows
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise UsageError(f"{path} is in use: close the other review of this report first") from None


def _sync_folder(folder: Path) -> None:
    """So that a new file survives a power cut; not every system can do it."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
