"""A review: the rows of the report, the decisions on them, and the writing of approved ones."""

from __future__ import annotations

import math
import threading
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from geotagger.config import Overwrite, RunOptions
from geotagger.errors import GeotaggerError, UsageError
from geotagger.output.policy import file_tags, tag_names
from geotagger.printable import printable_path
from geotagger.reasons import note_text
from geotagger.reports.page.photo_columns import LEVELS
from geotagger.reports.read.rows import read_rows
from geotagger.review.decisions import STATES, Decision, Decisions, DecisionState, PhotoKey
from geotagger.review.index import RowIndex
from geotagger.review.names import name_at
from geotagger.review.pictures import Pictures
from geotagger.review.writing import apply, prediction_of
from geotagger.types import Level, Outcome, Point

PAGE = 100
"""Rows that the page loads together."""
MAX_NOTES = 200
NOTE_CHARACTERS = 2000
MODES = {"exif": {"write_exif": True}, "sidecar": {"sidecar": True}}


class ReviewSession:
    """Answers the requests of the server. Methods may be called from several threads.

    Raises:
        LookupError: there is no such row.
        ValueError: the request is invalid.
        GeotaggerError: the disk refuses.
    """

    def __init__(self, report: Path, decisions: Decisions) -> None:
        self.report = report
        self.decisions = decisions
        self.index = RowIndex(read_rows(report))
        if not len(self.index):
            raise UsageError(f"{report}: the report has no rows")
        self.pictures = Pictures(report)
        self._lock = threading.RLock()
        self._job: dict[str, Any] = {"running": False, "photos": 0}
        self._thread: threading.Thread | None = None

    def columns(self) -> dict[str, Any]:
        """The compact columns of all rows, with the decisions."""
        states, written = bytearray(len(self.index)), bytearray(len(self.index))
        moved: dict[int, dict[str, float]] = {}
        with self._lock:
            for key, decision in self.decisions:
                for number in self.index.numbers(key):
                    states[number] = STATES.index(decision.state)
                    written[number] = self.decisions.is_written(key)
                    if decision.point and decision.radius_km:
                        lat, lon = decision.point.lat, decision.point.lon
                        moved[number] = {"lat": lat, "lon": lon, "radius_km": decision.radius_km}
            columns = self.index.columns.to_json(moved)
        return {
            **columns,
            "state": b64encode(states).decode(),
            "written": b64encode(written).decode(),
            "undoable": self.decisions.undoable,
        }

    def rows(self, page: int) -> list[dict[str, Any]]:
        """A page of rows, each with its `decision` and the tags that approving it `writes`."""
        rows = self.index.rows(page * PAGE, PAGE)
        with self._lock:
            for cells in rows:
                cells["writes"] = self._writes(cells)
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
        """Counts the photos that are still to be written."""
        with self._lock:
            counts = Counter(
                decision.state
                for key, decision in self.decisions
                if decision.to_write
                and not self.decisions.is_written(key)
                and self.index.numbers(key)
            )
        return {"photos": counts.total(), "approved": 0, "corrected": 0, **counts}

    def write(self, mode: str, photos: int) -> None:
        """Starts writing in the background.

        Args:
            mode: one of `MODES`.
            photos: the number that the page has shown.

        Raises:
            ValueError: the number has changed, or a write is running.
        """
        with self._lock:
            if self._job["running"]:
                raise ValueError("a write is running already")
            if mode not in MODES:
                raise ValueError(f"unknown mode: {mode!r:.40}")
            planned = self.plan()["photos"]
            if photos != planned:
                raise ValueError(f"now there are {planned} photos to write: look again")
            self._job = {"running": True, "photos": planned, "done": 0, "error": ""}
            self._job |= {"counts": Counter(), "notes": [], "keys": []}
            self._thread = threading.Thread(target=self._write, args=(mode,))
            self._thread.start()

    def _write(self, mode: str) -> None:
        job = self._job
        options = RunOptions(paths=(), overwrite=Overwrite.PREDICTED, **MODES[mode])  # type: ignore[arg-type]
        with self._lock:
            keys = [key for key, decision in self.decisions if decision.to_write]
            numbers = sorted(number for key in keys for number in self.index.numbers(key)[:1])
        rows = (self.index.row(number) for number in numbers)

        def note(outcome: Outcome) -> None:
            with self._lock:
                job["done"] += 1
                job["counts"][outcome.status.value] += 1
                note = note_text(outcome.reasons)
                if note and len(job["notes"]) < MAX_NOTES:
                    job["notes"].append(f"{printable_path(outcome.photo.path)}: {note}")

        try:
            apply(self.report, rows, self.decisions, options, note)
        except Exception as error:  # the page shows it
            job["error"] = str(error) or type(error).__name__
            if not isinstance(error, GeotaggerError):
                raise
        finally:
            job["keys"] = keys
            job["running"] = False

    def progress(self) -> dict[str, Any]:
        """The progress of the write; at its end the state of its rows."""
        with self._lock:
            job = {name: value for name, value in self._job.items() if name != "keys"}
            if job["running"]:
                return job
            return job | self._answer(self._job.get("keys", []), "")

    def close(self) -> None:
        """Waits until a running write has ended."""
        if self._thread:
            self._thread.join()
        self.index.close()


def _number(change: Mapping[str, Any], name: str) -> float:
    value = change.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError(f"{name} is not a number")
    return float(value)
