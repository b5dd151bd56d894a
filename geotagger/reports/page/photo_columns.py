"""The columns of all rows by which a page filters, sorts and draws, in a compact form.

They take 4 MB for a hundred thousand rows. The page loads the rest of a row when it shows the row.
"""

from __future__ import annotations

from array import array
from base64 import b64encode
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from geotagger.fusion.gps_check import GpsCheck
from geotagger.geography.places import load_places
from geotagger.types import Level, SourceKind, Status, source_kind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geotagger.reports.schema import Cell

STATUSES = tuple(Status)
LEVELS = tuple(Level)
CHECKS = tuple(GpsCheck)
SOURCES: Mapping[str, str] = {
    SourceKind.VISION: "picture",
    SourceKind.SIGHTS: "known sights",
    SourceKind.TEXT: "text",
    SourceKind.CLOCK: "clock",
    SourceKind.ALBUM: "nearby photos",
    SourceKind.NAMES: "names",
    SourceKind.TRACK: "track",
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
"""Names and type codes of `array`. Without a value: numbers are NaN, day is NO_DAY, country is 0.
day: local days since 1970. sources: bit i for the i-th of SOURCES."""
NEAR_DEG = 0.5
"""The page shows the towns in squares of this size around photos."""
LARGE_TOWN = 200_000
MAX_TOWNS = 8000
ALL_ROWS = slice(None)


class PhotoColumns:
    """Columns that grow row by row."""

    def __init__(self) -> None:
        self.arrays: dict[str, array[Any]] = {name: array(code) for name, code in COLUMNS.items()}
        self.countries: dict[tuple[str, str], int] = {("", ""): 0}

    def __len__(self) -> int:
        return len(self.arrays["lat"])

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
            "check": CHECKS.index(GpsCheck(check) if check in CHECKS else GpsCheck.NOT_COMPARED),
            "sources": sum(1 << bit for bit, kind in enumerate(SOURCES) if kind in kinds),
        }
        for name, column in self.arrays.items():
            column.append(values[name])

    def to_json(
        self,
        moved: Mapping[int, Mapping[str, float]] | None = None,
        rows: slice = ALL_ROWS,
    ) -> dict[str, object]:
        """The columns for JSON, as base64 of little-endian numbers.

        Args:
            moved: cells by row that replace those of the report.
            rows: the rows to take, without a step.
        """
        columns = {
            name: np.array(column[rows], dtype=f"<{column.typecode}")
            for name, column in self.arrays.items()
        }
        taken = range(len(self))[rows]
        for row, cells in (moved or {}).items():
            if row in taken:
                for name, value in cells.items():
                    columns[name][row - taken.start] = value
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
        """[name, lat, lon, population] of large towns and of all near photos, by population."""
        lat, lon = (np.asarray(self.arrays[name]) for name in ("lat", "lon"))
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
"""Numbers for the squares of one parallel."""


def _square(lat: NDArray[np.float32], lon: NDArray[np.float32]) -> NDArray[np.int64]:
    rows, columns = (np.floor(part / NEAR_DEG).astype(np.int64) for part in (lat, lon))
    squares: NDArray[np.int64] = rows * _ROW + columns
    return squares


def _around(lat: NDArray[np.float32], lon: NDArray[np.float32]) -> NDArray[np.int64]:
    squares = np.unique(_square(lat, lon))
    steps = np.array([i * _ROW + j for i in (-1, 0, 1) for j in (-1, 0, 1)])
    return np.unique(squares[:, None] + steps)
