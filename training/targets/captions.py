"""Captions of photos, for training image and text towers together.

The wording is StreetCLIP's (Haas et al. 2023), and with climate and month geolocation_clip's.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from geotagger.geography.named_places import LARGEST, largest_cities, read_candidates
from geotagger.geography.places import load_places
from training.targets.climates import climate_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from geotagger.geography.named_places import NamedPlace
    from training.data.example import Example

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September",
          "October", "November", "December")  # fmt: skip
MIN_MS = 1e10
"""Smaller numbers (April 1970) are not milliseconds since 1970, but for example a year."""


def street_caption(city: str = "", region: str = "", country: str = "", continent: str = "") -> str:
    """Returns `A Street View photo close to the town of ... in the region of ... in ...`.

    Unknown parts are left out. `country` is a name or an ISO code.
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
    """Returns StreetCLIP's prompt of a country (name or ISO code)."""
    return f"A Street View photo in {country_name(country)}."


def city_prompt(city: str) -> str:
    """Returns StreetCLIP's prompt of a city."""
    return f"A Street View photo from {city}."


def caption_of(example: Example) -> str:
    """Returns StreetCLIP's caption of a photo."""
    return street_caption(example.city, example.region, example.country, example.continent)


def context_caption(example: Example) -> str:
    """Returns geolocation_clip's caption of a photo: place, climate and month, as far as known."""
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
    """Returns the county of a photo (the column sub-region), or ""."""
    return example.columns.get("sub-region", "").strip()


def month_of(example: Example) -> str:
    """Returns the month of a photo in UTC, so that it is the same on every computer; "" if unknown.

    `captured_at` is in milliseconds since 1970 (OpenStreetView-5M) or a date; `taken_at` is a date.
    """
    text = (example.columns.get("captured_at") or example.columns.get("taken_at") or "").strip()
    try:
        if text.replace(".", "", 1).isdigit() and float(text) > MIN_MS:
            return MONTHS[datetime.fromtimestamp(float(text) / 1000, tz=UTC).month - 1]
        month = int(text.replace(":", "-").split("-")[1])
    except (ValueError, OverflowError, OSError, IndexError):
        return ""
    return MONTHS[month - 1] if 1 <= month <= 12 else ""


def country_name(country: str) -> str:
    """Returns the English name of an ISO code; other text is unchanged."""
    places = load_places()
    if country in places.country_codes:
        return places.country_names[places.country_codes.index(country)]
    return country


def candidate_captions(candidates: Sequence[NamedPlace]) -> list[str]:
    """Returns StreetCLIP's captions of candidate places, in the wording of photos."""
    places = load_places()
    rows = places.nearest_rows([c.lat for c in candidates], [c.lon for c in candidates])
    continents = [places.continent_names[number] for number in places.continent[rows]]
    return [
        street_caption(c.city, "" if c.region_as_country else c.region, area_name(c), continent)
        for c, continent in zip(candidates, continents, strict=True)
    ]


def area_name(candidate: NamedPlace) -> str:
    """Returns the country of a prompt: its ISO code, or the name of a state that counts as a
    country."""
    return candidate.region if candidate.region_as_country else candidate.country_code


def read_places(file: Path) -> list[NamedPlace]:
    """Reads a candidates file (geotagger/geography/named_places.py). A country lies at its largest
    city.

    Raises:
        UsageError: The file is invalid, or a place is unknown; the message names the entry.
    """
    places = load_places()
    return [
        c if c.city or c.region else replace(c, lat=largest.lat, lon=largest.lon)
        for c in read_candidates(file)
        for largest in largest_cities(places, places.country_codes.index(c.country_code))[:1]
    ]


def largest_places(count: int = LARGEST, states: bool = False) -> list[NamedPlace]:
    """Returns the largest cities of every country.

    Args:
        count: Cities of each country.
        states: Treats the states of the United States as countries.
    """
    places = load_places()
    return [
        city
        for number, code in enumerate(places.country_codes)
        for city in largest_cities(places, number, states and code == "US", count)
    ]
