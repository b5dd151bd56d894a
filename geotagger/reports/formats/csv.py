"""A report as CSV."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping
from pathlib import Path

from geotagger.printable import printable
from geotagger.reports.formats.writer import DEFAULT_STYLE, ReportStyle, ReportWriter
from geotagger.reports.schema import BY_NAME, Cell

_as_json = json.JSONEncoder(ensure_ascii=False).encode

FORMULA = re.compile(r"'*[=+\-@\uff1d\uff0b\uff0d\uff20]")
"""Start of a text that a spreadsheet would run, or of one that was escaped already."""


class CsvReportWriter(ReportWriter):
    """UTF-8 with a header row (RFC 4180). Text that a spreadsheet would run is escaped."""

    def __init__(
        self, path: Path, style: ReportStyle = DEFAULT_STYLE, flag: str = "--report"
    ) -> None:
        super().__init__(path, style, flag)
        self.writer = csv.writer(self.file)
        self.columns = [
            name for name in style.columns if name not in BY_NAME or BY_NAME[name].in_csv
        ]
        with self.named_errors():
            self.file.write("\ufeff" if style.csv_bom else "")
            self.writer.writerow([escape_formula(name) for name in self.columns])

    def write_row(self, cells: Mapping[str, Cell]) -> None:
        self.writer.writerow([_csv_cell(cells.get(name)) for name in self.columns])


def _csv_cell(cell: Cell) -> str | float | None:
    if isinstance(cell, str):
        return escape_formula(cell) if cell else cell
    if isinstance(cell, list):
        return _as_json(cell) if cell else ""
    return cell


def escape_formula(text: str) -> str:
    """The text with an apostrophe in front if a spreadsheet would run it."""
    text = printable(text)
    return "'" + text if FORMULA.match(text) else text


def unescape_formula(text: str) -> str:
    """The inverse of `escape_formula`."""
    return text[1:] if text.startswith("'") and FORMULA.match(text) else text
