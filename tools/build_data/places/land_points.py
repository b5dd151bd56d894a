"""Points on land far from every town, so that a row is near everywhere on land."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import shapely
from sklearn.neighbors import BallTree

from geotagger.geography.sphere import EARTH_RADIUS_KM
from tools.build_data.places.borders import Territory, inside, locate
from tools.build_data.places.rows import Row, ball_tree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

REACH_KM = 50.0
"""Land farther than this from every town gets land points."""
LATTICE_KM2 = 5_000.0
ICE_LATTICE_KM2 = 40_000.0
"""Antarctica and inner Greenland get fewer points, as few photos are taken there."""
REGION_KM = 500.0
"""A land point takes its region from a town no farther than this."""
HOLE_KM = 58.0
FINE_LATTICE_KM2 = 250.0
"""Gaps of the lattice get a point where they are farther than this from every row."""


def land_points(
    land: Sequence[shapely.Polygon],
    borders: Sequence[Territory],
    towns: Sequence[Row],
    all_towns: Sequence[Row],
) -> list[Row]:
    """Points on land beyond REACH_KM of the towns, so that rows are near everywhere on land."""
    chosen = [(town.lat, town.lon) for town in towns]
    chosen += far_points(lattice_on_land(LATTICE_KM2, land, ice=False), chosen, REACH_KM)
    chosen += far_points(lattice_on_land(ICE_LATTICE_KM2, land, ice=True), chosen, REACH_KM)
    chosen += far_points(islands(land), chosen, REACH_KM)
    chosen += far_points(lattice_on_land(FINE_LATTICE_KM2, land, ice=False), chosen, HOLE_KM)
    return name_points(chosen[len(towns) :], borders, all_towns)


def far_points(
    candidates: NDArray[np.float64], chosen: Sequence[tuple[float, float]], reach_km: float
) -> list[tuple[float, float]]:
    """Candidates, in order, that lie beyond `reach_km` of every chosen point and of each other."""
    reach = reach_km / EARTH_RADIUS_KM
    km = BallTree(np.radians(chosen), metric="haversine").query(np.radians(candidates))[0][:, 0]
    candidates = candidates[km > reach]
    if not len(candidates):
        return []
    near = BallTree(np.radians(candidates), metric="haversine").query_radius(
        np.radians(candidates), reach
    )
    kept = np.zeros(len(candidates), dtype=bool)
    for i in range(len(candidates)):
        kept[i] = not kept[near[i]].any()
    return [(float(lat), float(lon)) for lat, lon in candidates[kept]]


def lattice_on_land(
    km2: float, land: Sequence[shapely.Polygon], *, ice: bool
) -> NDArray[np.float64]:
    """Points (lat, lon) of a Fibonacci lattice with one point for each `km2`, on land.

    R. Swinbank and R. J. Purser, "Fibonacci grids: a novel approach to global modelling", 2006.
    """
    count = round(4 * np.pi * EARTH_RADIUS_KM**2 / km2)
    index = np.arange(count) + 0.5
    lat = np.degrees(np.arcsin(1 - 2 * index / count))
    lon = (index * 360 * (np.sqrt(5) - 1) / 2) % 360 - 180
    points = np.column_stack([lat, lon]).round(5)
    points = points[is_ice(points) == ice]
    return points[inside(shapely.points(points[:, ::-1]), land) >= 0]


def is_ice(points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether points lie, roughly, on the Antarctic or Greenland ice sheet."""
    lat, lon = points[:, 0], points[:, 1]
    inner_greenland = (lat > 62) & (lat < 81.5) & (lon > -49) & (lon < -29)
    return (lat < -60) | inner_greenland


def islands(land: Sequence[shapely.Polygon]) -> NDArray[np.float64]:
    """One point on each separate piece of land, the largest first."""
    ordered = sorted(land, key=lambda shape: -shape.area)
    points = shapely.point_on_surface(np.array(ordered))
    return np.column_stack([shapely.get_y(points), shapely.get_x(points)]).round(5)


def name_points(
    points: Sequence[tuple[float, float]], borders: Sequence[Territory], towns: Sequence[Row]
) -> list[Row]:
    """Rows of land points: country by polygon, time zone and region of the nearest town."""
    by_country = defaultdict(list)
    for town in towns:
        by_country[town.country].append(town)
    trees = {code: ball_tree(group) for code, group in by_country.items()}
    rows = []
    for (lat, lon), territory in zip(points, locate(points, borders), strict=True):
        if territory is None:
            continue
        row = Row(lat, lon, territory.code, "", territory.continent, zone=nautical_zone(lon))
        if territory.code in trees:
            angle, nearest = trees[territory.code].query(np.radians([[lat, lon]]))
            town = by_country[territory.code][nearest[0, 0]]
            near = angle[0, 0] * EARTH_RADIUS_KM <= REGION_KM
            row = replace(row, zone=town.zone, region=town.region if near else "")
        rows.append(row)
    return rows


def nautical_zone(lon: float) -> str:
    """The zone of the meridian, for land without a town; POSIX signs, so Etc/GMT-3 is UTC+3."""
    return f"Etc/GMT{-round(lon / 15):+d}"
