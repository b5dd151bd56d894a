"""Circles on the globe as polygons of longitude and latitude, cut where maps are cut."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import shapely
from shapely.geometry import Polygon, box
from shapely.geometry.polygon import orient

from geotagger.geography.sphere import EARTH_RADIUS_KM

if TYPE_CHECKING:
    from numpy.typing import NDArray

Ring = list[list[float]]
BEARINGS = np.linspace(np.pi, 0, 33)
"""From the south to the north, along one side of a circle."""
SIN_BEARING, COS_BEARING = np.sin(BEARINGS), np.cos(BEARINGS)
DECIMALS = 5
SMALLEST_KM = 0.01
"""The corners of a smaller circle would coincide after rounding (1 m)."""
CLEAR_KM = 1.0
"""Rounding cannot make the outline of a larger circle cross itself."""


def circle(lat: float, lon: float, radius_km: float, slab_deg: float = 360.0) -> list[Ring]:
    """The area within `radius_km` of a point, as rings of (lon, lat) in degrees.

    Each ring is closed, runs counterclockwise, and stays within -180..180 and -90..90. No ring is
    a hole of another (RFC 7946, 3.1.6 and 3.1.9). A circle across the antimeridian has two parts. A
    circle around a pole reaches up to it. Edges are straight in longitude and latitude.

    Args:
        slab_deg: no ring is wider; a divisor of 360. Globes fill wide rings wrongly.
    """
    outline = _outline(lat, lon, radius_km)
    first, last = float(outline[:, 0].min()), float(outline[:, 0].max())
    if first >= -180 and last <= 180 and last - first < 180 <= slab_deg and radius_km >= CLEAR_KM:
        return [np.round(outline, DECIMALS).tolist()]
    whole, rings = Polygon(outline), list[Ring]()
    for west in np.arange(-540.0, 540.0, slab_deg):
        if first < west + slab_deg and west < last:
            slab = whole.intersection(box(west, -90, west + slab_deg, 90))
            turns = 360.0 * ((west + 180) // 360)
            rings += _rings(shapely.transform(slab, lambda xy, turns=turns: xy - [turns, 0]))
    return rings


def circle_polygons(lat: float, lon: float, radius_km: float) -> list[list[Ring]]:
    """The area within `radius_km` of a point, as the polygons of a valid GeoJSON MultiPolygon.

    Parts of `circle` that touch along an edge are one polygon here: the parts of a MultiPolygon
    may not share an edge (OGC Simple Feature Access, 6.1.14). A circle around a pole and the
    antimeridian is such a case. One that holds both poles is the map with a hole.

    Returns:
        For each polygon its outline, counterclockwise, then its holes, clockwise.
    """
    rings = circle(lat, lon, radius_km)
    if len(rings) == 1:
        return [rings]
    merged = shapely.union_all([Polygon(ring) for ring in rings], grid_size=10.0**-DECIMALS)
    polygons = [orient(part) for part in shapely.get_parts(merged)]
    return [
        [
            np.round(shapely.get_coordinates(ring), DECIMALS).tolist()
            for ring in (polygon.exterior, *polygon.interiors)
        ]
        for polygon in polygons
    ]


def _outline(lat: float, lon: float, radius_km: float) -> NDArray[np.float64]:
    """The circle as one closed ring [N, 2]; its longitudes continue beyond 180.

    The part of each parallel inside the circle is symmetric to the centre. The outline goes up its
    eastern ends and down the western ends, and around a pole that is inside.
    """
    reach = min(max(radius_km, SMALLEST_KM) / EARTH_RADIUS_KM, math.pi - 1e-9)
    at = math.radians(min(max(lat, -90 + 1e-6), 90 - 1e-6))
    sine = math.sin(at) * math.cos(reach) + math.cos(at) * math.sin(reach) * COS_BEARING
    across = SIN_BEARING * (math.sin(reach) * math.cos(at))
    up = np.degrees(np.arcsin(np.clip(sine, -1, 1)))
    aside = np.degrees(np.arctan2(across, math.cos(reach) - math.sin(at) * sine))
    if reach > math.pi / 2 + at:
        up, aside = np.append(-90, up), np.append(180, aside)
    if reach > math.pi / 2 - at:
        up, aside = np.append(up, 90), np.append(aside, 180)
    lons = np.concatenate([lon + aside, lon - aside[::-1]])
    return np.stack([lons, np.concatenate([up, up[::-1]])], axis=1)


def _rings(shape: shapely.Geometry) -> list[Ring]:
    """The outlines of the polygons, rounded to `DECIMALS` without crossing themselves."""
    snapped = shapely.set_precision(shape, 10.0**-DECIMALS)
    polygons = [part for part in shapely.get_parts(snapped) if isinstance(part, Polygon)]
    return [
        np.round(shapely.get_coordinates(orient(polygon)), DECIMALS).tolist()
        for polygon in polygons
        if not polygon.is_empty
    ]
