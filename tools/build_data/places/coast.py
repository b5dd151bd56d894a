"""The land of Natural Earth, and borders cut back to the territorial sea."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import shapely

from geotagger.geography.sphere import EARTH_RADIUS_KM
from tools.build_data.places.borders import Territory, inside, polygons_of
from tools.build_data.places.rows import Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

TERRITORIAL_SEA_KM = 22.2
"""12 nautical miles: points up to this distance from the coast belong to the country."""
COAST_TOLERANCE_DEG = 0.02


def read_land(path: Path) -> list[shapely.Polygon]:
    """The land of Natural Earth, read from TopoJSON (quantised, delta-encoded arcs)."""
    topology = json.loads(path.read_text("utf-8"))
    scale, translate = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs = [np.cumsum(arc, axis=0) * scale + translate for arc in topology["arcs"]]

    def ring(indices: Sequence[int]) -> NDArray[np.float64]:
        parts = [arcs[i] if i >= 0 else arcs[~i][::-1] for i in indices]
        return np.concatenate([parts[0], *(part[1:] for part in parts[1:])])

    land = []
    for geometry in topology["objects"]["land"]["geometries"]:
        for indices in geometry["arcs"]:
            outer, *holes = (ring(part) for part in indices)
            if len(outer) > 3:
                polygon = shapely.Polygon(unwrap(outer), [hole for hole in holes if len(hole) > 3])
                land += polygons_of(wrap(shapely.make_valid(polygon)))
    return land


def unwrap(ring: NDArray[np.float64]) -> NDArray[np.float64]:
    """A ring without jumps at the antimeridian; one around the south pole is closed at the pole."""
    lon, lat = ring.T
    lon = lon - 360 * np.concatenate([[0], np.cumsum(np.round(np.diff(lon) / 360))])
    lon -= 360 * np.round(lon.mean() / 360)
    if lon[0] != lon[-1]:
        lon = np.concatenate([lon, [lon[-1], lon[0], lon[0]]])
        lat = np.concatenate([lat, [-90, -90, lat[0]]])
    return np.column_stack([lon, lat])


def wrap(shape: shapely.Geometry) -> shapely.Geometry:
    """The shape within longitudes -180 to 180; parts beyond are moved by 360 degrees."""
    moved = [shapely.transform(shape, lambda xy, d=d: np.add(xy, [d, 0])) for d in (-360, 0, 360)]
    return shapely.union_all([shapely.clip_by_rect(part, -180, -90, 180, 90) for part in moved])


def clip_to_coast(
    countries: Sequence[Territory], land: Sequence[shapely.Polygon], towns: Sequence[Row]
) -> list[Territory]:
    """Cut the polygons at the limit of the territorial sea; inland borders do not change."""
    spots = shapely.points([town.lon for town in towns], [town.lat for town in towns])
    coast = near_coast([*land, *spots[inside(spots, land) < 0]])
    clipped = []
    for territory in countries:
        for polygon in polygons_of(shapely.intersection(territory.polygon, coast)):
            clipped.append(Territory(territory.code, territory.continent, polygon))
    return clipped


def near_coast(shapes: Sequence[shapely.Geometry]) -> shapely.Geometry:
    """The area within TERRITORIAL_SEA_KM of the shapes, computed in narrow bands of latitude."""
    tree = shapely.STRtree(shapes)
    width_deg = np.degrees(TERRITORIAL_SEA_KM / EARTH_RADIUS_KM)
    bands = []
    for south in np.arange(-90.0, 90.0, 2.0):
        north = south + 2.0
        box = shapely.box(-180, max(south - width_deg, -90), 180, min(north + width_deg, 90))
        near = shapely.intersection(tree.geometries[tree.query(box)], box)
        if not len(near):
            continue
        stretch = 1 / np.cos(np.radians((south + north) / 2))
        flat = shapely.transform(shapely.unary_union(near), lambda xy, k=stretch: xy / [k, 1])
        grown = shapely.buffer(flat, width_deg, quad_segs=3)
        grown = shapely.transform(grown, lambda xy, k=stretch: xy * [k, 1])
        bands.append(shapely.clip_by_rect(wrap(grown), -180, south, 180, north))
    return shapely.simplify(shapely.union_all(bands), COAST_TOLERANCE_DEG)
