"""Parses the files of reports: cells as they are in the file, and the place of each in it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from geotagger.errors import UsageError
from geotagger.reports.formats.csv import unescape_formula
from geotagger.reports.formats.geojson import CIRCLE_OF, HEAD
from geotagger.reports.formats.parquet import import_pyarrow
from geotagger.reports.formats.writer import PARTIAL
from geotagger.reports.schema import SCHEMA_VERSION, VERSION

csv.field_size_limit(2**24)  # many alternatives are longer than the module's default
MAX_DIGITS = 300
"""Digits of a whole number, so that it is finite as a float."""


class ReportFile:
    """The file of a report, and the place in it that is being read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.where = ""
        self.suffix = Path(path.name.removesuffix(PARTIAL)).suffix.lower()
        self.uniform = self.suffix in (".csv", ".parquet")
        """All rows of this format have the same columns."""

    def __str__(self) -> str:
        return f"{self.path}, {self.where}" if self.where else str(self.path)

    def lines(self) -> Iterator[str]:
        """The lines of the file, without the last one if an interrupted run left it incomplete."""
        partial = self.path.name.endswith(PARTIAL)
        with self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                self.where = f"line {number}"
                if partial and not line.endswith(b"\n"):
                    return
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")

    def records(self) -> Iterator[Mapping[str, object]]:
        """The cells of each row by column.

        Raises:
            UsageError: the format is unknown.
            Exception: the file is damaged; `named_errors` names the place.
        """
        if self.suffix not in READERS:
            known = ", ".join(READERS)
            raise UsageError(f"{self.path}: reports are read from {known}, by their suffix")
        return READERS[self.suffix](self)

    @contextmanager
    def named_errors(self) -> Iterator[None]:
        """Turns any error in the file into a UsageError that names the file and the line."""
        try:
            yield
        except OSError as error:
            raise UsageError(
                f"{self.path}: it cannot be read: {error.strerror or error}"
            ) from error
        except UnicodeDecodeError as error:
            raise UsageError(f"{self}: it is not UTF-8 (save it as CSV UTF-8): {error}") from error
        except RecursionError as error:
            raise UsageError(f"{self}: it is nested too deeply to be a report") from error
        except (ValueError, csv.Error) as error:
            remedy = "correct it there, or write the report again"
            raise UsageError(f"{self}: {error}: {remedy}") from error


def _csv(file: ReportFile) -> Iterator[Mapping[str, object]]:
    reader = csv.reader(file.lines())
    header = [unescape_formula(name) for name in next(reader, [])]
    if len(header) == 1 and ";" in header[0]:
        raise ValueError("the cells are not separated by commas")
    if len(set(header)) < len(header):
        raise ValueError("two columns have the same name")
    for cells in reader:
        if len(cells) != len(header) and cells:
            raise ValueError(f"{len(cells)} cells, but there are {len(header)} columns")
        if cells:
            yield dict(zip(header, map(unescape_formula, cells), strict=True))


def _json_lines(file: ReportFile) -> Iterator[Mapping[str, object]]:
    for line in file.lines():
        if line.strip():
            cells = _object(loads(line))
            _check_version(cells.pop(VERSION, None))
            yield cells


def _geojson(file: ReportFile) -> Iterator[Mapping[str, object]]:
    for feature in _features(file):
        properties = _object(feature.get("properties"))
        if CIRCLE_OF not in properties or "path" in properties:
            yield {name: cell for name, cell in properties.items() if name != CIRCLE_OF}


def _features(file: ReportFile) -> Iterator[Mapping[str, Any]]:
    """Reads line by line if geotagger wrote the file, else as a whole."""
    lines = file.lines()
    first = next(lines, "")
    if first.strip() == HEAD:
        for line in lines:
            if line.strip() != "]}":
                yield _object(loads(line.lstrip(",")))
        return
    whole = _object(loads(first + "".join(lines)))
    _check_version(whole.get(VERSION))
    features = whole.get("features", [])
    if not isinstance(features, list):
        raise ValueError("its features are no list")
    for number, feature in enumerate(features, 1):
        file.where = f"feature {number}"
        yield _object(feature)


def _check_version(version: object) -> None:
    if version is None or version in range(1, SCHEMA_VERSION + 1):
        return
    known = f"this geotagger reads up to {SCHEMA_VERSION}"
    raise ValueError(f"{VERSION} is {version!r:.40}, but {known}")


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{value!r:.40} is not an object")
    return value


def loads(text: str) -> Any:
    """Parses JSON; numbers must be finite, and texts valid Unicode.

    Raises ValueError and RecursionError.
    """
    value = json.loads(text, parse_constant=_no_number, parse_int=_whole)
    if "\\ud" in text.lower():  # half a surrogate pair is not a character, and cannot be written
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"{error.object[error.start]!a} is not a character") from error
    return value


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"{digits[:20]}... is too large a number")
    return int(digits)


def _parquet(file: ReportFile) -> Iterator[Mapping[str, object]]:
    arrow, parquet = import_pyarrow(file.path)
    if file.path.name.endswith(PARTIAL):
        raise ValueError("a Parquet file of an interrupted run cannot be read")
    number = 0
    try:
        with parquet.ParquetFile(file.path) as table:
            version = (table.schema_arrow.metadata or {}).get(VERSION.encode())
            _check_version(None if version is None else loads(version.decode()))
            for batch in table.iter_batches(batch_size=1000):
                for cells in batch.to_pylist():
                    number += 1
                    file.where = f"row {number}"
                    yield cells
    except arrow.ArrowException as error:  # not all of them are ValueErrors
        raise ValueError(str(error)) from error


READERS: Mapping[str, Callable[[ReportFile], Iterator[Mapping[str, object]]]] = {
    ".csv": _csv,
    ".jsonl": _json_lines,
    ".geojson": _geojson,
    ".parquet": _parquet,
}
