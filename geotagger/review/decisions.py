"""The decisions of a reviewer, in a journal next to the report: one JSON object per line.

A line is on the disk before the page is answered. It holds complete decisions, and the last one on
a photo counts. So a line that is cut off by a crash costs only itself. A photo is identified by its
path and the SHA-256 of its content: a decision on other content does not apply to it.
"""

from __future__ import annotations

import json
import math
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import IO, Any, NamedTuple

from geotagger.errors import GeotaggerError
from geotagger.file_lock import lock
from geotagger.types import Point


class DecisionState(StrEnum):
    """What a person decided on a photo."""

    UNDECIDED = ""
    APPROVED = "approved"
    """The prediction is right."""
    CORRECTED = "corrected"
    """The photo is at another point."""
    REJECTED = "rejected"
    """The prediction is wrong, and nothing is written."""


STATES = tuple(DecisionState)


class PhotoKey(NamedTuple):
    """One photo with one content."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision on one photo. Raises ValueError if it is invalid."""

    state: str = DecisionState.UNDECIDED
    """One of `DecisionState`."""
    point: Point | None = None
    """Where the photo is, if the prediction was corrected."""
    radius_km: float | None = None
    note: str = ""

    def __post_init__(self) -> None:
        if self.state not in STATES:
            raise ValueError(f"unknown decision {self.state!r:.40}")
        if (self.state == DecisionState.CORRECTED) != (
            self.point is not None and self.radius_km is not None
        ):
            raise ValueError("only a correction has a place and a radius, and it needs both")
        if self.point and not (abs(self.point.lat) <= 90 and abs(self.point.lon) <= 180):
            raise ValueError("the place is out of range")
        if self.radius_km is not None and not 0 < self.radius_km <= 20_040:
            raise ValueError("the radius is out of range")
        _check_unicode(self.note)

    @property
    def to_write(self) -> bool:
        """Whether something is to be written for this decision."""
        return self.state in (DecisionState.APPROVED, DecisionState.CORRECTED)


def _check_unicode(text: str) -> None:
    """Raises ValueError for half a surrogate pair, which JSON can hold but a file cannot."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("the text is not valid Unicode") from error


UNDECIDED = Decision()


def journal_path(report: Path) -> Path:
    """`places.csv` -> `places.csv.decisions.jsonl`."""
    return report.with_name(report.name + ".decisions.jsonl")


class Decisions:
    """The journal of decisions on a report, open for more.

    Raises:
        UsageError: another review of this report is running.
        GeotaggerError: the journal cannot be written.
    """

    def __init__(self, report: Path) -> None:
        self.path = journal_path(report)
        self.damaged = 0
        """Lines that cannot be read: cut off, or changed by another program."""
        self._current: dict[PhotoKey, Decision] = {}
        self._written: dict[PhotoKey, Decision] = {}
        self._undo: list[list[tuple[PhotoKey, Decision]]] = []
        self._lock = threading.Lock()
        with self._named_errors():
            self._file: IO[bytes] = self.path.open("a+b")
            lock(
                self._file,
                f"{self.path} is in use: close the other review of this report first",
            )
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
        """Closes the journal, and deletes it if it is empty."""
        empty = self.path.exists() and self.path.stat().st_size == 0
        self._file.close()
        if empty:
            self.path.unlink()

    def __iter__(self) -> Iterator[tuple[PhotoKey, Decision]]:
        return iter(self._current.items())

    def of(self, key: PhotoKey) -> Decision:
        """The decision on a photo; `UNDECIDED` without one."""
        return self._current.get(key, UNDECIDED)

    def is_written(self, key: PhotoKey) -> bool:
        """Whether the current decision has been written to the photo or its sidecar."""
        written = self._written.get(key, UNDECIDED)
        return written.to_write and written == replace(self.of(key), note="")

    def written_photos(self) -> list[PhotoKey]:
        """The photos that hold a decision, also if it has changed since."""
        return [key for key, decision in self._written.items() if decision.to_write]

    @property
    def undoable(self) -> bool:
        """Whether there is a decision to take back."""
        return bool(self._undo)

    def decide(self, changes: Mapping[PhotoKey, Decision]) -> None:
        """Record decisions, which `undo` takes back together. Raises GeotaggerError."""
        if changes:
            self._append({"changes": [_to_json(key, to) for key, to in changes.items()]})

    def undo(self) -> list[PhotoKey]:
        """Take back the last decisions; returns their photos."""
        if not self._undo:
            return []
        before = self._undo[-1]
        self._append({"undo": True, "changes": [_to_json(key, to) for key, to in before]})
        return [key for key, _ in before]

    def wrote(self, key: PhotoKey, decision: Decision) -> None:
        """Record that a decision has been written, even if it has changed since."""
        self._append({"written": [_to_json(key, replace(decision, note=""))]})

    def unwrote(self, key: PhotoKey) -> None:
        """Record that a photo was restored, and so holds no decision any more."""
        self._append({"written": [_to_json(key, UNDECIDED)]})

    def _append(self, line: dict[str, Any]) -> None:
        at = datetime.now(UTC).isoformat(timespec="seconds")
        data = json.dumps({"at": at, **line}, ensure_ascii=True).encode("ascii")
        with self._lock, self._named_errors():
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
            entry = json.loads(line)
            changes = [_from_json(item) for item in entry.get("changes", ())]
            written = [_from_json(item) for item in entry.get("written", ())]
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
        if entry.get("undo"):
            if self._undo:
                self._undo.pop()
        elif changes:
            self._undo.append(before)
        self._current.update(changes)
        self._written.update(written)

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise GeotaggerError(
                f"decisions cannot be kept in {self.path}: {error.strerror or error}: make room, or"
                " copy the report to a folder that you may write in"
            ) from error


def _to_json(key: PhotoKey, decision: Decision) -> dict[str, Any]:
    point = decision.point
    values = {
        "path": key.path,
        "sha256": key.sha256,
        "state": decision.state,
        "lat": point and point.lat,
        "lon": point and point.lon,
        "radius_km": decision.radius_km,
        "note": decision.note,
    }
    return {name: value for name, value in values.items() if value is not None and value != ""}


def _from_json(item: Mapping[str, Any]) -> tuple[PhotoKey, Decision]:
    point = None
    if "lat" in item:
        lat, lon = float(item["lat"]), float(item["lon"])
        if not math.isfinite(lat + lon):
            raise ValueError("the place is not finite")
        point = Point(lat, lon)
    radius_km = float(item["radius_km"]) if "radius_km" in item else None
    key = PhotoKey(str(item["path"]), str(item.get("sha256", "")))
    _check_unicode("".join(key))
    return key, Decision(str(item.get("state", "")), point, radius_km, str(item.get("note", "")))


def _sync_folder(folder: Path) -> None:
    """Makes a new file survive a power cut, where the system can."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
