"""Maps: the world in the Equal Earth projection, and the surroundings of a point.

Equal Earth (Šavrič, Patterson & Jenny 2018, https://doi.org/10.1080/13658816.2018.1504949)
preserves areas, so that a probability that is spread over the map looks as wide as it is. The
surroundings are in the azimuthal equidistant projection: circles around the centre stay circles.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Protocol

import numpy as np
import shapely

from geotagger.geography.borders import load_borders
from geotagger.geography.sphere import EARTH_RADIUS_KM, unit_vectors64
from geotagger.plots.figure import Figure, Polylines, ShapeStyle, TextLabel

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from geotagger.plots.figure import PixelPoints
    from geotagger.types import Point

    Degrees = NDArray[np.float64]
    """Latitudes or longitudes, [n]."""

SEA = ShapeStyle(fill="#eef4f8")
LAND = ShapeStyle(fill="#fbfaf6", stroke="#aab3ba", width_px=0.5)
MIN_ISLAND_DEGREES2 = 0.4
"""The world map leaves out islands smaller than this."""
COARSE_DEGREES = 0.15
"""The world map simplifies outlines by up to this distance."""
HEAD_PX = 28
KM_PER_DEGREE = 111.2
EQUAL_EARTH = (1.340264, -0.081106, 0.000893, 0.003796)
"""The polynomial's coefficients A1 to A4."""
WORLD_X, WORLD_Y = 2.70663, 1.31737
"""x at 180 degrees east, and y at the north pole."""


class PlotMap(Protocol):
    """A figure that has a pixel for each point on the Earth."""

    figure: Figure

    def pixels(self, lat: ArrayLike, lon: ArrayLike) -> PixelPoints:
        """Pixels [n, 2] of points in degrees."""
        ...

    def pixel_lines(self, lat: ArrayLike, lon: ArrayLike) -> list[PixelPoints]:
        """A line through points in degrees, as one or more lines in pixels."""
        ...


class WorldMap:
    """The whole Earth."""

    def __init__(self, title: str, width_px: int = 880) -> None:
        """Draw the sea, the land and the title."""
        self._scale = width_px / (2 * WORLD_X)
        height_px = HEAD_PX + round(2 * WORLD_Y * self._scale)
        self.figure = Figure(width_px, height_px, title)
        self.figure.add(TextLabel(0, 20, title, 14, colour="#111111"))
        meridian = np.linspace(-90, 90, 91)
        lat = np.concatenate([meridian, meridian[::-1]])
        lon = np.concatenate([np.full(91, -180.0), np.full(91, 180.0)])
        land = [self.pixels(*outline) for outline in _coarse_land()]
        self.figure.add(Polylines([self.pixels(lat, lon)], SEA, closed=True))
        self.figure.add(Polylines(land, LAND, closed=True))

    def pixels(self, lat: ArrayLike, lon: ArrayLike) -> PixelPoints:
        """Pixels [n, 2] of points in degrees."""
        x, y = equal_earth(lat, lon)
        return np.stack(
            [(x + WORLD_X) * self._scale, HEAD_PX + (WORLD_Y - y) * self._scale], axis=-1
        )

    def pixel_lines(self, lat: ArrayLike, lon: ArrayLike) -> list[PixelPoints]:
        """A line through points in degrees, split where it crosses the antimeridian."""
        cuts = np.flatnonzero(np.abs(np.diff(np.asarray(lon, float))) > 180) + 1
        return [part for part in np.split(self.pixels(lat, lon), cuts) if len(part) > 1]


