"""Base of all report formats: a file to which rows are written one at a time.

A report is written to `NAME.partial` and gets its name when the run ends, also when the run is
interrupted. So an earlier report is never left half overwritten. A file that is not a report is
moved aside.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from geotagger.errors import GeotaggerError
from geotagger.reports.formats.existing import is_report, move_aside
from geotagger.reports.read.find_photo import find_photo
from geotagger.reports.rows import row
from geotagger.reports.schema import COLUMNS, SCHEMA_VERSION, Cell
from geotagger.types import Outcome

PARTIAL = ".partial"


@dataclass(frozen=True, slots=True)
class ReportStyle:
    """What a report holds and how it looks, where its format leaves a choice."""

    columns: Sequence[str] = COLUMNS
    schema_version: int | None = SCHEMA_VERSION
    """None for a file of other rows, which has no schema version."""
    thumbnails: bool = True
    """Small pictures of the photos, in the formats that can hold or show them."""
    circles: bool = False
    """The 90 % radius as a polygon, in GeoJSON."""
    csv_bom: bool = False
    """CSV begins with a byte order mark, from which Excel knows that it is UTF-8."""
    source: Path | None = None
    """The report that the rows come from. Photos are also looked for in its folder."""


DEFAULT_STYLE = ReportStyle()


class ReportWriter:
    """Writes rows to a file. A subclass for each format defines `write_row` and `write_end`.

    The file gets its name when it is closed. Without any row, no file is left.
    """

    mode = "w"

    def __init__(
        self, path: Path, style: ReportStyle = DEFAULT_STYLE, flag: str = "--report"
    ) -> None:
        """Opens `path` for writing; `flag` of the command line named it.

        Raises:
            GeotaggerError: the file cannot be written.
        """
        self.path = path
        self.style = style
        self.flag = flag
        self.partial = path.with_name(path.name + PARTIAL)
        self.is_empty = True
        encoding, newline = ("utf-8", "") if self.mode == "w" else (None, None)
        with self.named_errors():
            self.file: IO[Any] = self.partial.open(self.mode, encoding=encoding, newline=newline)

    def add(self, outcome: Outcome) -> None:
        """Write the row of a photo. Raises GeotaggerError when the disk refuses."""
        self.add_row(row(outcome))

    def add_row(self, cells: Mapping[str, Cell], *, flush: bool = True) -> None:
        """Write a row; it may have other columns than a report. Raises as `add` does.

        With `flush` others can read the row at once, which takes longer than writing it.
        """
        try:
            self.write_row(cells)
            if flush:
                self.file.flush()
        except OSError as error:
            raise self._named(error) from error
        self.is_empty = False

    def write_row(self, cells: Mapping[str, Cell]) -> None:
        """Write one row to `self.file`."""
        raise NotImplementedError

    def write_end(self) -> None:
        """Write to `self.file` what follows the last row."""

    def photo(self, path: str) -> Path | None:
        """The file that a `path` cell names, if it can be found."""
        sources = (self.style.source,) if self.style.source else ()
        return find_photo(path, *sources, self.path)

    def close(self) -> None:
        """Finish the report and give it its name. Raises GeotaggerError when the disk refuses."""
        with self.named_errors():
            with self.file:
                if not self.is_empty:
                    self.write_end()
                self.file.flush()
                os.fsync(self.file.fileno())
            if self.is_empty:
                self.partial.unlink()
            else:
                if self.path.is_file() and not is_report(self.path):
                    move_aside(self.path, self.path, self.flag)
                self.partial.replace(self.path)

    def discard(self) -> None:
        """Drop the report. An earlier report of that name stays as it was."""
        self.is_empty = True
        with suppress(GeotaggerError):
            self.close()

    @contextmanager
    def named_errors(self) -> Iterator[None]:
        """Turns an OSError into a GeotaggerError that names the file and the remedy."""
        try:
            yield
        except OSError as error:
            raise self._named(error) from error

    def _named(self, error: OSError) -> GeotaggerError:
        return GeotaggerError(
            f"cannot write the report {self.path}: {error.strerror or error}:"
            f" make room, or choose another place with {self.flag}"
        )
