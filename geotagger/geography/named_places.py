"""Places that a user names: the photos are at one of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from geotagger.errors import UsageError
from geotagger.geography.country_names import codes_by_name, continent_of_country
from geotagger.geography.places import CITY_RADIUS_KM, load_places
from geotagger.geography.sphere import haversine_km

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from geotagger.geography.places import Places

LARGEST = 30
"""Cities per country that StreetCLIP's authors compare (Haas et al. 2023)."""


@dataclass(frozen=True, slots=True)
class NamedPlace:
    """A city, region or country. `lat` and `lon` are the position of a city or region."""

    city: str
    region: str
    country_code: str
    """ISO 3166-1 alpha-2."""
    region_as_country: bool = False
    """The region is compared with countries, as StreetCLIP does with the states of the US."""
    lat: float = 0.0
    lon: float = 0.0

    @property
    def area(self) -> tuple[str, str]:
        """Country code, and the region if it is compared with countries."""
        return self.country_code, self.region if self.region_as_country else ""

    def names(self, places: Places) -> dict[str, str]:
        """The names for a caption; a place without a city has its region's name instead."""
        number = places.country_codes.index(self.country_code)
        country = self.region if self.region_as_country else places.country_names[number]
        return {
            "city": self.city or self.region,
            "region": self.region,
            "country": country,
            "continent": self._continent(places, number),
        }

    def _continent(self, places: Places, country: int) -> str:
        if self.city or self.region:
            row = places.nearest_rows([self.lat], [self.lon])[0]
            return places.continent_names[int(places.continent[row])]
        return continent_of_country(places, country)

    def rows(self, places: Places) -> NDArray[np.bool_]:
        """Mask of its rows, bool [N]. A city has those within 25 km, and at least the nearest."""
        if self.city:
            km = haversine_km(self.lat, self.lon, places.lat, places.lon)
            return np.asarray(km <= max(CITY_RADIUS_KM, float(km.min())))
        inside = places.country == places.country_codes.index(self.country_code)
        if self.region:
            regions = [name.casefold() == self.region.casefold() for name in places.region_names]
            inside = inside & np.array(regions)[places.region]
        return np.asarray(inside)


def read_candidates(file: Path) -> tuple[NamedPlace, ...]:
    """Read StreetCLIP's file {"locations": [{"city", "region", "country", "continent"}, ...]}.

    An entry is found by country, region and city together, because names repeat. It may also give
    `lat` and `lon`.

    Raises:
        UsageError: the file is invalid, or a place is unknown; the message names the entry.
    """
    try:
        entries = json.loads(file.read_text(encoding="utf-8-sig"))["locations"]
        rows = [{key: str(value or "") for key, value in entry.items()} for entry in entries]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(
            f"{file}: not a file of candidates ({error!r}); it needs "
            '{"locations": [{"city": ..., "region": ..., "country": ...}]}'
        ) from error
    return _all(rows, f"{file}, location")


def parse_places(text: str) -> tuple[NamedPlace, ...]:
    """Parse `Lyon, France; Turin, Piedmont, Italy; Malta`.

    Raises:
        UsageError: a place is unknown.
    """
    rows = []
    for entry in filter(None, (part.strip() for part in text.split(";"))):
        *before, country = (part.strip() for part in entry.split(","))
        rows.append(dict(zip(("city", "region"), before, strict=False)) | {"country": country})
    return _all(rows, "--places, place")


def largest_cities(
    places: Places, country: int, states: bool = False, most: int = LARGEST
) -> list[NamedPlace]:
    """The most populous towns of a country, with distinct names.

    Args:
        places: the places table.
        country: index into `places.country_codes`.
        states: the most populous towns of each region instead.
        most: number of towns.
    """
    rows = np.flatnonzero((places.country == country) & (places.population > 0))
    rows = rows[[bool(places.city_names[row]) for row in rows]]
    cities: list[NamedPlace] = []
    group = places.region[rows] if states else np.zeros(len(rows), np.intp)
    for part in np.unique(group):
        own = rows[group == part]
        distinct: dict[str, NamedPlace] = {}
        for row in own[np.argsort(-places.population[own], kind="stable")]:
            city = _of_row(places, int(row), states)
            distinct.setdefault(city.city, city)
            if len(distinct) == most:
                break
        cities += distinct.values()
    return cities


def _all(rows: Sequence[Mapping[str, str]], where: str) -> tuple[NamedPlace, ...]:
    """The place of each row, without duplicates; `where` and its number name a row in errors."""
    if not rows:
        raise UsageError(f"{where} 1: there is none; name at least one")
    distinct = {}
    for number, row in enumerate(rows, start=1):
        try:
            distinct[_named_place(row)] = True
        except ValueError as error:
            raise UsageError(f"{where} {number}: {error}; correct it") from error
    return tuple(distinct)


def _named_place(row: Mapping[str, str]) -> NamedPlace:
    """Find a place by its names. Raises ValueError if it is unknown."""
    places = load_places()
    city, region, country = (row.get(key, "").strip() for key in ("city", "region", "country"))
    code = codes_by_name().get(country.casefold(), "")
    is_state = not code and country.casefold() in _us_states()
    if is_state:
        region, code = _us_states()[country.casefold()], "US"
    elif not code and country and not (city or region):  # a name alone may be that of a town
        return _of_row(places, _largest_town(places, np.arange(len(places)), country))
    if not code:
        raise ValueError(f"{country or 'an empty name'} is no country")
    if row.get("lat") and row.get("lon"):
        lat, lon = _position(row)
        return NamedPlace(city or region or country, region, code, is_state, lat, lon)
    if not (city or region):
        return NamedPlace("", "", code)
    rows = np.flatnonzero(places.country == places.country_codes.index(code))
    if region:
        rows = _in_region(places, rows, region, country)
    if city:
        return _of_row(places, _largest_town(places, rows, city), is_state)
    largest = _of_row(places, int(rows[places.population[rows].argmax()]), is_state)
    return NamedPlace("", largest.region, code, is_state, largest.lat, largest.lon)


def _position(row: Mapping[str, str]) -> tuple[float, float]:
    lat, lon = float(row["lat"]), float(row["lon"])
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        raise ValueError(f"{lat}, {lon} is no position in degrees")
    return lat, lon


def _in_region(
    places: Places, rows: NDArray[np.intp], region: str, country: str
) -> NDArray[np.intp]:
    names = [places.region_names[number].casefold() for number in places.region[rows]]
    inside: NDArray[np.intp] = rows[np.array(names) == region.casefold()]
    if not len(inside):
        raise ValueError(f"{region} is no region of {country} in the table of places")
    return inside


def _largest_town(places: Places, rows: NDArray[np.intp], name: str) -> int:
    """The most populous row with this city name."""
    wanted = name.casefold()
    named = rows[[places.city_names[row].casefold() == wanted for row in rows]]
    if not len(named):
        raise ValueError(f"{name} is no city of the table of places there; give its lat and lon")
    return int(named[places.population[named].argmax()])


def _of_row(places: Places, row: int, region_as_country: bool = False) -> NamedPlace:
    place = places.place(row)
    return NamedPlace(
        place.city,
        place.region,
        place.country_code,
        region_as_country and bool(place.region),
        place.point.lat,
        place.point.lon,
    )


@cache
def _us_states() -> dict[str, str]:
    """States of the US by their casefolded names, but for those that are also countries."""
    places = load_places()
    regions = np.unique(places.region[places.country == places.country_codes.index("US")])
    names = (places.region_names[region] for region in regions)
    return {
        name.casefold(): name for name in names if name and name.casefold() not in codes_by_name()
    }
