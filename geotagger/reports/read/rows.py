"""Reads the rows of a report: `.csv`, `.jsonl`, `.parquet`, `.geojson`, also of interrupted runs.

Other programs may have changed the file, so each cell is checked: it has the type of its column in
`reports.schema`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from geotagger.printable import printable
from geotagger.reports.read.parse import ReportFile, loads
from geotagger.reports.read.prose import reasons_of, split_evidence
from geotagger.reports.schema import BY_NAME, SCHEMA, Cell, Column

_RANGES = {"lat": (-90, 90), "lon": (-180, 180), "probability": (0, 1)}


def read_rows(path: Path) -> Iterator[dict[str, Cell]]:
    """Yields the rows of a report: all columns of `SCHEMA` in order, then extra ones.

    A text is a str, a number a finite float or None, a list a list of dicts; an empty cell is "",
    None or []. Cells of extra columns are a str, float or None, as their format has them (in CSV:
    texts). `NAME.csv.partial` and the like are read up to their last complete line.

    Raises:
        UsageError: it is not a report, or a line is damaged. Names the file and the line.
    """
    file = ReportFile(path)
    with file.named_errors():
        for cells in file.records():
            yield _row(cells)


def columns_of(path: Path) -> tuple[str, ...]:
    """All columns of a report, in the order of `read_rows`. Raises as it does."""
    file = ReportFile(path)
    extra: dict[str, None] = {}
    with file.named_errors():
        for cells in file.records():
            extra.update(dict.fromkeys(printable(name) for name in cells if name not in BY_NAME))
            if file.uniform:
                break
    return (*BY_NAME, *extra)


def _row(cells: Mapping[str, object]) -> dict[str, Cell]:
    for column in SCHEMA:
        if column.required and column.name not in cells:
            raise ValueError(f"the column {column.name} is missing; is this a report of geotagger?")
    known = {column.name: _known(column, cells.get(column.name)) for column in SCHEMA}
    for lat, lon in (("lat", "lon"), ("gps_lat", "gps_lon")):
        if (known[lat] is None) != (known[lon] is None):
            raise ValueError(f"one of {lat} and {lon} is missing")
    if cells.get("evidence_by_source") in (None, ""):
        known["evidence_by_source"] = split_evidence(str(known["evidence"]))
    if cells.get("reasons") in (None, ""):
        known["reasons"] = reasons_of(str(known["note"]))
    return known | {
        printable(name): _extra(cell) for name, cell in cells.items() if name not in BY_NAME
    }


def _known(column: Column, cell: object) -> Cell:
    """The cell with the type of its column. Raises ValueError if it has another."""
    if cell is None or cell == "":
        if column.required and column.one_of:
            raise ValueError(
                f"{column.name} is empty; it must be one of {', '.join(column.one_of)}"
            )
        return column.empty
    if column.kind == "text":
        if not isinstance(cell, str):
            raise ValueError(f"{column.name} is {cell!r:.40}, not a text")
        if column.one_of and cell not in column.one_of:
            known = ", ".join(filter(None, column.one_of))
            raise ValueError(f"{column.name} is {cell!r:.40}, which is not one of {known}")
        return cell
    if column.kind == "list":
        return _objects(column, loads(cell) if isinstance(cell, str) else cell)
    number = _number(column.name, cell)
    if not column.low <= number <= column.high:
        raise ValueError(f"{column.name} is {number:g}, out of range")
    return number


def _number(name: str, cell: object) -> float:
    try:
        number = float(cell) if isinstance(cell, str | int | float) else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or isinstance(cell, bool):
        raise ValueError(f"{name} is {cell!r:.40}, not a number")
    return number


def _objects(column: Column, cell: object) -> list[dict[str, object]]:
    if not isinstance(cell, list) or not all(isinstance(item, dict) for item in cell):
        raise ValueError(f"{column.name} is not a list of objects")
    return [_object(column, item) for item in cell]


def _object(column: Column, item: dict[str, object]) -> dict[str, object]:
    known = {name: value for name, value in item.items() if value is not None}
    if not column.numbers:  # what a source says, or a reason: texts alone, and all of them
        known = dict.fromkeys(column.texts, "") | known
    for name in column.texts:
        if not isinstance(known.get(name, ""), str):
            raise ValueError(f"{name} in {column.name} is {known[name]!r:.40}, not a text")
    for name in column.numbers:
        low, high = _RANGES[name]
        number = known[name] = _number(f"{name} in {column.name}", known.get(name))
        if not low <= number <= high:
            raise ValueError(f"{name} in {column.name} is {number:g}, out of range")
    return known


def _extra(cell: object) -> Cell:
    """A cell of a column that is not in the schema."""
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return float(cell) if math.isfinite(cell) else None
    return json.dumps(cell, ensure_ascii=False, default=str)
