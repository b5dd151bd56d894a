"""Points evenly on land."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from geotagger.geography.borders import load_borders

if TYPE_CHECKING:
    from numpy.typing import NDArray

GOLDEN_RATIO = (1 + math.sqrt(5)) / 2


def fibonacci_land(count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Places about `count` points so that each represents the same area of land.

    The points are a Fibonacci lattice on the sphere (Gonzalez 2010), without the points at sea and
    in Antarctica. The land reaches 12 nautical miles out, as the borders do.

    Returns:
        (lat, lon) in degrees.
    """
    return _land(max(count, 1))


@cache
def _land(count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    all_points = round(count / _land_share())
    lat, lon = fibonacci_sphere(all_points)
    inside = _on_land(lat, lon)
    return lat[inside], lon[inside]


@cache
def _land_share() -> float:
    return float(_on_land(*fibonacci_sphere(4000)).mean())


def fibonacci_sphere(count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns (lat, lon) of `count` points that are evenly spread over the sphere."""
    number = np.arange(count, dtype=np.float64) + 0.5
    lat = np.degrees(np.arcsin(1 - 2 * number / count))
    lon = np.mod(360 * number / GOLDEN_RATIO, 360.0) - 180
    return lat, lon


def _on_land(lat: NDArray[np.float64], lon: NDArray[np.float64]) -> NDArray[np.bool_]:
    located = load_borders().locate(lat, lon)
    return np.array([bool(code) and code != "AQ" for code, _ in located], bool)
