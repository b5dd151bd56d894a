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
"""Cities of a country that StreetCLIP's authors compare (Haas et al. 2023)."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A city, region or country. Of a city and a region, `lat` and `lon` say where it is."""

    city: str
    region: str
    country_code: str
    """ISO 3166-1 alpha-2."""
    stands_alone: bool = False
    """The region is asked for as countries are: the states of the US, in StreetCLIP."""
    lat: float = 0.0
    lon: float = 0.0

    @property
    def area(self) -> tuple[str, str]:
        """Country, and the region where that stands alone."""
        return self.country_code, self.region if self.stands_alone else ""

    def names(self, places: Places) -> dict[str, str]:
        """What a caption may name. Where there is no city, its region stands in."""
        number = places.country_codes.index(self.country_code)
        country = self.region if self.stands_alone else places.country_names[number]
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
        """Rows of the table that it covers, bool [N]: a city reaches 25 km, and to its own row."""
        if self.city:
            km = haversine_km(self.lat, self.lon, places.lat, places.lon)
            return np.asarray(km <= max(CITY_RADIUS_KM, float(km.min())))
        inside = places.country == places.country_codes.index(self.country_code)
        if self.region:
            regions = [name.casefold() == self.region.casefold() for name in places.region_names]
            inside = inside & np.array(regions)[places.region]
        return np.asarray(inside)


def read_candidates(file: Path) -> tuple[Candidate, ...]:
    """Of StreetCLIP's file {"locations": [{"city", "region", "country", "continent"}, ...]}.

    An entry is looked up by country, region and city together, for names repeat. It may also give
    `lat` and `lon`.

    Raises:
        UsageError: the file is none, or a place is not known; the message names the entry.
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


def parse_places(text: str) -> tuple[Candidate, ...]:
    """Of `Lyon, France; Turin, Piedmont, Italy; Malta`.

    Raises:
        UsageError: a place is not known.
    """
    rows = []
    for entry in filter(None, (part.strip() for part in text.split(";"))):
        *before, country = (part.strip() for part in entry.split(","))
        rows.append(dict(zip(("city", "region"), before, strict=False)) | {"country": country})
    return _all(rows, "--places, place")


def largest_cities(
    places: Places, country: int, states: bool = False, most: int = LARGEST
) -> list[Candidate]:
    """The most populous towns of a country of the table; with `states`, of each of its regions."""
    rows = np.flatnonzero((places.country == country) & (places.population > 0))
    rows = rows[[bool(places.city_names[row]) for row in rows]]
    found: list[Candidate] = []
    group = places.region[rows] if states else np.zeros(len(rows), np.intp)
    for part in np.unique(group):
        own = rows[group == part]
        best = own[np.argsort(-places.population[own], kind="stable")]
        distinct: dict[str, Candidate] = {}
        for row in best:
            candidate = _at(places, int(row), states)
            distinct.setdefault(candidate.city, candidate)
            if len(distinct) == most:
                break
        found += distinct.values()
    return found


def _all(rows: Sequence[Mapping[str, str]], where: str) -> tuple[Candidate, ...]:
    if not rows:
        raise UsageError(f"{where} 1: there is none; name at least one")
    found = {}
    for number, row in enumerate(rows, start=1):
        try:
            found[_candidate(row)] = True
        except ValueError as error:
            raise UsageError(f"{where} {number}: {error}; correct it") from error
    return tuple(found)


def _candidate(row: Mapping[str, str]) -> Candidate:
    places = load_places()
    city, region, country = (row.get(key, "").strip() for key in ("city", "region", "country"))
    code = codes_by_name().get(country.casefold(), "")
    alone = not code and country.casefold() in _states()
    if alone:
        region, code = _states()[country.casefold()], "US"
    elif not code and country and not (city or region):  # one name alone may be that of a town
        return _at(places, _largest(places, np.arange(len(places)), "city", country))
    if not code:
        raise ValueError(f"{country or 'an empty name'} is no country")
    rows = np.flatnonzero(places.country == places.country_codes.index(code))
    if row.get("lat") and row.get("lon"):
        lat, lon = float(row["lat"]), float(row["lon"])
        if not (-90 <= lat <= 90 and -180 <= lon <= 180):
            raise ValueError(f"{lat}, {lon} is no position in degrees")
        return Candidate(city or region or country, region, code, alone, lat, lon)
    if not (city or region):
        return Candidate("", "", code)
    if region:
        names = [places.region_names[number].casefold() for number in places.region[rows]]
        rows = rows[np.array(names) == region.casefold()]
        if not len(rows):
            raise ValueError(f"{region} is no region of {country} in the table of places")
    if not city:
        best = int(rows[places.population[rows].argmax()])
        at = _at(places, best, alone)
        return Candidate("", at.region, code, alone, at.lat, at.lon)
    return _at(places, _largest(places, rows, "city", city), alone)


def _largest(places: Places, rows: NDArray[np.integer], what: str, name: str) -> int:
    named = rows[[places.city_names[row].casefold() == name.casefold() for row in rows]]
    if not len(named):
        raise ValueError(f"{name} is no {what} of the table of places there; give its lat and lon")
    return int(named[places.population[named].argmax()])


def _at(places: Places, row: int, stands_alone: bool = False) -> Candidate:
    place = places.place(row)
    return Candidate(
        place.city,
        place.region,
        place.country_code,
        stands_alone and bool(place.region),
        place.point.lat,
        place.point.lon,
    )


@cache
def _states() -> dict[str, str]:
    places = load_places()
    regions = np.unique(places.region[places.country == places.country_codes.index("US")])
    names = (places.region_names[region] for region in regions)
    return {
        name.casefold(): name for name in names if name and name.casefold() not in codes_by_name()
    }
