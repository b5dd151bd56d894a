"""A report as a file, and those that are rows of text: CSV and JSON Lines.

A report is streamed to `NAME.partial` and takes its name when the run ends, also when it is
interrupted: an earlier report is never left half overwritten, and what is no report is kept.
"""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from geotagger.errors import GeotaggerError
from geotagger.printable import printable
from geotagger.reports.formats.earlier import is_report, keep
from geotagger.reports.read.find_photo import find_photo
from geotagger.reports.rows import row
from geotagger.reports.schema import BY_NAME, COLUMNS, SCHEMA_VERSION, VERSION, Cell
from geotagger.types import Outcome

PARTIAL = ".partial"
FORMULA = re.compile(r"'*[=+\-@\uff1d\uff0b\uff0d\uff20]")
"""How a text starts that a spreadsheet would run; also one that was neutralised already."""

_as_json = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class ReportStyle:
    """How a report looks, where its format leaves a choice."""

    columns: Sequence[str] = COLUMNS
    schema_version: int | None = SCHEMA_VERSION
    """None for a file that is no report, which says no version."""
    thumbnails: bool = True
    """Small pictures of the photos, in the formats that can hold or show them."""
    circles: bool = False
    """The 90 % radius as a polygon, in GeoJSON."""
    source: Path | None = None
    """The report that the rows come from; photos may lie beside it."""


STANDARD = ReportStyle()


class ReportWriter:
    """A file of rows that takes its name when it is closed; one without rows leaves no trace."""

    mode = "w"

    def __init__(self, path: Path, look: ReportStyle = STANDARD, flag: str = "--report") -> None:
        self.path = path
        self.look = look
        self.flag = flag
        self.partial = path.with_name(path.name + PARTIAL)
        self.empty = True
        encoding, newline = ("utf-8", "") if self.mode == "w" else (None, None)
        with self.guarded():
            self.file: IO[Any] = self.partial.open(self.mode, encoding=encoding, newline=newline)

    def add(self, outcome: Outcome) -> None:
        """Write one row. Raises GeotaggerError when the disk refuses."""
        self.add_row(row(outcome))

    def add_row(self, cells: Mapping[str, Cell], *, flush: bool = True) -> None:
        """Write cells of whatever columns this file has. Raises as `add` does.

        `flush`: others can read the row at once. That takes longer than to write it.
        """
        try:
            self.write(cells)
            if flush:
                self.file.flush()
        except OSError as error:
            raise self._refused(error) from error
        self.empty = False

    def write(self, cells: Mapping[str, Cell]) -> None:
        """Put one row into `self.file`."""
        raise NotImplementedError

    def photo(self, path: str) -> Path | None:
        """The photo that a `path` cell means, if it can be found."""
        sources = (self.look.source,) if self.look.source else ()
        return find_photo(path, *sources, self.path)

    def finish(self) -> None:
        """Put into `self.file` what comes after the last row."""

    def close(self) -> None:
        """Give the report its name. Raises GeotaggerError when the disk refuses."""
        with self.guarded():
            with self.file:
                if not self.empty:
                    self.finish()
                self.file.flush()
                os.fsync(self.file.fileno())
            if self.empty:
                self.partial.unlink()
            else:
                if self.path.is_file() and not is_report(self.path):
                    keep(self.path, self.path, self.flag)
                self.partial.replace(self.path)

    def discard(self) -> None:
        """Forget it: an earlier report of that name stays as it was."""
        self.empty = True
        with suppress(GeotaggerError):
            self.close()

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Turns what the disk refuses into a GeotaggerError that names the remedy."""
        try:
            yield
        except OSError as error:
            raise self._refused(error) from error

    def _refused(self, error: OSError) -> GeotaggerError:
        return GeotaggerError(
            f"cannot write the report {self.path}: {error.strerror or error}:"
            f" make room, or choose another place with {self.flag}"
        )


class CsvReport(ReportWriter):
    """UTF-8 with a header row (RFC 4180); text that a spreadsheet would run is neutralised."""

    def __init__(self, path: Path, look: ReportStyle = STANDARD, flag: str = "--report") -> None:
        super().__init__(path, look, flag)
        self.writer = csv.writer(self.file)
        self.columns = [
            name for name in look.columns if name not in BY_NAME or BY_NAME[name].in_csv
        ]
        with self.guarded():
            self.writer.writerow([neutralised(name) for name in self.columns])

    def write(self, cells: Mapping[str, Cell]) -> None:
        self.writer.writerow([_csv_cell(cells.get(name)) for name in self.columns])


class JsonLinesReport(ReportWriter):
    """One JSON object per photo and line."""

    def write(self, cells: Mapping[str, Cell]) -> None:
        self.file.write(_as_json(json_row(cells, self.look.schema_version)) + "\n")


def _csv_cell(cell: Cell) -> str | float | None:
    if isinstance(cell, str):
        return neutralised(cell) if cell else cell
    if isinstance(cell, list):
        return _as_json(cell) if cell else ""
    return cell


def neutralised(text: str) -> str:
    """The text as no spreadsheet runs it; `revived` undoes it."""
    text = printable(text)
    return "'" + text if FORMULA.match(text) else text


def revived(text: str) -> str:
    """A cell of a CSV without the apostrophe that `neutralised` gave it."""
    return text[1:] if text.startswith("'") and FORMULA.match(text) else text


def json_row(
    cells: Mapping[str, Cell], schema_version: int | None = SCHEMA_VERSION
) -> dict[str, object]:
    """The row as one JSON object, with every text in it plain."""
    version = {} if schema_version is None else {VERSION: schema_version}
    return {**version, **{name: json_cell(cell) for name, cell in cells.items()}}


def json_cell(cell: Cell) -> Cell:
    """The cell with every text in it plain."""
    if isinstance(cell, list):
        return [{key: _plain(value) for key, value in item.items()} for item in cell]
    return printable(cell) if isinstance(cell, str) else cell


def _plain(value: object) -> object:
    return printable(value) if isinstance(value, str) else value
