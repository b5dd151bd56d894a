"""The columns of a report: defined here, once.

The header of a CSV, the schema of a Parquet file, what is read back, and the table in
docs/guide/reports.md all come from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from geotagger.types import Level, Status

Cell = str | float | None | list[dict[str, object]]
Kind = Literal["text", "number", "list"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column. A cell is a str (text), a float or None (number), or a list of objects (list).

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
    """A file without it is no report."""
    texts: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    """Of a list: the keys of its objects. A key whose value is not known is left out."""
    in_csv: bool = True
    """CSV leaves it out: other columns say the same as text."""

    @property
    def empty(self) -> Cell:
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
        "the file, as it was named on the command line plus the way below it; bytes that are not"
        " UTF-8 and control characters are backslash escapes",
        required=True,
    ),
    _text("status", "what became of it, see below", *Status, required=True),
    _number("lat", "latitude of the best guess, also in `unsure` rows", "°", -90, 90, True),
    _number("lon", "its longitude, WGS-84", "°", -180, 180, True),
    _number("radius_km", "the circle around it that holds 90 % of the belief", "km", 0),
    _number(
        "confidence",
        "belief that the answer is right at its `level`; at level `none`, in the country named",
        "0 to 1",
        0,
        1,
    ),
    _text("level", "the finest level that may be believed, see below", "", *Level),
    _text("continent", "best guess, like the coordinates"),
    _text("country", "best guess, like the coordinates"),
    _text("country_code", "of that country, ISO 3166-1 alpha-2"),
    _text("region", "only where the level is that fine"),
    _text("city", "only where the level is that fine"),
    _text("evidence", "the reasons, in a sentence that a person can check"),
    Column(
        "alternatives",
        "list",
        "the answer, then the best: towns where the level is that fine, else countries, each with"
        " its `probability`",
        texts=("country_code", "country", "region", "city"),
        numbers=("lat", "lon", "probability"),
    ),
    _number("gps_lat", "latitude measured by the camera, if the file has one", "°", -90, 90),
    _number("gps_lon", "its longitude", "°", -180, 180),
    _text(
        "gps_check",
        "`agree` (inside the radius), `far`, `no_gps`, `invalid` (0/0, 0,0, out of range, no Ref);"
        " empty for photos that were not judged; see [writing.md](writing.md) for what it is worth",
    ),
    _number("gps_distance_km", "from the measured position to the guess", "km", 0),
    _text("taken_at", "the camera's time, with its UTC offset where the camera gave one"),
    _text("model", "name, version and hash of the models used"),
    _text("sha256", "of the file as it was read, before anything was written"),
    _text("note", "what else a person should know: why it failed, what was not written"),
    _list("evidence_by_source", "`evidence` as a list: what each source says", "source", "text"),
    _list("reasons", "`note` as a list, with codes for programs, see below", "code", "detail"),
)
SCHEMA_VERSION = 2
"""Grows when a column changes its meaning or goes. Version 1 had no lists of evidence and reasons,
and said no version."""
VERSION = "schema_version"
"""Where JSON Lines, GeoJSON and Parquet keep it."""
COLUMNS = tuple(column.name for column in SCHEMA)
CSV_COLUMNS = tuple(column.name for column in SCHEMA if column.in_csv)
BY_NAME = {column.name: column for column in SCHEMA}


def position(cells: Mapping[str, Cell]) -> tuple[float, float] | None:
    """Latitude and longitude of the best guess, if the row has one."""
    lat, lon = cells.get("lat"), cells.get("lon")
    return (lat, lon) if isinstance(lat, float) and isinstance(lon, float) else None


def place_said(cells: Mapping[str, Cell]) -> str:
    """What the confidence is of; then, where that is coarse, the country of the best guess."""
    country = str(cells["country"] or "at sea")
    if cells["level"] == Level.CONTINENT and cells["continent"]:
        return f"{cells['continent']}, at best {country}"
    if cells["level"] in ("", Level.NONE):
        return f"at best {country}"
    return ", ".join(str(name) for name in (cells["city"], cells["region"], country) if name)
