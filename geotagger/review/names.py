"""Finds places by what a person types: a town, a town and a country, or coordinates."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import TypedDict

import numpy as np

from geotagger.geography.places import load_places
from geotagger.types import Place

MAX_RESULTS = 8
_COORDINATES = re.compile(r"\s*(-?\d{1,2}(?:\.\d+)?)°?[\s,;]+(-?\d{1,3}(?:\.\d+)?)°?\s*")


class FoundPlace(TypedDict):
    """One result, as the page expects it."""

    name: str
    lat: float
    lon: float
    people: int


def find_places(text: str) -> list[FoundPlace]:
    """Towns whose name starts with the text, exact matches and large towns first.

    A region or country after a comma narrows the search: `Paris, Texas`.
    """
    coordinates = _COORDINATES.fullmatch(text)
    if coordinates:
        lat, lon = map(float, coordinates.groups())
        return [_place_at(lat, lon, 0)] if abs(lat) <= 90 and abs(lon) <= 180 else []
    first, *others = (_folded(part) for part in text.split(","))
    if not first:
        return []
    places = load_places()
    rows = [row for row, name in enumerate(_names()) if name.startswith(first)]
    for other in filter(None, others):
        rows = [row for row in rows if other in _folded(_full_name(places.place(row)))]
    rows.sort(key=lambda row: (_names()[row] != first, -int(places.population[row])))
    return [
        FoundPlace(
            name=_full_name(place),
            lat=place.point.lat,
            lon=place.point.lon,
            people=int(places.population[row]),
        )
        for row in rows[:MAX_RESULTS]
        for place in [places.place(row)]
    ]


def name_at(lat: float, lon: float) -> str:
    """`Pisa, Tuscany, Italy`; empty at sea. Raises ValueError for an invalid position."""
    return _full_name(load_places().name(lat, lon))


def _place_at(lat: float, lon: float, people: int) -> FoundPlace:
    return FoundPlace(name=name_at(lat, lon) or "at sea", lat=lat, lon=lon, people=people)


def _full_name(place: Place) -> str:
    return ", ".join(dict.fromkeys(filter(None, (place.city, place.region, place.country))))


@cache
def _names() -> list[str]:
    """Names of the rows of the places table, for comparison; land points have no name."""
    return [_folded(name) or "\0" for name in np.asarray(load_places().city_names).tolist()]


def _folded(text: str) -> str:
    """The text without accents, case and surrounding space."""
    letters = unicodedata.normalize("NFKD", text.strip().casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))
