"""A job in the background that writes, rehearses or restores photos, and what it has done."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from geotagger.errors import GeotaggerError
from geotagger.printable import printable_path
from geotagger.reasons import ReasonCode, note_text
from geotagger.review.decisions import PhotoKey
from geotagger.types import Outcome, Status

MAX_VERDICTS = 200
"""Verdicts that are kept, those of photos that were not written first."""

_numbers = itertools.count(1)


class JobKind(StrEnum):
    """What a job does."""

    DRY_RUN = "dry-run"
    WRITE = "write"
    UNTAG = "untag"


class Verdict(NamedTuple):
    """What became of one photo, or would."""

    row: int
    path: str
    verdict: str
    why: str = ""
    """What goes after the verdict, and does not say it again."""


class WriteJob:
    """The state of a job, which its thread fills. Methods may be called from any thread."""

    def __init__(self, kind: JobKind, photos: int) -> None:
        self.number = next(_numbers)
        """Tells it from a job before that did just the same."""
        self.kind = kind
        self.photos = photos
        self.keys: Sequence[PhotoKey] = ()
        """The photos whose rows may have changed at the end."""
        self.is_running = False
        self.is_stopping = False
        self.error = ""
        self._counts: Counter[str] = Counter()
        self._by_verdict: Counter[str] = Counter()
        self._good: list[Verdict] = []
        self._bad: list[Verdict] = []
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self, work: Callable[[WriteJob], None]) -> None:
        """Runs the work in a thread."""
        self.is_running = True
        self._thread = threading.Thread(target=self._run, args=(work,))
        self._thread.start()

    def _run(self, work: Callable[[WriteJob], None]) -> None:
        try:
            work(self)
        except Exception as error:  # the page shows it
            self.error = str(error) or type(error).__name__
            if not isinstance(error, GeotaggerError):
                raise
        finally:
            self.is_running = False

    def stop(self) -> None:
        """Ends the job after the photo in hand."""
        self.is_stopping = True

    def join(self) -> None:
        """Waits until the job has ended."""
        if self._thread:
            self._thread.join()

    def add(self, status: str, verdict: Verdict, *, is_good: bool) -> None:
        """Counts a photo under its status, and keeps the verdict if there is room."""
        with self._lock:
            self._counts[status] += 1
            self._by_verdict[verdict.verdict] += 1
            verdicts = self._good if is_good else self._bad
            if len(verdicts) < MAX_VERDICTS:
                verdicts.append(verdict)

    def add_outcome(self, row: int, outcome: Outcome) -> None:
        """Counts a photo that the writer has finished."""
        would_write = [one.detail for one in outcome.reasons if one.code is ReasonCode.DRY_RUN]
        is_good = bool(would_write) or outcome.status is Status.TAGGED
        words = {Status.FAILED: "failed", Status.TAGGED: "written"}
        if self.kind is JobKind.DRY_RUN:
            words[Status.TAGGED] = "written already"
        verdict = "would be written" if would_write else words.get(outcome.status, "not written")
        others = note_text(one for one in outcome.reasons if one.code is not ReasonCode.DRY_RUN)
        why = "; ".join(filter(None, (*would_write, others.removeprefix(f"{verdict}: "))))
        path = printable_path(outcome.photo.path)
        self.add(outcome.status.value, Verdict(row, path, verdict, why), is_good=is_good)

    def to_json(self) -> dict[str, Any]:
        """The state of the job for the page."""
        with self._lock:
            verdicts = [*self._bad, *self._good][:MAX_VERDICTS]
            return {
                "number": self.number,
                "kind": self.kind.value,
                "running": self.is_running,
                "photos": self.photos,
                "done": self._counts.total(),
                "counts": dict(self._counts),
                "by_verdict": dict(self._by_verdict),
                "verdicts": [verdict._asdict() for verdict in verdicts],
                "notes": [f"{path}: {verdict}: {why}" for _, path, verdict, why in verdicts if why],
                "error": self.error,
            }
