"""Reads the polygons of a GeoJSON file (RFC 7946) as they lie on the globe.

A flat reader takes an edge from 177 to -178 degrees the long way, through Greenwich. Here it goes
across the antimeridian. The polygons returned have longitudes that continue beyond 180 there.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

_PARTS = ("features", "geometry", "geometries")
_MAX_NUMBER = 1e9
"""No unit of length makes a coordinate on the earth larger."""
_TURNS = np.array([[-360.0, 0.0], [0.0, 0.0], [360.0, 0.0]])


def polygons(text: str) -> list[Any]:
    """All polygons in a file, as shapely geometries in degrees (lon, lat).

    Raises:
        shapely.GEOSException: the text is no GeoJSON.
        ValueError: it is no JSON.
    """
    import shapely

    shapely.from_geojson(text)  # checks it
    found = [_polygon(rings, bbox) for rings, bbox in _coordinates(json.loads(text), None)]
    return [polygon for polygon in found if not polygon.is_empty]


def _coordinates(
    item: Any, bbox: Sequence[float] | None
) -> Iterator[tuple[list[Any], Sequence[float] | None]]:
    """The rings of each polygon in an object, and the nearest `bbox` around it."""
    if not isinstance(item, dict):
        return
    bbox = item.get("bbox") or bbox
    if item.get("type") == "Polygon":
        yield item["coordinates"], bbox
    elif item.get("type") == "MultiPolygon":
        for rings in item["coordinates"]:
            yield rings, bbox
    for name in _PARTS:
        parts = item.get(name)
        for part in parts if isinstance(parts, list) else [parts]:
            yield from _coordinates(part, bbox)


def _polygon(rings: list[Any], bbox: Sequence[float] | None) -> Any:
    """One polygon without its holes. A hole may be written at another turn than its outline."""
    import shapely

    area, *holes = [_area(ring, bbox) for ring in rings] or [shapely.Polygon()]
    for hole in holes:
        for turn in _TURNS:
            area = shapely.difference(area, shapely.transform(hole, partial(np.add, turn)))
    return area


def _area(ring: Any, bbox: Sequence[float] | None) -> Any:
    """The area inside a ring, valid."""
    import shapely

    corners = np.array([position[:2] for position in ring], dtype=float).reshape(-1, 2)
    if len(corners) < 4:
        return shapely.Polygon()
    if not np.abs(corners).max() < _MAX_NUMBER:
        raise ValueError("a coordinate is no number, or too large")
    flat = shapely.Polygon(corners)
    around, turned_deg = _shortest_edges(corners)
    wide = np.abs(np.diff(corners[:, 0])) > 180
    if not wide.any() or np.abs(corners[:, 0]).max() > 180:  # it continues beyond 180 by itself
        return shapely.make_valid(flat)
    if abs(turned_deg) > 180:  # once around the globe
        drawn_flat = flat.is_valid and not _across(around)
        return shapely.make_valid(flat if drawn_flat else _cap(around))
    is_flat = flat.is_valid and _is_flat(flat, around, bbox)
    return shapely.make_valid(flat if is_flat else shapely.Polygon(around))


def _shortest_edges(corners: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """The ring with each edge the shorter way, [N, 2], and how far east its end is of its start."""
    steps = np.diff(corners[:, 0])
    steps -= 360 * np.round(steps / 360)
    lons = corners[0, 0] + np.concatenate([[0.0], np.cumsum(steps)])
    return np.stack([lons, corners[:, 1]], axis=1), float(lons[-1] - lons[0])


def _across(around: NDArray[np.float64]) -> bool:
    """Whether an edge crosses the antimeridian, or the ring leads on where it touches it."""
    turn = np.floor((around[:, 0] + 180) / 360)
    touches = np.isclose((around[:, 0] + 180) % 360, 0)
    return len(np.unique(turn[~touches])) > 1


def _is_flat(flat: Any, around: NDArray[np.float64], bbox: Sequence[float] | None) -> bool:
    """Whether a ring with an edge of more than 180 degrees means the long way.

    It does if the short way would only touch the antimeridian (a box from -180 to 100), or if the
    file has a bounding box that is that wide, and in both cases the outline runs counterclockwise,
    as RFC 7946 asks for (3.1.6). A bounding box with west > east is across the antimeridian (5.2).
    """
    if not np.ptp(around[:, 0]):
        return True  # whole parallels, such as a box from -180 to 180
    if bbox is not None and len(bbox) in (4, 6):
        west, east = bbox[0], bbox[len(bbox) // 2]
        if west > east:
            return False
        return bool(flat.exterior.is_ccw and east - west > 180)
    return bool(flat.exterior.is_ccw and not _across(around))


def _cap(around: NDArray[np.float64]) -> Any:
    """The area between a ring around the globe and the pole that is nearer to it."""
    import shapely

    pole = 90.0 if around[:, 1].mean() > 0 else -90.0
    start, end = around[0, 0], around[-1, 0]
    return shapely.Polygon([*around, (end, pole), (start, pole)])
