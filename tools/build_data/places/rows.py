"""Rows of the places table, and nearest-neighbour search over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.neighbors import BallTree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table; a land point has no name and no population."""

    lat: float
    lon: float
    country: str
    region: str
    continent: str = ""
    name: str = ""
    population: int = 0
    zone: str = ""
    geonameid: int = 0
    is_part: bool = False
    """A quarter or borough: it has the name of its city and is not a row."""


def ball_tree(rows: Sequence[Row]) -> BallTree:
    return BallTree(radians(rows), metric="haversine")


def radians(rows: Sequence[Row]) -> NDArray[np.float64]:
    return np.radians([(row.lat, row.lon) for row in rows])


def order_of(row: Row) -> tuple[Any, ...]:
    return (row.country, row.region, -row.population, row.geonameid, row.lat, row.lon)
