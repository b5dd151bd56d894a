"""Known places of photos, read from a CSV of labels."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from geotagger.errors import UsageError
from geotagger.geography.places import Places
from geotagger.types import Point


@dataclass(frozen=True, slots=True)
class KnownPlace:
    """Where a photo was taken, as far as its label says."""

    country_code: str
    point: Point | None = None


def read_labels(path: Path, places: Places) -> Mapping[Path, KnownPlace]:
    """Reads a CSV with the columns file and (lat, lon) or country.

    Returns:
        Known places by absolute path of the photo.

    Raises:
        UsageError: the file cannot be read, lacks a column, or has an invalid position.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            columns = set(rows.fieldnames or ())
            if "file" not in columns or not ({"lat", "lon"} <= columns or "country" in columns):
                raise UsageError(f"{path}: it needs the columns file and lat, lon or country")
            return dict(_labels(rows, path.parent, places, path))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path}: it cannot be read as a CSV of labels: {error}") from error


def _labels(
    rows: csv.DictReader[str], folder: Path, places: Places, source: Path
) -> Iterator[tuple[Path, KnownPlace]]:
    for row in rows:
        try:
            if not row["file"]:  # None in a row that is too short
                raise ValueError("it names no file")
            yield (folder / row["file"]).resolve(), _truth(row, places)
        except ValueError as error:  # also an invalid file name
            raise UsageError(f"{source}, line {rows.line_num}: {error}; correct it") from error


def _truth(row: Mapping[str, str | None], places: Places) -> KnownPlace:
    """Raises ValueError if the position is invalid."""
    point, code = None, (row.get("country") or "").strip().upper()
    if (lat := row.get("lat")) and (lon := row.get("lon")):
        point = Point(float(lat), float(lon))
        if not (-90 <= point.lat <= 90 and -180 <= point.lon <= 180):
            raise ValueError(f"{lat}, {lon} is not a position in degrees")
        code = code or places.name(point.lat, point.lon).country_code
    return KnownPlace(code, point)
