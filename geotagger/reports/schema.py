"""The columns of a report.

The header of a CSV, the schema of a Parquet file, the checks of the reader, and the table in
docs/guide/reports.md follow these definitions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from geotagger.printable import printable
from geotagger.types import Level, Status

Cell = str | float | None | list[dict[str, object]]
Kind = Literal["text", "number", "list"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column. A cell is a str (text), a float or None (number), or a list of dicts (list).

    An empty cell is "", None or [].
    """

    name: str
    kind: Kind
    meaning: str
    unit: str = ""
    low: float = float("-inf")
    high: float = float("inf")
    one_of: tuple[str, ...] = ()
    required: bool = False
    """A file without it is not a report."""
    texts: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    """Keys of the objects in a list. A key whose value is unknown is left out."""
    in_csv: bool = True
    """False: a CSV leaves it out, because another column holds the same as text."""

    @property
    def empty(self) -> Cell:
        """The value of an empty cell."""
        if self.kind == "number":
            return None
        return "" if self.kind == "text" else []


def _text(name: str, meaning: str, *one_of: str, required: bool = False) -> Column:
    return Column(name, "text", meaning, one_of=one_of, required=required)


def _number(
    name: str,
    meaning: str,
    unit: str,
    low: float,
    high: float = float("inf"),
    required: bool = False,
) -> Column:
    return Column(name, "number", meaning, unit, low, high, required=required)


def _list(name: str, meaning: str, *texts: str) -> Column:
    return Column(name, "list", meaning, texts=texts, in_csv=False)


SCHEMA = (
    _text(
        "path",
        "the file: the argument of the command line and the path below it; bytes that are not UTF-8"
        " and control characters are backslash escapes",
        required=True,
    ),
    _text("status", "the result, see below", *Status, required=True),
    _number("lat", "predicted latitude, also in `unsure` rows", "°", -90, 90, True),
    _number("lon", "predicted longitude, WGS-84", "°", -180, 180, True),
    _number("radius_km", "radius around that point which holds 90 % of the probability", "km", 0),
    _number(
        "confidence",
        "probability that the prediction is right at its `level`; at level `none`, of its country",
        "0 to 1",
        0,
        1,
    ),
    _text("level", "the finest level with enough confidence, see below", "", *Level),
    _text("continent", "predicted, at every level"),
    _text("country", "predicted, at every level"),
    _text("country_code", "of that country, ISO 3166-1 alpha-2"),
    _text("region", "predicted, at levels `city` and `region`"),
    _text("city", "predicted, at level `city`"),
    _text("evidence", "what each source of evidence says, in a sentence that a person can check"),
    Column(
        "alternatives",
        "list",
        "the prediction, then the next most probable places: towns at levels `city` and `region`,"
        " else countries; each with its `probability`",
        texts=("country_code", "country", "region", "city"),
        numbers=("lat", "lon", "probability"),
    ),
    _text(
        "measured_by",
        "`track`: `lat` and `lon` are where a track log was, and the radius is that of this"
        " measurement; empty: they are predicted",
    ),
    _number(
        "gps_lat", "latitude that the camera measured, or a track in an earlier run", "°", -90, 90
    ),
    _number("gps_lon", "longitude of that position", "°", -180, 180),
    _text(
        "gps_check",
        "`agree` (inside the radius), `far`, `no_gps`, `invalid` (0/0, 0,0, out of range, not "
        "readable); empty for photos without a prediction; see [writing.md](writing.md)",
    ),
    _number("gps_distance_km", "distance from the measured position to the prediction", "km", 0),
    _text(
        "taken_at",
        "local time of the camera, with its UTC offset if the camera wrote one; UTC (ends in Z) or"
        " the day alone, where no more is known; the note says where it is not from EXIF",
    ),
    _text("model", "name, version and hash of the models"),
    _text("sha256", "SHA-256 of the file before anything was written"),
    _text("note", "why it failed, what was not written, and other remarks"),
    _list("evidence_by_source", "`evidence` as a list: what each source says", "source", "text"),
    _list("reasons", "`note` as a list, with codes for programs, see below", "code", "detail"),
)
SCHEMA_VERSION = 2
"""Increased when a column changes its meaning or is removed. Version 1, which had no lists of
evidence and reasons, was written without a version."""
VERSION = "schema_version"
"""Name of the version in JSON Lines, GeoJSON and Parquet."""
COLUMNS = tuple(column.name for column in SCHEMA)
BY_NAME = {column.name: column for column in SCHEMA}


def position(cells: Mapping[str, Cell]) -> tuple[float, float] | None:
    """Latitude and longitude of the prediction, if the row has one."""
    lat, lon = cells.get("lat"), cells.get("lon")
    return (lat, lon) if isinstance(lat, float) and isinstance(lon, float) else None


def place_text(cells: Mapping[str, Cell]) -> str:
    """The place that the confidence refers to. If it is coarse, the likeliest country follows."""
    country = str(cells["country"] or "at sea")
    if cells["level"] == Level.CONTINENT and cells["continent"]:
        return f"{cells['continent']}, at best {country}"
    if cells["level"] in ("", Level.NONE):
        return country if cells.get("measured_by") else f"at best {country}"
    names = [str(name) for name in (cells["city"], cells["region"], country) if name]
    return ", ".join(dict.fromkeys(names))


def printable_cell(cell: Cell) -> Cell:
    """The cell with control characters escaped in every text in it."""
    if isinstance(cell, list):
        return [{key: _printable_value(value) for key, value in item.items()} for item in cell]
    return printable(cell) if isinstance(cell, str) else cell


def _printable_value(value: object) -> object:
    return printable(value) if isinstance(value, str) else value
