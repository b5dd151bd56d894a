"""The formats that reports are read from: files to cells as they stand there, and where that is."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from geotagger.errors import UsageError
from geotagger.reports.formats.geojson import CIRCLE_OF, HEAD
from geotagger.reports.formats.parquet import import_pyarrow
from geotagger.reports.formats.text_rows import PARTIAL, revived
from geotagger.reports.schema import SCHEMA_VERSION, VERSION

csv.field_size_limit(2**24)  # many alternatives are longer than the module's default
MAX_DIGITS = 300
"""Of a whole number, so that it is finite as a float."""


class Source:
    """A file being read, and where in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.where = ""
        self.suffix = Path(path.name.removesuffix(PARTIAL)).suffix.lower()
        self.uniform = self.suffix in (".csv", ".parquet")
        """All rows have the same columns."""

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

    def records(self) -> Iterator[Mapping[str, object]]:
        """Cells by column, row by row; what is damaged raises many things, see `named`.

        Raises UsageError for a format that is not known.
        """
        if self.suffix not in READERS:
            known = ", ".join(READERS)
            raise UsageError(
                f"{self.path}: reports are read from {known}; the suffix tells which it is"
            )
        return READERS[self.suffix](self)

    @contextmanager
    def named(self) -> Iterator[None]:
        """Whatever is wrong with the file becomes a UsageError that names it, and the line."""
        try:
            yield
        except OSError as error:
            raise UsageError(f"{self.path}: cannot be read: {error.strerror or error}") from error
        except UnicodeDecodeError as error:
            raise UsageError(f"{self}: is not UTF-8 (save it as CSV UTF-8): {error}") from error
        except RecursionError as error:
            raise UsageError(f"{self}: is nested too deeply to be a report") from error
        except (ValueError, csv.Error) as error:
            remedy = "mend it there, or make the report again"
            raise UsageError(f"{self}: {error}: {remedy}") from error


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
            cells = _object(loads(line))
            _check_version(cells.pop(VERSION, None))
            yield cells


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
                yield _object(loads(line.lstrip(",")))
        return
    whole = _object(loads(first + "".join(lines)))
    _check_version(whole.get(VERSION))
    for number, feature in enumerate(whole.get("features", ()), 1):
        source.where = f"feature {number}"
        yield _object(feature)


def _check_version(version: object) -> None:
    if version is None or version in range(1, SCHEMA_VERSION + 1):
        return
    known = f"this geotagger reads up to {SCHEMA_VERSION}"
    raise ValueError(f"{VERSION} is {version!r:.40}, but {known}")


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"an object was expected, not {value!r:.40}")
    return value


def loads(text: str) -> Any:
    """JSON with finite numbers and whole characters. Raises ValueError and RecursionError."""
    value = json.loads(text, parse_constant=_no_number, parse_int=_whole)
    if "\\ud" in text.lower():  # half a surrogate pair is no character, and cannot be written
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ValueError(f"{error.object[error.start]!a} is no character") from error
    return value


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _whole(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"{digits[:20]}... is too large a number")
    return int(digits)


def _parquet(source: Source) -> Iterator[Mapping[str, object]]:
    arrow, parquet = import_pyarrow(source.path)
    if source.path.name.endswith(PARTIAL):
        raise ValueError("what an interrupted run leaves of Parquet cannot be read")
    number = 0
    try:
        with parquet.ParquetFile(source.path) as file:
            version = (file.schema_arrow.metadata or {}).get(VERSION.encode())
            _check_version(None if version is None else loads(version.decode()))
            for batch in file.iter_batches(batch_size=1000):
                for cells in batch.to_pylist():
                    number += 1
                    source.where = f"row {number}"
                    yield cells
    except arrow.ArrowException as error:  # some of them are no ValueError
        raise ValueError(str(error)) from error


READERS: Mapping[str, Callable[[Source], Iterator[Mapping[str, object]]]] = {
    ".csv": _csv,
    ".jsonl": _json_lines,
    ".geojson": _geojson,
    ".parquet": _parquet,
}
