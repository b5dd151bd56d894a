"""A growing folder of street-level photos: the query points, the photos, and the points that are
done."""

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

    Query = Callable[["QueryPoint"], Iterator[tuple["StreetPhoto", bytes]]]


@dataclass(frozen=True, slots=True)
class QueryPoint:
    """A place at which photos are searched."""

    lat: float
    lon: float
    label: str = ""

    @property
    def key(self) -> str:
        """The point as text."""
        return f"{self.lat:.6f},{self.lon:.6f}"


@dataclass(frozen=True, slots=True)
class StreetPhoto:
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
    """The owner of the photo: photos of one source stay in one split."""
    rights: str
    attribution: str


COLUMNS = tuple(field.name for field in fields(StreetPhoto))
QUERIED_COLUMNS = ("point", "images", "problem")


def read_points(file: Path) -> list[QueryPoint]:
    """Reads a table with the columns lat, lon and optionally label.

    Raises:
        UsageError: The table lacks lat or lon, or a row is not a position.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{file}: cannot be read as a table ({error})") from error
    points = {}
    for number, row in enumerate(rows, start=2):
        try:
            point = QueryPoint(float(row["lat"]), float(row["lon"]), row.get("label") or "")
            if not (abs(point.lat) <= 90 and abs(point.lon) <= 180):
                raise ValueError("is not a position")
        except (KeyError, TypeError, ValueError) as error:
            raise UsageError(f"{file}, row {number}: {error!r}; give lat and lon") from error
        points[point.key] = point
    return list(points.values())


def collect(points: list[QueryPoint], folder: Path, query: Query, limit: int) -> None:
    """Queries every point that is not done yet.

    An image is written before its row, and the rows before the point counts as done, so that a
    stopped collection can be resumed.

    Args:
        points: The points.
        folder: Gets images/, labels.csv and asked.csv.
        query: Yields the photos of a point with their bytes.
        limit: Stops after this number of points; 0 for all.

    Raises:
        KeyRefusedError: The service refuses the key.
        WebError: The service does not answer any more.
    """
    (folder / "images").mkdir(parents=True, exist_ok=True)
    labels = GrowingTable(folder / "labels.csv", COLUMNS)
    queried = GrowingTable(folder / "asked.csv", QUERIED_COLUMNS)
    done = {row["point"] for row in queried.rows}
    known = {row["file"] for row in labels.rows}
    todo = [point for point in points if point.key not in done]
    todo = todo[:limit] if limit else todo
    click.echo(f"{len(points)} points, {len(done)} done before, {len(todo)} to do")
    images = 0
    for point in todo:
        kept, problem = 0, ""
        for photo, data in query(point):
            try:
                decode(data, 64)
            except UnreadableImageError as error:
                problem = f"{photo.image_id}: {error}"
                continue
            if photo.file not in known:
                write_atomically(folder / photo.file, data)
                labels.add([str(getattr(photo, name)) for name in COLUMNS])
                known.add(photo.file)
            kept += 1
        queried.add([point.key, str(kept), problem])
        images += kept
    click.echo(f"{images} photos of {len(todo)} points; {len(known)} in {folder}")


class GrowingTable:
    """A CSV file that grows by complete rows. An incomplete last row is dropped."""

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
            write_atomically(file, whole.encode())
        self.rows = [dict(zip(columns, line, strict=True)) for line in lines[1:]]

    def add(self, values: list[str]) -> None:
        """Appends a row."""
        flat = [" ".join(value.split()) for value in values]
        with self._file.open("a", encoding="utf-8", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerow(flat)


def write_atomically(file: Path, data: bytes) -> None:
    """Writes a file so that it is never incomplete."""
    draft = file.with_name(f".{file.name}.part")
    draft.write_bytes(data)
    draft.replace(file)
