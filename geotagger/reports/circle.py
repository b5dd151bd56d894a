"""Circles on the globe as polygons of longitude and latitude, cut where maps are cut."""

from __future__ import annotations

import numpy as np
import shapely
from shapely.geometry import Polygon, box
from shapely.geometry.polygon import orient

from geotagger.geo import EARTH_RADIUS_KM

Ring = list[list[float]]
STEPS = 33
DECIMALS = 5
SMALLEST_KM = 0.01
"""Below this the corners of a circle would fall together when they are rounded (1 m)."""


def circle(lat: float, lon: float, radius_km: float, slab_deg: float = 360.0) -> list[Ring]:
    """What lies within `radius_km` of a point, as rings of (lon, lat) in degrees.

    Each ring is closed, runs counterclockwise, and stays within -180..180 and -90..90; none is a
    hole of another (RFC 7946, 3.1.6 and 3.1.9). A circle across the antimeridian comes in two
    parts; one that holds a pole reaches up to it. Edges are straight in longitude and latitude.
    No ring is wider than `slab_deg`, a divisor of 360: globes fill wide ones wrongly.
    """
    outline = _outline(lat, lon, radius_km)
    rings: list[Ring] = []
    first, _, last, _ = outline.bounds
    for west in np.arange(-540.0, 540.0, slab_deg):
        if west <= first and last <= west + slab_deg:
            slab = outline
        elif first < west + slab_deg and west < last:
            slab = outline.intersection(box(west, -90, west + slab_deg, 90))
        else:
            continue
        turns = 360.0 * ((west + 180) // 360)
        rings += _rings(shapely.transform(slab, lambda xy, turns=turns: xy - [turns, 0]))
    return rings


def _outline(lat: float, lon: float, radius_km: float) -> Polygon:
    """The circle with longitudes that run on beyond 180, so that it is never cut.

    The two ends of each parallel inside the circle lie as far east of the centre as west. The
    outline goes up the eastern ends and down the western ones, and around a pole that is inside.
    """
    reach = min(max(radius_km, SMALLEST_KM) / EARTH_RADIUS_KM, np.pi - 1e-9)
    at = np.radians(np.clip(lat, -90 + 1e-6, 90 - 1e-6))
    bearing = np.linspace(np.pi, 0, STEPS)  # from the south to the north
    sine = np.sin(at) * np.cos(reach) + np.cos(at) * np.sin(reach) * np.cos(bearing)
    across = np.sin(bearing) * np.sin(reach) * np.cos(at)
    up = np.degrees(np.arcsin(np.clip(sine, -1, 1)))
    aside = np.degrees(np.arctan2(across, np.cos(reach) - np.sin(at) * sine))
    if reach > np.pi / 2 + at:
        up, aside = np.append(-90, up), np.append(180, aside)
    if reach > np.pi / 2 - at:
        up, aside = np.append(up, 90), np.append(aside, 180)
    east, west = np.stack([lon + aside, up], 1), np.stack([lon - aside, up], 1)
    return Polygon(np.concatenate([east, west[::-1]]))


def _rings(shape: shapely.Geometry) -> list[Ring]:
    """The outlines of polygons whose corners lie on a grid of `DECIMALS`."""
    snapped = shapely.set_precision(shape, 10.0**-DECIMALS)
    polygons = [part for part in shapely.get_parts(snapped) if isinstance(part, Polygon)]
    return [
        np.round(shapely.get_coordinates(orient(polygon)), DECIMALS).tolist()
        for polygon in polygons
        if not polygon.is_empty
    ]
