"""Reads a report back: `.csv`, `.jsonl`, `.parquet`, `.geojson`, and what an interrupted run left.

Whoever changed the file in between, each cell is checked: what is yielded may be trusted to have
the type that `reports.columns` gives it.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from geotagger.errors import UsageError
from geotagger.reports.columns import (
    ALTERNATIVE_NUMBERS,
    ALTERNATIVE_TEXTS,
    BY_NAME,
    SCHEMA,
    Cell,
    Column,
)
from geotagger.reports.geojson import CIRCLE_OF, HEAD
from geotagger.reports.parquet import import_pyarrow
from geotagger.reports.rowfile import PARTIAL, revived

csv.field_size_limit(2**24)  # many alternatives are longer than the module's default


def read_rows(path: Path) -> Iterator[dict[str, Cell]]:
    """The rows of a report, one at a time: all columns of `SCHEMA` in order, then extra ones.

    A text is a str, a number a finite float or None, a list a list of objects; an empty cell is
    "", None or []. Cells of extra columns are a str, float, None or list, as their format tells
    (in CSV: texts). `NAME.csv.partial` and the like are read up to their last whole line.

    Raises UsageError, naming file and line: it is no report, or a line is damaged.
    """
    suffix = Path(path.name.removesuffix(PARTIAL)).suffix.lower()
    if suffix not in READERS:
        known = ", ".join(READERS)
        raise UsageError(f"{path}: reports are read from {known}; the suffix tells which it is")
    source = Source(path)
    try:
        for cells in READERS[suffix](source):
            yield _row(cells)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{source}: is not UTF-8 (save it as CSV UTF-8): {error}") from error
    except RecursionError as error:
        raise UsageError(f"{source}: is nested too deeply to be a report") from error
    except (ValueError, csv.Error) as error:
        remedy = "mend it there, or make the report again"
        raise UsageError(f"{source}: {error}: {remedy}") from error


class Source:
    """A file being read, and where in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.where = ""

    def __str__(self) -> str:
        return f"{self.path}, {self.where}" if self.where else str(self.path)

    def lines(self) -> Iterator[str]:
        """Its lines; without the last one of an interrupted run if that was cut off."""
        partial = self.path.name.endswith(PARTIAL)
        with self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                self.where = f"line {number}"
                if partial and not line.endswith(b"\n"):
                    return
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")


def _row(cells: Mapping[str, object]) -> dict[str, Cell]:
    for column in SCHEMA:
        if column.required and column.name not in cells:
            raise ValueError(f"the column {column.name} is missing; is it a report of geotagger's?")
    known = {column.name: _known(column, cells.get(column.name)) for column in SCHEMA}
    return known | {name: _extra(cell) for name, cell in cells.items() if name not in BY_NAME}


def _known(column: Column, cell: object) -> Cell:
    """The cell as its column types it. Raises ValueError when it cannot be that."""
    if cell is None or cell == "":
        return column.empty
    if column.kind == "text":
        if not isinstance(cell, str):
            raise ValueError(f"{column.name} is {cell!r:.40}, not a text")
        if column.one_of and cell not in column.one_of:
            known = ", ".join(filter(None, column.one_of))
            raise ValueError(f"{column.name} is {cell!r:.40}, which is none of {known}")
        return cell
    if column.kind == "list":
        return _alternatives(json.loads(cell) if isinstance(cell, str) else cell)
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


def _alternatives(cell: object) -> list[dict[str, object]]:
    if not isinstance(cell, list) or not all(isinstance(item, dict) for item in cell):
        raise ValueError("alternatives is not a list of objects")
    return [_alternative(item) for item in cell]


def _alternative(item: dict[str, object]) -> dict[str, object]:
    known = {name: value for name, value in item.items() if value is not None}
    for name in ALTERNATIVE_TEXTS:
        if not isinstance(known.get(name, ""), str):
            raise ValueError(f"{name} of an alternative is {known[name]!r:.40}, not a text")
    for name in ALTERNATIVE_NUMBERS:
        known[name] = _number(f"{name} of an alternative", known.get(name))
    return known


def _extra(cell: object) -> Cell:
    """A cell of a column that is not ours, whatever it holds."""
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return float(cell) if math.isfinite(cell) else None
    return json.dumps(cell, ensure_ascii=False, default=str)


def _csv(source: Source) -> Iterator[Mapping[str, object]]:
    reader = csv.reader(source.lines())
    header = [revived(name) for name in next(reader, [])]
    if len(header) == 1 and ";" in header[0]:
        raise ValueError("the cells are not separated by commas")
    if len(set(header)) < len(header):
        raise ValueError("two columns have the same name")
    for cells in reader:
        if len(cells) != len(header) and cells:
            raise ValueError(f"{len(cells)} cells, but there are {len(header)} columns")
        if cells:
            yield dict(zip(header, map(revived, cells), strict=True))


def _json_lines(source: Source) -> Iterator[Mapping[str, object]]:
    for line in source.lines():
        if line.strip():
            yield _object(json.loads(line, parse_constant=_no_number))


def _geojson(source: Source) -> Iterator[Mapping[str, object]]:
    for feature in _features(source):
        properties = _object(feature.get("properties"))
        if CIRCLE_OF not in properties or "path" in properties:
            yield {name: cell for name, cell in properties.items() if name != CIRCLE_OF}


def _features(source: Source) -> Iterator[Mapping[str, Any]]:
    """Line by line where geotagger wrote the file; else it is read as a whole."""
    lines = source.lines()
    first = next(lines, "")
    if first.strip() == HEAD:
        for line in lines:
            if line.strip() != "]}":
                yield _object(json.loads(line.lstrip(","), parse_constant=_no_number))
        return
    whole = _object(json.loads(first + "".join(lines), parse_constant=_no_number))
    for number, feature in enumerate(whole.get("features", ()), 1):
        source.where = f"feature {number}"
        yield _object(feature)


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"an object was expected, not {value!r:.40}")
    return value


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _parquet(source: Source) -> Iterator[Mapping[str, object]]:
    _, parquet = import_pyarrow(source.path)
    if source.path.name.endswith(PARTIAL):
        raise ValueError("what an interrupted run leaves of Parquet cannot be read")
    number = 0
    with parquet.ParquetFile(source.path) as file:
        for batch in file.iter_batches(batch_size=1000):
            for cells in batch.to_pylist():
                number += 1
                source.where = f"row {number}"
                yield cells


READERS: Mapping[str, Callable[[Source], Iterator[Mapping[str, object]]]] = {
    ".csv": _csv,
    ".jsonl": _json_lines,
    ".geojson": _geojson,
    ".parquet": _parquet,
}
