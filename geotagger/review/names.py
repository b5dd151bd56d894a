"""Places by what a person types: a town's name, a town and a country, or coordinates."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import TypedDict

import numpy as np

from geotagger.geography.places import load_places
from geotagger.types import Place

MOST = 8
_COORDINATES = re.compile(r"\s*(-?\d{1,2}(?:\.\d+)?)°?[\s,;]+(-?\d{1,3}(?:\.\d+)?)°?\s*")


class Found(TypedDict):
    """One answer, as the page takes it."""

    name: str
    lat: float
    lon: float
    people: int


def find_places(text: str) -> list[Found]:
    """Towns whose name begins so, exact and large ones first; `Paris, Texas` is narrower."""
    coordinates = _COORDINATES.fullmatch(text)
    if coordinates:
        lat, lon = map(float, coordinates.groups())
        return [_found(lat, lon, 0)] if abs(lat) <= 90 and abs(lon) <= 180 else []
    first, *others = (_folded(part) for part in text.split(","))
    if not first:
        return []
    places = load_places()
    rows = [row for row, name in enumerate(_names()) if name.startswith(first)]
    for other in filter(None, others):
        rows = [row for row in rows if other in _folded(_spoken(places.place(row)))]
    rows.sort(key=lambda row: (_names()[row] != first, -int(places.population[row])))
    return [
        Found(
            name=_spoken(place),
            lat=place.point.lat,
            lon=place.point.lon,
            people=int(places.population[row]),
        )
        for row in rows[:MOST]
        for place in [places.place(row)]
    ]


def name_of(lat: float, lon: float) -> str:
    """`Pisa, Tuscany, Italy`; empty at sea. Raises ValueError for what is no position."""
    return _spoken(load_places().name(lat, lon))


def _found(lat: float, lon: float, people: int) -> Found:
    return Found(name=name_of(lat, lon) or "at sea", lat=lat, lon=lon, people=people)


def _spoken(place: Place) -> str:
    return ", ".join(filter(None, (place.city, place.region, place.country)))


@cache
def _names() -> list[str]:
    """Of the towns of the table, as they are compared; land points have none."""
    return [_folded(name) or "\0" for name in np.asarray(load_places().city_names).tolist()]


def _folded(text: str) -> str:
    """Without accents, case and the space around it."""
    letters = unicodedata.normalize("NFKD", text.strip().casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))
