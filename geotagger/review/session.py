"""A review: the rows of the report, the decisions on them, and the writing of approved ones."""

from __future__ import annotations

import math
import os
import threading
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geotagger.errors import UsageError
from geotagger.metadata.undo.untag import UntagResult, UntagStatus
from geotagger.metadata.undo.write_journal import WriteJournal
from geotagger.output.policy import file_tags, tag_names
from geotagger.output.untag import untag_photo, with_sidecars
from geotagger.printable import printable_path
from geotagger.reports.page.photo_columns import LEVELS
from geotagger.reports.read.find_photo import find_photo
from geotagger.reports.read.rows import read_rows
from geotagger.review.decisions import STATES, Decision, Decisions, DecisionState, PhotoKey
from geotagger.review.index import RowIndex
from geotagger.review.names import name_at
from geotagger.review.pictures import Pictures
from geotagger.review.remedies import remedy
from geotagger.review.write_job import JobKind, Verdict, WriteJob
from geotagger.review.writing import apply, prediction_of
from geotagger.types import Level, Point

if TYPE_CHECKING:
    from geotagger.config import RunOptions

PAGE = 100
"""Rows that the page loads together."""
NOTE_CHARACTERS = 2000


class ReviewSession:
    """Answers the requests of the server. Methods may be called from several threads.

    Raises:
        LookupError: there is no such row.
        ValueError: the request is invalid.
        GeotaggerError: the disk refuses.
    """

    def __init__(self, report: Path, decisions: Decisions, index: RowIndex | None = None) -> None:
        """
        Args:
            report: the file; relative paths in it are also looked for in its folder.
            decisions: its journal.
            index: the rows, which may become more; None to read them from the report.
        """
        self.report = report
        self.decisions = decisions
        self.index = RowIndex(read_rows(report)) if index is None else index
        if index is None and not len(self.index):
            raise UsageError(f"{report}: the report has no rows")
        self.pictures = Pictures(report)
        self._lock = threading.RLock()
        self._job: WriteJob | None = None

    def columns(self, first: int = 0, count: int | None = None) -> dict[str, Any]:
        """The compact columns of the rows, with the decisions.

        Args:
            first: the first row.
            count: at most so many rows; None for all.
        """
        with self._lock:
            total = len(self.index)
            last = total if count is None else min(total, first + count)
            first = min(first, last)
            states, written = bytearray(last - first), bytearray(last - first)
            moved: dict[int, dict[str, float]] = {}
            for number, key in self.index.keys(first, last):
                decision = self.decisions.of(key)
                states[number - first] = STATES.index(decision.state)
                written[number - first] = self.decisions.is_written(key)
                if decision.point and decision.radius_km:
                    lat, lon = decision.point.lat, decision.point.lon
                    moved[number] = {"lat": lat, "lon": lon, "radius_km": decision.radius_km}
            columns = self.index.columns_json(moved, slice(first, last))
        return {
            **columns,
            "state": b64encode(states).decode(),
            "written": b64encode(written).decode(),
            "undoable": self.decisions.undoable,
        }

    def rows(self, page: int) -> list[dict[str, Any]]:
        """A page of rows, each with its `decision`, the tags that approving it `writes`, and the
        `remedy` if it failed."""
        rows = self.index.rows(page * PAGE, PAGE)
        with self._lock:
            for cells in rows:
                cells["writes"] = self._writes(cells)
                cells["remedy"] = remedy(cells)
                cells["decision"] = self._decision(PhotoKey(cells["path"], cells["sha256"]))
        return rows

    def _writes(self, cells: Mapping[str, Any]) -> str:
        if cells["lat"] is None:
            return ""
        tags = file_tags(prediction_of(cells, Decision(DecisionState.APPROVED)), cells["model"])
        return tag_names(tags) if tags else "nothing"

    def _decision(self, key: PhotoKey) -> dict[str, Any]:
        decision = self.decisions.of(key)
        answer: dict[str, Any] = {
            "state": decision.state,
            "note": decision.note,
            "written": self.decisions.is_written(key),
        }
        if decision.point:
            lat, lon = decision.point.lat, decision.point.lon
            answer |= {"lat": lat, "lon": lon, "radius_km": decision.radius_km}
            answer["place"] = {"city": name_at(lat, lon)}
        return answer

    def decide(self, change: Mapping[str, Any]) -> dict[str, Any]:
        """Records decisions.

        Args:
            change: `ids` with a `state`, and a place if that is corrected; or with a `note` alone.
        """
        ids = change.get("ids")
        if not isinstance(ids, list) or not all(type(number) is int for number in ids):
            raise ValueError("ids is not a list of row numbers")
        with self._lock:
            changes: dict[PhotoKey, Decision] = {}
            left = 0
            for number in ids:
                key = self.index.key(number)
                to = self._changed(number, self.decisions.of(key), change)
                if to is None:
                    left += 1
                else:
                    changes[key] = to
            self.decisions.decide(changes)
            message = f"{left} left undecided: their prediction names no place" if left else ""
            return self._answer(changes, message)

    def _changed(self, number: int, now: Decision, change: Mapping[str, Any]) -> Decision | None:
        """The new decision; None for a prediction that names no place and so cannot be approved."""
        note = change.get("note", now.note)
        if not isinstance(note, str) or len(note) > NOTE_CHARACTERS:
            raise ValueError("the note is not a text, or is too long")
        if "state" not in change:
            return replace(now, note=note)
        state = change["state"]
        if state == DecisionState.CORRECTED:
            lat, lon, radius_km = (_number(change, name) for name in ("lat", "lon", "radius_km"))
            return Decision(state, Point(lat, lon), radius_km, note)
        if state == DecisionState.APPROVED:
            columns = self.index.columns.arrays
            if LEVELS[columns["level"][number]] is Level.NONE:
                return None
        return Decision(state, note=note)

    def undo(self) -> dict[str, Any]:
        """Takes back the last decisions. Raises ValueError if there are none."""
        with self._lock:
            keys = self.decisions.undo()
            if not keys:
                raise ValueError("there is nothing to undo")
            return self._answer(keys, "Taken back.")

    def _answer(
        self, keys: Sequence[PhotoKey] | Mapping[PhotoKey, Decision], message: str
    ) -> dict[str, Any]:
        rows = [self._state(key, number) for key in keys for number in self.index.numbers(key)]
        return {"rows": rows, "undoable": self.decisions.undoable, "message": message}

    def _state(self, key: PhotoKey, number: int) -> list[Any]:
        """[row, state, written, lat, lon, radius_km] of a row."""
        decision = self.decisions.of(key)
        where: list[float | None]
        if decision.point:
            where = [decision.point.lat, decision.point.lon, decision.radius_km]
        else:
            columns = self.index.columns.arrays
            guess = [columns[name][number] for name in ("lat", "lon", "radius_km")]
            where = [None if math.isnan(part) else part for part in guess]
        return [
            number,
            STATES.index(decision.state),
            self.decisions.is_written(key),
            *where,
        ]

    def plan(self) -> dict[str, int]:
        """Counts the photos that are still to be written, and those that were written."""
        with self._lock:
            counts = Counter(
                decision.state
                for key, decision in self.decisions
                if decision.to_write
                and not self.decisions.is_written(key)
                and self.index.numbers(key)
            )
            written = len(self._restorable())
        zero = {"approved": 0, "corrected": 0}
        return {"photos": counts.total(), **zero, **counts, "written": written}

    def write(self, options: RunOptions, photos: int) -> None:
        """Starts writing in the background, or with `options.dry_run` rehearses it.

        Args:
            options: what to write where; `paths` does not count.
            photos: the number that the page has shown.

        Raises:
            ValueError: the number has changed, or a job is running.
        """
        kind = JobKind.DRY_RUN if options.dry_run else JobKind.WRITE
        with self._lock:
            job = self._new_job(kind, self.plan()["photos"], photos)
            job.keys = [key for key, decision in self.decisions if decision.to_write]
            numbers = sorted(number for key in job.keys for number in self.index.numbers(key)[:1])
            self._start(job, lambda _: self._write(job, numbers, options))

    def untag(self, photos: int) -> None:
        """Starts to restore the photos that decisions were written to. Raises as `write` does."""
        with self._lock:
            keys = self._restorable()
            job = self._new_job(JobKind.UNTAG, len(keys), photos)
            job.keys = keys
            self._start(job, self._untag)

    def _restorable(self) -> list[PhotoKey]:
        """The photos that hold a decision, also where a job was killed before it recorded that."""
        written = dict.fromkeys(self.decisions.written_photos())
        unrecorded = [
            key for key, decision in self.decisions if decision.to_write and key not in written
        ]
        if unrecorded:
            with WriteJournal.open(dry_run=True) as journal:
                written |= dict.fromkeys(key for key in unrecorded if self._is_tagged(key, journal))
        return list(written)

    def _is_tagged(self, key: PhotoKey, journal: WriteJournal) -> bool:
        path = find_photo(key.path, self.report)
        return path is not None and any(
            journal.holds_write(Path(os.path.realpath(file))) for file in with_sidecars(path)
        )

    def _new_job(self, kind: JobKind, planned: int, shown: int) -> WriteJob:
        if self._job and self._job.is_running:
            raise ValueError("a write is running already")
        if planned != shown:
            raise ValueError(f"now there are {planned} photos to {kind}: look again")
        return WriteJob(kind, planned)

    def _start(self, job: WriteJob, work: Callable[[WriteJob], None]) -> None:
        """Shows the job as soon as it runs; before that it would look like one that has ended."""
        job.start(work)
        self._job = job

    def _write(self, job: WriteJob, numbers: Sequence[int], options: RunOptions) -> None:
        row = 0

        def rows() -> Iterator[dict[str, Any]]:
            nonlocal row
            for row in numbers:
                if job.is_stopping:
                    return
                yield self.index.row(row)

        apply(
            self.report,
            rows(),
            self.decisions,
            options,
            lambda outcome: job.add_outcome(row, outcome),
        )

    def _untag(self, job: WriteJob) -> None:
        with WriteJournal.open() as journal:
            for key in job.keys:
                if job.is_stopping:
                    return
                done, path = self._restored(key, journal)
                is_good = done.result is not UntagStatus.FAILED
                if is_good:
                    self.decisions.unwrote(key)
                row = next(iter(self.index.numbers(key)), -1)
                verdict = Verdict(row, path, done.result.value, done.note)
                job.add(done.result.value, verdict, is_good=is_good)

    def _restored(self, key: PhotoKey, journal: WriteJournal) -> tuple[UntagResult, str]:
        """What `untag` did to a photo, and the photo's path for people."""
        path = find_photo(key.path, self.report)
        if path is None:
            problem = "it does not exist any more; run geotagger untag where it is now"
            return UntagResult(UntagStatus.FAILED, problem), key.path
        return untag_photo(path, journal), printable_path(path)

    def progress(self) -> dict[str, Any]:
        """The progress of the job; at its end the state of its rows."""
        job = self._job
        if job is None:
            return {"running": False, "photos": 0, **self._answer([], "")}
        if job.is_running:
            return job.to_json()
        with self._lock:
            return job.to_json() | self._answer(job.keys, "")

    @property
    def job(self) -> WriteJob | None:
        """The last job."""
        return self._job

    def close(self) -> None:
        """Waits until a running job has ended."""
        if self._job:
            self._job.join()
        self.index.close()


def _number(change: Mapping[str, Any], name: str) -> float:
    value = change.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError(f"{name} is not a number")
    return float(value)
