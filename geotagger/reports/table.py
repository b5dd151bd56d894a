"""Reports as rows: CSV and JSON Lines. The columns are defined here, once.

A report is streamed to `NAME.partial` and takes its name when the run ends, also when it is
interrupted: an earlier report is never left half overwritten.
"""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

from geotagger.errors import GeotaggerError, UsageError
from geotagger.geo import haversine_km
from geotagger.records import Candidate, Level, Outcome, Photo, Prediction, Status

Cell = str | float | None | list[dict[str, object]]

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def gps_distance_km(outcome: Outcome) -> float | None:
    """Distance from the measured position in the file to the prediction, if there are both."""
    gps = outcome.existing.gps
    if gps is None or outcome.existing.gps_is_prediction or outcome.prediction is None:
        return None
    point = outcome.prediction.point
    return round(float(haversine_km(gps.lat, gps.lon, point.lat, point.lon)), 1)


def gps_check(outcome: Outcome) -> str:
    """agree, far, no_gps or invalid; empty for a photo that was not judged, or not even read.

    Far: the distance is beyond the circle that holds 90 % of the belief, widened by what the
    receiver says of its own error. So one sound photo in ten is far too.
    """
    existing = outcome.existing
    if existing.gps_problem:
        return "invalid"
    if existing.gps is None or existing.gps_is_prediction:
        return "" if outcome.status in (Status.FAILED, Status.SKIPPED) else "no_gps"
    distance_km = gps_distance_km(outcome)
    if distance_km is None or outcome.prediction is None:
        return ""
    reach_km = outcome.prediction.radius_km + existing.gps_error_km
    return "agree" if distance_km <= reach_km else "far"


def row(outcome: Outcome) -> dict[str, Cell]:
    """The cells of one photo by column, in the order of the report; None = an empty cell."""
    measured = None if outcome.existing.gps_is_prediction else outcome.existing.gps
    notes = (outcome.note, outcome.existing.gps_problem)
    return {
        "path": path_text(outcome.photo.path),
        "status": outcome.status.value,
        **_answer(outcome.prediction),
        "gps_lat": None if measured is None else round(measured.lat, 6),
        "gps_lon": None if measured is None else round(measured.lon, 6),
        "gps_check": gps_check(outcome),
        "gps_distance_km": gps_distance_km(outcome),
        "taken_at": outcome.existing.taken_at,
        "model": outcome.model,
        "sha256": outcome.sha256,
        "note": "; ".join(text for text in notes if text),
    }


def _answer(prediction: Prediction | None) -> dict[str, Cell]:
    """Like the coordinates, the country is the best guess at any level; finer names are not."""
    if prediction is None:
        return dict.fromkeys(ANSWER_COLUMNS)
    place, level = prediction.place, prediction.level
    cells: tuple[Cell, ...] = (
        round(prediction.point.lat, 5),
        round(prediction.point.lon, 5),
        round(prediction.radius_km, 1),
        round(prediction.confidence, 4),
        level.value,
        place.continent,
        place.country,
        place.country_code,
        place.region if level in (Level.CITY, Level.REGION) else "",
        place.city if level is Level.CITY else "",
        "; ".join(prediction.reasons),
        [_alternative(candidate) for candidate in prediction.candidates],
    )
    return dict(zip(ANSWER_COLUMNS, cells, strict=True))


def _alternative(candidate: Candidate) -> dict[str, object]:
    place = candidate.place
    named = {
        "country_code": place.country_code,
        "country": place.country,
        "region": place.region,
        "city": place.city,
    }
    return {
        **{key: value for key, value in named.items() if value},
        "lat": round(candidate.point.lat, 5),
        "lon": round(candidate.point.lon, 5),
        "probability": round(candidate.probability, 4),
    }


ANSWER_COLUMNS = (
    "lat",
    "lon",
    "radius_km",
    "confidence",
    "level",
    "continent",
    "country",
    "country_code",
    "region",
    "city",
    "evidence",
    "alternatives",
)


