"""A folder of street-level photos that grows: points to ask for, photos found, what was asked."""

from __future__ import annotations

import csv
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import click

from geotagger.errors import UnreadableImageError, UsageError
from geotagger.images.decode import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Ask = Callable[["Point"], Iterator[tuple["Found", bytes]]]


@dataclass(frozen=True, slots=True)
class Point:
    lat: float
    lon: float
    label: str = ""

    @property
    def key(self) -> str:
        return f"{self.lat:.6f},{self.lon:.6f}"


@dataclass(frozen=True, slots=True)
class Found:
    """One row of labels.csv, as training/data/columns.py reads it."""

    file: str
    lat: float
    lon: float
    label: str
    taken_at: str
    """A date, or milliseconds since 1970."""
    heading: str
    image_id: str
    source: str
    """Whose photo it is: photos of one source are split as a whole."""
    rights: str
    attribution: str


COLUMNS = tuple(field.name for field in fields(Found))
ASKED_COLUMNS = ("point", "images", "problem")


def read_points(file: Path) -> list[Point]:
    """Raises UsageError: the table lacks lat or lon, or a row is no position."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{file}: cannot be read as a table ({error})") from error
    points = {}
    for number, row in enumerate(rows, start=2):
        try:
            point = Point(float(row["lat"]), float(row["lon"]), row.get("label") or "")
            if not (abs(point.lat) <= 90 and abs(point.lon) <= 180):
                raise ValueError("is no position")
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError(f"{file}, row {number}: {error!r}; give lat and lon") from error
        points[point.key] = point
    return list(points.values())


def collect(points: list[Point], folder: Path, ask: Ask, limit: int) -> None:
    """Asks for every point that was not asked for before.

    An image is in place before its row is written, and the rows before the point counts as asked.

    Raises:
        KeyRefusedError, WebError: the service refuses the key, or does not answer any more.
    """
    (folder / "images").mkdir(parents=True, exist_ok=True)
    labels, asked = (
        Ledger(folder / "labels.csv", COLUMNS),
        Ledger(folder / "asked.csv", ASKED_COLUMNS),
    )
    done = {row["point"] for row in asked.rows}
    known = {row["file"] for row in labels.rows}
    todo = [point for point in points if point.key not in done]
    todo = todo[:limit] if limit else todo
    click.echo(f"{len(points)} points, {len(done)} asked before, {len(todo)} to ask")
    images = 0
    for point in todo:
        kept, problem = 0, ""
        for found, data in ask(point):
            try:
                decode(data, 64)
            except UnreadableImageError as error:
                problem = f"{found.image_id}: {error}"
                continue
            if found.file not in known:
                write_whole(folder / found.file, data)
                labels.add([str(getattr(found, name)) for name in COLUMNS])
                known.add(found.file)
            kept += 1
        asked.add([point.key, str(kept), problem])
        images += kept
    click.echo(f"{images} photos of {len(todo)} points; {len(known)} in {folder}")


class Ledger:
    """A CSV file that grows by whole rows. A row that was cut off by a kill is dropped."""

    def __init__(self, file: Path, columns: tuple[str, ...]) -> None:
        self._file = file
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        whole = text[: text.rfind("\n") + 1]
        lines = list(csv.reader(whole.splitlines()))
        if lines and tuple(lines[0]) != columns:
            raise UsageError(f"{file}: has other columns; name another folder")
        if not lines:
            whole = ",".join(columns) + "\n"
        if whole != text:
            write_whole(file, whole.encode())
        self.rows = [dict(zip(columns, line, strict=True)) for line in lines[1:]]

    def add(self, values: list[str]) -> None:
        flat = [" ".join(value.split()) for value in values]
        with self._file.open("a", encoding="utf-8", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerow(flat)


def write_whole(file: Path, data: bytes) -> None:
    draft = file.with_name(f".{file.name}.part")
    draft.write_bytes(data)
    draft.replace(file)
