"""What is known of a photo, as a sentence: for training image and text towers beside each other.

The wording is StreetCLIP's (Haas et al. 2023) and, with climate and month, geolocation_clip's.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from geotagger.errors import UsageError
from geotagger.places import load_places
from training.climates import climate_of
from training.columns import country_code

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from training.data import Example

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September",
          "October", "November", "December")  # fmt: skip
CITIES_A_COUNTRY = 30
LEAST_MS = 1e10
"""Smaller numbers (April 1970) are no milliseconds since 1970: a year, say."""


def street_caption(city: str = "", region: str = "", country: str = "", continent: str = "") -> str:
    """`A Street View photo close to the town of ... in the region of ... in ...` as far as known.

    `country` is a name or an ISO code.
    """
    parts = (
        ("close to the town of", city),
        ("in the region of", region),
        ("in", country_name(country)),
        ("in", continent),
    )
    known = [f"{words} {name}" for words, name in parts if name]
    return " ".join(["A Street View photo", *known]) + ("." if known else "")


def country_prompt(country: str) -> str:
    return f"A Street View photo in {country_name(country)}."


def city_prompt(city: str) -> str:
    return f"A Street View photo from {city}."


def caption_of(example: Example) -> str:
    """What StreetCLIP is told of a photo."""
    return street_caption(example.city, example.region, example.country, example.continent)


def context_caption(example: Example) -> str:
    """What geolocation_clip is told of a photo: place, climate and month, as far as known."""
    county, month = county_of(example), month_of(example)
    near = ", ".join(name for name in (example.city and f"{example.city} city", county) if name)
    far = ", ".join(name for name in (example.region, country_name(example.country)) if name)
    state = "the state of " if example.region else ""
    where = ", ".join(f"in {part}" for part in (near, far and state + far) if part)
    sentences = [f"A photo {where}." if where else "A photo."]
    if climate := climate_of(example):
        sentences.append(f"This location has a {climate} climate.")
    if month:
        sentences.append(f"This photo was taken in {month}.")
    return " ".join(sentences)


def county_of(example: Example) -> str:
    return example.columns.get("sub-region", "").strip()


def month_of(example: Example) -> str:
    """The month in which a photo was taken, in UTC: the same on every computer.

    `captured_at` is in milliseconds since 1970 (OpenStreetView-5M) or a date; `taken_at` a date.
    """
    text = (example.columns.get("captured_at") or example.columns.get("taken_at") or "").strip()
    try:
        if text.replace(".", "", 1).isdigit() and float(text) > LEAST_MS:
            return MONTHS[datetime.fromtimestamp(float(text) / 1000, tz=UTC).month - 1]
        month = int(text.replace(":", "-").split("-")[1])
    except (ValueError, OverflowError, OSError, IndexError):
        return ""
    return MONTHS[month - 1] if 1 <= month <= 12 else ""


def country_name(country: str) -> str:
    """The English name of an ISO code; what is no code stays as it is."""
    places = load_places()
    if country in places.country_codes:
        return places.country_names[places.country_codes.index(country)]
    return country


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place that a photo may show."""

    city: str
    region: str
    country: str
    """ISO code, or a name that is no country (a US state, where these count as countries)."""
    continent: str
    lat: float
    lon: float

    @property
    def caption(self) -> str:
        return street_caption(self.city, self.region, self.country, self.continent)


def read_candidates(file: Path) -> list[Candidate]:
    """Candidates of a file {"locations": [{"city", "region", "country", "continent"}, ...]}.

    Where each lies is looked up by country, region and city together: there is a Paris in Texas.
    An entry may also give `lat` and `lon`.

    Raises:
        UsageError: the file is none, or a place is not known; the message names the entry.
    """
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))["locations"]
        rows = [{key: str(value or "") for key, value in entry.items()} for entry in entries]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{file}: is no candidates file ({error!r}); it needs "
            '{"locations": [{"city": ..., "region": ..., "country": ..., "continent": ...}]}'
        ) from error
    if not rows:
        raise UsageError(f"{file}: holds no candidates; add some to locations")
    found = []
    for number, row in enumerate(rows, start=1):
        try:
            found.append(_candidate(row))
        except ValueError as error:
            raise UsageError(f"{file}, location {number}: {error}; correct it") from error
    return found


def _candidate(row: dict[str, str]) -> Candidate:
    code = country_code(row.get("country", "").strip())
    city, region = row.get("city", "").strip(), row.get("region", "").strip()
    if not code:
        raise ValueError("names no country")
    if row.get("lat") and row.get("lon"):
        lat, lon = float(row["lat"]), float(row["lon"])
    else:
        lat, lon = position_of(city, region, code)
    return Candidate(city, region, code, row.get("continent", "").strip(), lat, lon)


def position_of(city: str, region: str, country: str) -> tuple[float, float]:
    """Where a city of that region of that country lies; where a part is empty, the largest one.

    Raises:
        ValueError: there is no such place.
    """
    rows = _rows_by_country().get(country, np.empty(0, int))
    places = load_places()
    if region:
        named = [
            places.region_names[i].casefold() == region.casefold() for i in places.region[rows]
        ]
        rows = rows[np.array(named, bool)]
    if city:
        named = [places.city_names[row].casefold() == city.casefold() for row in rows]
        rows = rows[np.array(named, bool)]
    if not len(rows):
        place = ", ".join(part for part in (city, region, country) if part)
        raise ValueError(f"{place} is not in the table of places")
    best = rows[places.population[rows].argmax()]
    return float(places.lat[best]), float(places.lon[best])


def largest_cities(
    countries: Sequence[str], count: int = CITIES_A_COUNTRY, states: bool = False
) -> list[Candidate]:
    """The most populous cities of each country; those without any are passed over.

    With `states` those of the United States count as countries of their own.
    """
    places = load_places()
    found = []
    for code in countries:
        rows = _rows_by_country().get(code, np.empty(0, int))
        rows = rows[[bool(places.city_names[row]) for row in rows]]
        apart = places.region[rows] if states and code == "US" else np.zeros(len(rows), int)
        for part in np.unique(apart):
            own = rows[apart == part]
            for row in own[np.argsort(-places.population[own], kind="stable")[:count]]:
                region = places.region_names[places.region[row]]
                found.append(
                    Candidate(
                        city=places.city_names[row],
                        region="" if len(np.unique(apart)) > 1 else region,
                        country=region if len(np.unique(apart)) > 1 else code,
                        continent=places.continent_names[places.continent[row]],
                        lat=float(places.lat[row]),
                        lon=float(places.lon[row]),
                    )
                )
    return found


@cache
def _rows_by_country() -> dict[str, np.ndarray]:
    places = load_places()
    return {
        code: np.flatnonzero(places.country == number)
        for number, code in enumerate(places.country_codes)
    }