def path_text(path: Path) -> str:
    """The path as text that no terminal, table or page can misread.

    Bytes that are not UTF-8 and control characters become backslash escapes (`caf\\xe9.jpg`).
    """
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return plain(text)


def plain(text: str) -> str:
    """Text with control characters (also those that turn the writing direction) escaped."""
    return CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


COLUMNS = tuple(row(Outcome(Photo(Path(), Path()))))


class Report(Protocol):
    """A report being written. `close` gives it its name; an empty one leaves no trace."""

    def add(self, outcome: Outcome) -> None: ...
    def close(self) -> None: ...


class RowFile:
    """A text file of rows that takes its name when it is closed."""

    def __init__(
        self, path: Path, columns: Sequence[str] = COLUMNS, flag: str = "--report"
    ) -> None:
        self.path = path
        self.columns = columns
        self.flag = flag
        self.partial = path.with_name(path.name + ".partial")
        self.empty = True
        with self._guarded():
            self.file: IO[str] = self.partial.open("w", encoding="utf-8", newline="")

    def add(self, outcome: Outcome) -> None:
        """Write one row. Raises GeotaggerError when the disk refuses."""
        self.add_row(row(outcome))

    def add_row(self, cells: Mapping[str, Cell]) -> None:
        """Write cells of whatever columns this file has. Raises as `add` does."""
        with self._guarded():
            self.write(cells)
            self.file.flush()
        self.empty = False

    def write(self, cells: Mapping[str, Cell]) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """Give the report its name. Raises GeotaggerError when the disk refuses."""
        with self._guarded():
            with self.file:
                self.file.flush()
                os.fsync(self.file.fileno())
            if self.empty:
                self.partial.unlink()
            else:
                self.partial.replace(self.path)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise GeotaggerError(
                f"cannot write the report {self.path}: {error.strerror}:"
                f" make room, or choose another place with {self.flag}"
            ) from error


class CsvReport(RowFile):
    """UTF-8 with a header row (RFC 4180); text that a spreadsheet would run is neutralised."""

    def __init__(
        self, path: Path, columns: Sequence[str] = COLUMNS, flag: str = "--report"
    ) -> None:
        super().__init__(path, columns, flag)
        self.writer = csv.writer(self.file)
        self.writer.writerow(columns)

    def write(self, cells: Mapping[str, Cell]) -> None:
        self.writer.writerow([_csv_cell(cell) for cell in cells.values()])


class JsonLinesReport(RowFile):
    """One JSON object per photo and line."""

    def write(self, cells: Mapping[str, Cell]) -> None:
        plain_cells = {name: _json_cell(cell) for name, cell in cells.items()}
        self.file.write(json.dumps(plain_cells, ensure_ascii=False) + "\n")


def _csv_cell(cell: Cell) -> str | float:
    if cell is None:
        return ""
    if isinstance(cell, list):
        return json.dumps(cell, ensure_ascii=False)
    if isinstance(cell, str):
        text = plain(cell)
        return "'" + text if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
    return cell


def _json_cell(cell: Cell) -> Cell:
    return plain(cell) if isinstance(cell, str) else cell


FORMATS: Mapping[str, type[RowFile]] = {".csv": CsvReport, ".jsonl": JsonLinesReport}


def open_report(path: Path) -> Report:
    """Start the report that the suffix of `path` asks for.

    Raises UsageError for a suffix that is not known, GeotaggerError when it cannot be written.
    """
    return open_rows(path, COLUMNS, "--report")


def open_rows(path: Path, columns: Sequence[str], flag: str) -> RowFile:
    """A file of rows of any columns; `flag` is what asked for it. Raises as `open_report` does."""
    make = FORMATS.get(path.suffix.lower())
    if make is None:
        known = ", ".join(FORMATS)
        raise UsageError(f"{path}: the suffix names the report's format; known: {known}")
    return make(path, columns, flag)
