"""Maps: the whole world on the Equal Earth projection, and the surroundings of a point.

Equal Earth (Šavrič, Patterson & Jenny 2018) keeps areas, so that a belief spread over a map looks
as wide as it is. The surroundings are azimuthal equidistant: circles stay circles.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Protocol

import numpy as np
import shapely

from geotagger.geography.places import load_borders
from geotagger.geography.sphere import EARTH_RADIUS_KM, unit_vectors64
from geotagger.plots.figure import Figure, Label, Lines, Style

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from geotagger.plots.figure import Track
    from geotagger.types import Point

SEA = Style(fill="#eef4f8")
LAND = Style(fill="#fbfaf6", stroke="#aab3ba", width_px=0.5)
MIN_DEGREES2 = 0.4
"""Islands smaller than this are left out of the map of the world."""
COARSE_DEGREES = 0.15
"""Corners are dropped as long as the outline moves by less."""
A1, A2, A3, A4 = 1.340264, -0.081106, 0.000893, 0.003796
HEAD_PX = 28
KM_PER_DEGREE = 111.2
WORLD_X, WORLD_Y = 2.70663, 1.31737


class Map(Protocol):
    """A figure on which points of the Earth have their pixels."""

    figure: Figure

    def at(self, lat: ArrayLike, lon: ArrayLike) -> Track: ...

    def tracks(self, lat: ArrayLike, lon: ArrayLike) -> list[Track]: ...


class World:
    """The whole Earth."""

    def __init__(self, title: str, width_px: int = 880) -> None:
        self._scale = width_px / (2 * WORLD_X)
        height_px = HEAD_PX + round(2 * WORLD_Y * self._scale)
        self.figure = Figure(width_px, height_px, title)
        self.figure.add(Label(0, 20, title, 14, colour="#111111"))
        edge = np.linspace(-90, 90, 91)
        rim = np.concatenate([np.full(91, -180.0), np.full(91, 180.0)])
        self.figure.add(Lines([self.at(np.concatenate([edge, edge[::-1]]), rim)], SEA, closed=True))
        self.figure.add(
            Lines([self.at(lat, lon) for lat, lon in _coarse_land()], LAND, closed=True)
        )

    def at(self, lat: ArrayLike, lon: ArrayLike) -> Track:
        """Pixels [n, 2] of points in degrees."""
        x, y = equal_earth(lat, lon)
        return np.stack(
            [(x + WORLD_X) * self._scale, HEAD_PX + (WORLD_Y - y) * self._scale], axis=-1
        )

    def tracks(self, lat: ArrayLike, lon: ArrayLike) -> list[Track]:
        """A line in pixels, cut where it leaves the map at one side and enters at the other."""
        cuts = np.flatnonzero(np.abs(np.diff(np.asarray(lon, float))) > 180) + 1
        return [part for part in np.split(self.at(lat, lon), cuts) if len(part) > 1]


class Surroundings:
    """The land within `reach_km` (at most a quarter of the way round) of a point."""

    def __init__(self, title: str, centre: Point, reach_km: float, size_px: int = 420) -> None:
        self.figure = Figure(size_px, size_px, title)
        self._centre = centre
        self.px_per_km = size_px / 2 / reach_km
        self.figure.add(
            Lines([np.array([[0, 0], [size_px, 0], [size_px, size_px], [0, size_px]], float)], SEA)
        )
        self.figure.add(Lines(self._land(reach_km), LAND, closed=True))

    def _land(self, reach_km: float) -> list[Track]:
        """What lies inside the frame."""
        size_px = self.figure.width_px
        found = []
        for outline in _outlines(load_borders().polygons, reach_km / KM_PER_DEGREE / size_px):
            lon, lat = outline.T
            if self._km(lat, lon).min() < 2 * reach_km or self._inside(outline):
                seen = shapely.clip_by_rect(
                    shapely.Polygon(self.at(lat, lon)), 0, 0, size_px, size_px
                )
                found += [
                    shapely.get_coordinates(shapely.get_exterior_ring(part))
                    for part in shapely.get_parts(seen)
                    if part.geom_type == "Polygon"
                ]
        return found

    def at(self, lat: ArrayLike, lon: ArrayLike) -> Track:
        """Pixels [n, 2] of points in degrees."""
        here, there = np.radians(self._centre.lat), np.radians(np.asarray(lat, float))
        turn = np.radians(np.asarray(lon, float) - self._centre.lon)
        east = np.cos(there) * np.sin(turn)
        north = np.cos(here) * np.sin(there) - np.sin(here) * np.cos(there) * np.cos(turn)
        length = np.hypot(east, north)
        px = self._km(lat, lon) * self.px_per_km / np.where(length > 0, length, 1)
        half = self.figure.width_px / 2
        return np.stack([half + px * east, half - px * north], axis=-1)

    def tracks(self, lat: ArrayLike, lon: ArrayLike) -> list[Track]:
        """A line in pixels."""
        return [self.at(lat, lon)]

    def _km(self, lat: ArrayLike, lon: ArrayLike) -> NDArray[np.float64]:
        cosine = unit_vectors64(lat, lon) @ unit_vectors64(self._centre.lat, self._centre.lon)
        return EARTH_RADIUS_KM * np.arccos(np.clip(cosine, -1, 1))

    def _inside(self, outline: NDArray[np.float64]) -> bool:
        at = shapely.Point(self._centre.lon, self._centre.lat)
        return bool(shapely.contains(shapely.Polygon(outline), at))


def equal_earth(lat: ArrayLike, lon: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """x and y of the Equal Earth projection, on a sphere of radius 1."""
    t = np.arcsin(np.sqrt(3) / 2 * np.sin(np.radians(np.asarray(lat, float))))
    lam = np.radians(np.asarray(lon, float))
    bent = 9 * A4 * t**8 + 7 * A3 * t**6 + 3 * A2 * t**2 + A1
    x = 2 * np.sqrt(3) * lam * np.cos(t) / (3 * bent)
    return x, A4 * t**9 + A3 * t**7 + A2 * t**3 + A1 * t


def circle(centre: Point, radius_km: float, corners: int = 120) -> tuple[Track, Track]:
    """Latitudes and longitudes of a circle on the Earth, closed."""
    angle, azimuth = radius_km / EARTH_RADIUS_KM, np.linspace(0, 2 * np.pi, corners)
    here = np.radians(centre.lat)
    sine = np.sin(here) * np.cos(angle) + np.cos(here) * np.sin(angle) * np.cos(azimuth)
    turn = np.arctan2(
        np.sin(azimuth) * np.sin(angle) * np.cos(here), np.cos(angle) - np.sin(here) * sine
    )
    lon = (centre.lon + np.degrees(turn) + 180) % 360 - 180
    return np.degrees(np.arcsin(np.clip(sine, -1, 1))), lon


def great_circle(start: Point, end: Point, corners: int = 32) -> tuple[Track, Track]:
    """Latitudes and longitudes of the shortest way between two points."""
    a, b = unit_vectors64([start.lat, end.lat], [start.lon, end.lon])
    angle = np.arccos(np.clip(a @ b, -1, 1))
    t = np.linspace(0, 1, corners)[:, None]
    way = np.sin((1 - t) * angle) * a + np.sin(t * angle) * b if angle > 1e-9 else a + t * (b - a)
    way /= np.linalg.norm(way, axis=1, keepdims=True)
    return np.degrees(np.arcsin(way[:, 2])), np.degrees(np.arctan2(way[:, 1], way[:, 0]))


@cache
def _coarse_land() -> list[tuple[Track, Track]]:
    polygons = load_borders().polygons
    large = polygons[shapely.area(polygons) >= MIN_DEGREES2]
    return [(outline[:, 1], outline[:, 0]) for outline in _outlines(large, COARSE_DEGREES)]


def _outlines(polygons: NDArray[np.object_], tolerance_degrees: float) -> list[Track]:
    """Outer rings [n, 2] as lon, lat; lakes and enclaves are painted over by their own."""
    simpler = shapely.simplify(polygons, tolerance_degrees)
    return [shapely.get_coordinates(shapely.get_exterior_ring(polygon)) for polygon in simpler]
