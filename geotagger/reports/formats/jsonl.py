"""A report as JSON Lines."""

from __future__ import annotations

import json
from collections.abc import Mapping

from geotagger.reports.formats.writer import ReportWriter
from geotagger.reports.schema import SCHEMA_VERSION, VERSION, Cell, printable_cell

_as_json = json.JSONEncoder(ensure_ascii=False).encode


class JsonLinesReportWriter(ReportWriter):
    """One JSON object per line and photo."""

    def write_row(self, cells: Mapping[str, Cell]) -> None:
        self.file.write(_as_json(json_row(cells, self.style.schema_version)) + "\n")


def json_row(
    cells: Mapping[str, Cell], schema_version: int | None = SCHEMA_VERSION
) -> dict[str, object]:
    """The row as one JSON object, with control characters escaped in every text."""
    version = {} if schema_version is None else {VERSION: schema_version}
    return {**version, **{name: printable_cell(cell) for name, cell in cells.items()}}
