"""The towns of GeoNames with their alternate names."""

# ruff: noqa: RUF001  letters of other scripts look like Latin ones, and are meant

from __future__ import annotations

import csv
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.neighbors import BallTree

from geotagger.geography.places import load_places, town_radius_km
from geotagger.geography.sphere import haversine_km
from geotagger.text.gazetteer.gazetteer import normalise
from tools.build_data.names.entry import FAME, OWN, GazetteerEntry, script_of, spellings
from tools.build_data.names.languages import scripts_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


FAMOUS_NAMES, PEOPLE_PER_NAME, MAX_FAME = 25, 4000.0, 5.0
"""A town with so many names in GeoNames is known as if it had at least so many people for each, and
at most so many times its own: Venice has 51,000 people and 56 names, Dayton 135,000 and 27."""


NATIVE_NAMES = Path(__file__).with_name("native_names.csv")
"""Names of larger towns in the script of their country that GeoNames lacks."""


def towns(cities: Sequence[dict[str, Any]]) -> list[GazetteerEntry]:
    """All towns of GeoNames above 500 people, with their alternate names."""
    places = load_places()
    lat = np.array([city["latitude"] for city in cities])
    lon = np.array([city["longitude"] for city in cities])
    people = np.array([city["population"] for city in cities], dtype=np.float64)
    tree = BallTree(np.radians(np.column_stack([places.lat, places.lon])), metric="haversine")
    row = tree.query(np.radians(np.column_stack([lat, lon])), return_distance=False)[:, 0]
    row_km = haversine_km(lat, lon, places.lat[row], places.lon[row])
    share = np.minimum((people + 2000) / (places.population[row] + 2000.0), 1) ** 0.6
    radius_km = np.maximum.reduce(
        [np.full(len(people), 3.0), 2 * town_radius_km(people), np.minimum(row_km, 25.0)]
    )
    return [
        GazetteerEntry(
            name=city["name"],
            kind="town",
            country=city["countrycode"],
            lat=lat[i],
            lon=lon[i],
            radius_km=radius_km[i],
            share=share[i],
            people=people[i],
            known_people=known_people(city),
            fame=FAME * OWN["town"] * people[i] / 8e9,
            names=dict.fromkeys(town_names(city), 0.0) | {normalise(city["name"]): 1.0},
        )
        for i, city in enumerate(cities)
        if city["countrycode"] in places.country_codes and normalise(city["name"])
    ]


def known_people(city: Mapping[str, Any]) -> float:
    """People of a town about which as much is written."""
    people = float(city["population"])
    names = len(city["alternatenames"])
    if names < FAMOUS_NAMES:
        return people
    return max(people, min(PEOPLE_PER_NAME * names, MAX_FAME * people))


def town_names(city: Mapping[str, Any]) -> list[str]:
    """Names as people write them, without plain romanisations (lower case in GeoNames)."""
    country = city["countrycode"]
    scripts = scripts_of(country)
    found: list[str] = []
    for name in (city["name"], *city["alternatenames"], *native_names(country, city["name"])):
        name = re.sub(r"\s*[(,，、].*", "", name)
        script = script_of(name)
        is_latin = (
            script == "LATIN" and not name[:1].islower() and not re.fullmatch("[A-Z]{3}", name)
        )
        if name == city["name"] or is_latin or script in scripts:
            found += spellings(name)
    return [name for name in found if len(name) >= (3 if script_of(name) == "LATIN" else 2)]


def native_names(country: str, town: str) -> list[str]:
    """The names of a town in `native_names.csv`."""
    return _native_names().get((country, town), [])


@cache
def _native_names() -> dict[tuple[str, str], list[str]]:
    with NATIVE_NAMES.open(encoding="utf-8", newline="") as file:
        return {
            (row["country"], row["town"]): row["names"].split(";") for row in csv.DictReader(file)
        }
