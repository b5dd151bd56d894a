"""The polygons of countries, from country-coder, with ISO codes and continents."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SLIVER_DEG2 = 1e-9
CONTINENTS = (
    "Africa",
    "Antarctica",
    "Asia",
    "Europe",
    "North America",
    "Oceania",
    "South America",
)
CONTINENT_OF_M49 = {
    "002": "Africa",
    "142": "Asia",
    "150": "Europe",
    "009": "Oceania",
    "005": "South America",
    "003": "North America",
}
CODE_OF_FEATURE = {
    "Crimea": "UA",
    "Northern Cyprus": "CY",
    "Akrotiri": "CY",
    "Dhekelia": "CY",
    "Bir Tawil": "",
}
"""Where country-coder and ISO 3166 or GeoNames differ. Bir Tawil belongs to nobody."""
ISO_OF_RESERVED = {
    "AC": "SH",
    "CP": "FR",
    "CQ": "GG",
    "DG": "IO",
    "EA": "ES",
    "FX": "FR",
    "IC": "ES",
    "TA": "SH",
}
"""Exceptionally reserved codes, which are not countries in ISO 3166-1."""
WESTERN_SAHARA = shapely.box(-18, 20, -8.6, 27.66667)
"""The part of Morocco's polygon south of 27°40' N is Western Sahara in ISO 3166 and GeoNames."""


@dataclass(frozen=True, slots=True)
class Territory:
    """One polygon of one country."""

    code: str
    continent: str
    polygon: shapely.Polygon


def read_borders(path: Path) -> list[Territory]:
    """The polygons of country-coder: exact on land, up to the economic zone at sea."""
    features = json.loads(path.read_text("utf-8"))["features"]
    iso_codes = {
        feature["properties"]["iso1A2"]
        for feature in features
        if "iso1A2" in feature["properties"] and not feature["properties"].get("isoStatus")
    }
    territories = []
    for feature in features:
        if not feature["geometry"]:
            continue
        code = feature_code(feature["properties"], iso_codes)
        if code:
            continent = feature_continent(feature["properties"])
            for rings in feature["geometry"]["coordinates"]:
                polygon = shapely.transform(shapely.Polygon(rings[0], rings[1:]), meet_at_180)
                territories.append(Territory(code, continent, polygon))
    return [part for territory in territories for part in without_western_sahara(territory)]


def meet_at_180(lon_lat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Extend polygons that end a few metres before the antimeridian, to close the gap."""
    lon, lat = lon_lat.T
    lon = np.where(np.abs(lon) > 179.9, np.copysign(180.0, lon), lon)
    return np.column_stack([lon, lat])


def without_western_sahara(territory: Territory) -> list[Territory]:
    if territory.code != "MA":
        return [territory]
    north = shapely.difference(territory.polygon, WESTERN_SAHARA)
    south = shapely.intersection(territory.polygon, WESTERN_SAHARA)
    codes = [(north, "MA"), (south, "EH")]
    return [
        Territory(code, territory.continent, polygon)
        for shape, code in codes
        for polygon in polygons_of(shape)
    ]


def feature_code(properties: dict[str, Any], iso_codes: set[str]) -> str:
    """ISO 3166-1 alpha-2 code of a feature: its own, else its territory's, else its country's."""
    if properties["nameEn"] in CODE_OF_FEATURE:
        return CODE_OF_FEATURE[properties["nameEn"]]
    own = properties.get("iso1A2")
    if own:
        return ISO_OF_RESERVED.get(own, own)
    territory = [group for group in properties["groups"] if group in iso_codes]
    return territory[0] if territory else properties["country"]


def feature_continent(properties: dict[str, Any]) -> str:
    if properties.get("iso1A2") == "AQ":
        return "Antarctica"
    return next(CONTINENT_OF_M49[g] for g in properties["groups"] if g in CONTINENT_OF_M49)


def polygons_of(shape: shapely.Geometry) -> list[shapely.Polygon]:
    parts = shapely.get_parts(shape)
    return [part for part in parts if part.geom_type == "Polygon" and part.area > SLIVER_DEG2]


def locate(
    points: Sequence[tuple[float, float]], borders: Sequence[Territory]
) -> list[Territory | None]:
    spots = shapely.points(np.array(points)[:, ::-1])
    found = inside(spots, [territory.polygon for territory in borders])
    return [borders[i] if i >= 0 else None for i in found]


def inside(points: NDArray[np.object_], polygons: Sequence[shapely.Geometry]) -> NDArray[np.intp]:
    """Index of the first polygon around each point, -1 where there is none."""
    found = np.full(len(points), -1)
    polygon, point = shapely.STRtree(points).query(polygons, predicate="intersects")
    order = np.argsort(-polygon, kind="stable")
    found[point[order]] = polygon[order]
    return found
