"""The compact columns of many rows that a page filters, sorts and draws by.

A hundred thousand rows are 4 MB: everything else of a row is loaded when it is looked at.
"""

from __future__ import annotations

from array import array
from base64 import b64encode
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from geotagger.geography.places import load_places
from geotagger.types import Level, SourceKind, Status, source_kind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geotagger.reports.schema import Cell

STATUSES = tuple(Status)
LEVELS = tuple(Level)
CHECKS = ("", "agree", "far", "no_gps", "invalid")
SOURCES: Mapping[str, str] = {
    SourceKind.VISION: "picture",
    SourceKind.TEXT: "text",
    SourceKind.CLOCK: "clock",
    SourceKind.ALBUM: "nearby photos",
    SourceKind.NAMES: "names",
}
"""The page's name of each kind of source."""
NO_DAY = -(2**31)
COLUMNS = {
    "lat": "f",
    "lon": "f",
    "radius_km": "f",
    "confidence": "f",
    "gps_lat": "f",
    "gps_lon": "f",
    "day": "i",
    "country": "H",
    "status": "B",
    "level": "B",
    "check": "B",
    "sources": "B",
}
"""Names and type codes of `array`. NaN stands for no number, NO_DAY for no date, country 0 for
none. day: since 1970, local. sources: bit i for the i-th of SOURCES."""
NEAR_DEG = 0.5
"""Towns are shown in squares of this size around photos."""
LARGE_TOWN = 200_000
MAX_TOWNS = 8000


class Points:
    """Columns that grow row by row."""

    def __init__(self) -> None:
        self.columns: dict[str, array[Any]] = {name: array(code) for name, code in COLUMNS.items()}
        self.countries: dict[tuple[str, str], int] = {("", ""): 0}

    def __len__(self) -> int:
        return len(self.columns["lat"])

    def add(self, cells: Mapping[str, Cell]) -> None:
        """Append one row of a report."""
        country = (str(cells["country_code"] or ""), str(cells["country"] or ""))
        check = str(cells["gps_check"] or "")
        kinds = _source_kinds(cells["evidence_by_source"])
        values = {
            **{name: _number(cells[name]) for name in list(COLUMNS)[:6]},
            "day": _day(cells["taken_at"]),
            "country": self.countries.setdefault(country, len(self.countries)),
            "status": STATUSES.index(Status(str(cells["status"]))),
            "level": LEVELS.index(Level(str(cells["level"] or Level.NONE))),
            "check": CHECKS.index(check) if check in CHECKS else 0,
            "sources": sum(1 << bit for bit, kind in enumerate(SOURCES) if kind in kinds),
        }
        for name, column in self.columns.items():
            column.append(values[name])

    def told(self, moved: Mapping[int, Mapping[str, float]] | None = None) -> dict[str, object]:
        """For JSON: columns are base64 of little-endian numbers. `moved`: other cells of rows."""
        columns = {
            name: np.array(column, dtype=f"<{column.typecode}")
            for name, column in self.columns.items()
        }
        for row, cells in (moved or {}).items():
            for name, value in cells.items():
                columns[name][row] = value
        return {
            "rows": len(self),
            "columns": {name: b64encode(c.tobytes()).decode() for name, c in columns.items()},
            "countries": list(self.countries),
            "statuses": STATUSES,
            "levels": LEVELS,
            "checks": CHECKS,
            "names_of_sources": list(SOURCES.values()),
        }

    def towns(self) -> list[list[object]]:
        """[name, lat, lon, people], the largest first: great ones, and all those near photos."""
        lat, lon = (np.asarray(self.columns[name]) for name in ("lat", "lon"))
        known = ~(np.isnan(lat) | np.isnan(lon))
        places = load_places()
        wanted = np.isin(_square(places.lat, places.lon), _around(lat[known], lon[known]))
        wanted |= places.population >= LARGE_TOWN
        rows = np.flatnonzero(wanted & (places.population > 0))
        rows = rows[np.argsort(-places.population[rows], kind="stable")][:MAX_TOWNS]
        return [
            [
                places.city_names[row],
                round(float(places.lat[row]), 3),
                round(float(places.lon[row]), 3),
                int(places.population[row]),
            ]
            for row in rows.tolist()
        ]


def _source_kinds(cell: Cell) -> set[str]:
    assert isinstance(cell, list)
    return {source_kind(str(item["source"])) for item in cell}


def _number(cell: Cell) -> float:
    return float(cell) if isinstance(cell, int | float) else float("nan")


def _day(cell: Cell) -> int:
    try:
        return (date.fromisoformat(str(cell)[:10]) - date(1970, 1, 1)).days
    except ValueError:
        return NO_DAY


_ROW = 10_000
"""Squares of one parallel are numbered within so many."""


def _square(lat: NDArray[np.float32], lon: NDArray[np.float32]) -> NDArray[np.int64]:
    rows, columns = (np.floor(part / NEAR_DEG).astype(np.int64) for part in (lat, lon))
    squares: NDArray[np.int64] = rows * _ROW + columns
    return squares


def _around(lat: NDArray[np.float32], lon: NDArray[np.float32]) -> NDArray[np.int64]:
    squares = np.unique(_square(lat, lon))
    steps = np.array([i * _ROW + j for i in (-1, 0, 1) for j in (-1, 0, 1)])
    return np.unique(squares[:, None] + steps)
