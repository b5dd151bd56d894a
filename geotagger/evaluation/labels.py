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
    """Where a photo was really taken, as far as its label says."""

    country_code: str
    point: Point | None = None


def read_labels(path: Path, places: Places) -> Mapping[Path, KnownPlace]:
    """Truth by absolute path. Columns: file and (lat, lon) or country; others are ignored."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            columns = set(rows.fieldnames or ())
            if "file" not in columns or not ({"lat", "lon"} <= columns or "country" in columns):
                raise UsageError(f"{path}: needs the columns file and lat, lon or country")
            return dict(_labels(rows, path.parent, places, path))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path}: cannot be read as a CSV of labels: {error}") from error


def _labels(
    rows: csv.DictReader[str], folder: Path, places: Places, source: Path
) -> Iterator[tuple[Path, KnownPlace]]:
    for row in rows:
        try:
            yield (folder / row["file"]).resolve(), _truth(row, places)
        except ValueError as error:  # also a file name that no file can have
            raise UsageError(f"{source}, line {rows.line_num}: {error}; correct it") from error


def _truth(row: Mapping[str, str | None], places: Places) -> KnownPlace:
    """Raises ValueError: the position is none."""
    point, code = None, (row.get("country") or "").strip().upper()
    if (lat := row.get("lat")) and (lon := row.get("lon")):
        point = Point(float(lat), float(lon))
        if not (-90 <= point.lat <= 90 and -180 <= point.lon <= 180):
            raise ValueError(f"{lat}, {lon} is no position in degrees")
        code = code or places.name(point.lat, point.lon).country_code
    return KnownPlace(code, point)