class LocalMap:
    """The land within `reach_km` of a point; at most a quarter of the Earth's circumference."""

    def __init__(self, title: str, centre: Point, reach_km: float, size_px: int = 420) -> None:
        """Draw the sea and the land."""
        self.figure = Figure(size_px, size_px, title)
        self._centre = centre
        self._px_per_km = size_px / 2 / reach_km
        frame = np.array([[0, 0], [size_px, 0], [size_px, size_px], [0, size_px]], float)
        self.figure.add(Polylines([frame], SEA))
        self.figure.add(Polylines(self._land(reach_km), LAND, closed=True))

    def _land(self, reach_km: float) -> list[PixelPoints]:
        """The outlines of the land, clipped to the frame."""
        size_px = self.figure.width_px
        outlines = []
        for outline in _outlines(load_borders().polygons, reach_km / KM_PER_DEGREE / size_px):
            lon, lat = outline.T
            if self._km(lat, lon).min() < 2 * reach_km or self._contains_centre(outline):
                polygon = shapely.Polygon(self.pixels(lat, lon))
                clipped = shapely.clip_by_rect(polygon, 0, 0, size_px, size_px)
                outlines += [
                    shapely.get_coordinates(shapely.get_exterior_ring(part))
                    for part in shapely.get_parts(clipped)
                    if part.geom_type == "Polygon"
                ]
        return outlines

    def pixels(self, lat: ArrayLike, lon: ArrayLike) -> PixelPoints:
        """Pixels [n, 2] of points in degrees."""
        lat0, lat1 = np.radians(self._centre.lat), np.radians(np.asarray(lat, float))
        turn = np.radians(np.asarray(lon, float) - self._centre.lon)
        east = np.cos(lat1) * np.sin(turn)
        north = np.cos(lat0) * np.sin(lat1) - np.sin(lat0) * np.cos(lat1) * np.cos(turn)
        length = np.hypot(east, north)
        px = self._km(lat, lon) * self._px_per_km / np.where(length > 0, length, 1)
        half = self.figure.width_px / 2
        return np.stack([half + px * east, half - px * north], axis=-1)

    def pixel_lines(self, lat: ArrayLike, lon: ArrayLike) -> list[PixelPoints]:
        """A line through points in degrees."""
        return [self.pixels(lat, lon)]

    def _km(self, lat: ArrayLike, lon: ArrayLike) -> NDArray[np.float64]:
        """Distances from the centre, [n]."""
        cosine = unit_vectors64(lat, lon) @ unit_vectors64(self._centre.lat, self._centre.lon)
        return EARTH_RADIUS_KM * np.arccos(np.clip(cosine, -1, 1))

    def _contains_centre(self, outline: NDArray[np.float64]) -> bool:
        centre = shapely.Point(self._centre.lon, self._centre.lat)
        return bool(shapely.contains(shapely.Polygon(outline), centre))


def equal_earth(lat: ArrayLike, lon: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """x and y, each [n], of the Equal Earth projection on a sphere of radius 1.

    Args:
        lat: degrees [n].
        lon: degrees [n].
    """
    a1, a2, a3, a4 = EQUAL_EARTH
    theta = np.arcsin(np.sqrt(3) / 2 * np.sin(np.radians(np.asarray(lat, float))))
    longitude = np.radians(np.asarray(lon, float))
    slope = 9 * a4 * theta**8 + 7 * a3 * theta**6 + 3 * a2 * theta**2 + a1
    x = 2 * np.sqrt(3) * longitude * np.cos(theta) / (3 * slope)
    return x, a4 * theta**9 + a3 * theta**7 + a2 * theta**3 + a1 * theta


def circle(centre: Point, radius_km: float, corners: int = 120) -> tuple[Degrees, Degrees]:
    """Latitudes and longitudes [corners] of a circle on the Earth, closed."""
    angle, azimuth = radius_km / EARTH_RADIUS_KM, np.linspace(0, 2 * np.pi, corners)
    lat0 = np.radians(centre.lat)
    sine = np.sin(lat0) * np.cos(angle) + np.cos(lat0) * np.sin(angle) * np.cos(azimuth)
    turn = np.arctan2(
        np.sin(azimuth) * np.sin(angle) * np.cos(lat0), np.cos(angle) - np.sin(lat0) * sine
    )
    lon = (centre.lon + np.degrees(turn) + 180) % 360 - 180
    return np.degrees(np.arcsin(np.clip(sine, -1, 1))), lon


def great_circle(start: Point, end: Point, corners: int = 32) -> tuple[Degrees, Degrees]:
    """Latitudes and longitudes [corners] of the shortest path between two points."""
    a, b = unit_vectors64([start.lat, end.lat], [start.lon, end.lon])
    angle = np.arccos(np.clip(a @ b, -1, 1))
    t = np.linspace(0, 1, corners)[:, None]
    path = np.sin((1 - t) * angle) * a + np.sin(t * angle) * b if angle > 1e-9 else a + t * (b - a)
    path /= np.linalg.norm(path, axis=1, keepdims=True)
    return np.degrees(np.arcsin(path[:, 2])), np.degrees(np.arctan2(path[:, 1], path[:, 0]))


@cache
def _coarse_land() -> list[tuple[Degrees, Degrees]]:
    """Latitudes and longitudes of the outlines on the world map."""
    polygons = load_borders().polygons
    large = polygons[shapely.area(polygons) >= MIN_ISLAND_DEGREES2]
    return [(outline[:, 1], outline[:, 0]) for outline in _outlines(large, COARSE_DEGREES)]


def _outlines(polygons: NDArray[np.object_], tolerance_degrees: float) -> list[NDArray[np.float64]]:
    """Simplified outer rings [n, 2] as lon, lat. Enclaves have their own polygons, which are drawn
    on top."""
    simplified = shapely.simplify(polygons, tolerance_degrees)
    return [shapely.get_coordinates(shapely.get_exterior_ring(polygon)) for polygon in simplified]
