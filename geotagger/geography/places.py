"""The places table, and names for any point, by country polygon and nearest town.

Rows are towns (GeoNames), and land points where no town is near. All evidence is a log-likelihood
for each of these rows. The data are built by `tools/build_data/places`.
"""

from __future__ import annotations

from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from geotagger.data import read_arrays
from geotagger.geography.borders import load_borders, text_lines
from geotagger.geography.sphere import haversine_km, unit_vectors, unit_vectors64
from geotagger.types import Place, Point

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import ArrayLike, NDArray

CITY_RADIUS_KM = 25.0
"""A point farther than this from all towns of its country and region has no city."""

UNKNOWN_REGION = 0
"""Index of the empty name. A town without a known region (Hong Kong) counts for every region."""

PEOPLE_PER_KM2 = 4000.0
"""Density of a city's core. With it, quarters are inside their city and suburbs mostly outside."""
METROPOLIS_RADIUS_KM = 15.0


def town_radius_km(population: ArrayLike) -> NDArray[np.float64]:
    """Radius of a disc with the town's people at city density, at most that of a metropolis."""
    people = np.asarray(population, dtype=np.float64)
    return np.minimum(np.sqrt(people / (np.pi * PEOPLE_PER_KM2)), METROPOLIS_RADIUS_KM)


class _Sites:
    """All sites that a point can be named after: the rows of the table, then the signposts."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.lat = _frozen((arrays["lat_e5"] / 1e5).astype(np.float32))
        self.lon = _frozen((arrays["lon_e5"] / 1e5).astype(np.float32))
        self.population: NDArray[np.int32] = _frozen(arrays["population"])
        self.country: NDArray[np.int16] = _frozen(arrays["country"])
        self.region: NDArray[np.int32] = _frozen(arrays["region"].astype(np.int32))
        self.names = tuple(text_lines(arrays["city_names"]))

    def region_and_city(self, lat: float, lon: float, country: int) -> tuple[int, str]:
        """Region of the country's nearest site, and the town of that region whose edge is nearest.

        The town is empty if no town of the region lies within `CITY_RADIUS_KM`.
        """
        sites = self._of_country[country]
        km = haversine_km(lat, lon, self.lat[sites], self.lon[sites])
        region = int(self.region[sites[np.argmin(km)]])
        in_region = (self.region[sites] == region) | (self.region[sites] == UNKNOWN_REGION)
        near = sites[(km <= CITY_RADIUS_KM) & in_region & self._is_town[sites]]
        if not len(near):
            return region, ""
        near_km = haversine_km(lat, lon, self.lat[near], self.lon[near])
        from_edge_km = near_km - town_radius_km(self.population[near])
        return region, self.names[near[np.argmin(from_edge_km)]]

    @cached_property
    def _of_country(self) -> list[NDArray[np.intp]]:
        order = np.argsort(self.country, kind="stable")
        return np.split(order, np.cumsum(np.bincount(self.country))[:-1])

    @cached_property
    def _is_town(self) -> NDArray[np.bool_]:
        return np.array([bool(name) for name in self.names])


class Places:
    """An immutable table of N rows, sorted by country, then region, then falling population.

    After the N rows, the data hold signposts: further small towns, used only by `name`, that mark
    where one region ends and the next begins.

    Attributes:
        lat, lon: float32 [N], degrees.
        unit: float32 [N, 3], points on the unit sphere.
        population: int32 [N], 0 for land points.
        zone: int16 [N], index into `zone_names` (IANA time zones).
        country: int16 [N], index into `country_codes` and `country_names`.
        region: int32 [N], index into `region_names`, which has one entry for each region of each
            country; entry 0 is unknown.
        continent: int8 [N], index into `continent_names`.
        city_names: N strings, empty for land points.
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        rows = slice(len(arrays["zone"]))
        self._sites = _Sites(arrays)
        self.lat = self._sites.lat[rows]
        self.lon = self._sites.lon[rows]
        self.unit = _frozen(unit_vectors(self.lat, self.lon))
        self.population = self._sites.population[rows]
        self.zone: NDArray[np.int16] = _frozen(arrays["zone"])
        self.country = self._sites.country[rows]
        self.region = self._sites.region[rows]
        self.continent: NDArray[np.int8] = _frozen(arrays["continent"])
        self.city_names = self._sites.names[rows]
        self.country_codes = tuple(text_lines(arrays["country_codes"]))
        self.country_names = tuple(text_lines(arrays["country_names"]))
        self.region_names = tuple(text_lines(arrays["region_names"]))
        self.continent_names = tuple(text_lines(arrays["continent_names"]))
        self.zone_names = tuple(text_lines(arrays["zone_names"]))

    def __len__(self) -> int:
        return len(self.lat)

    def place(self, row: int) -> Place:
        """The place of a row; a land point has no city."""
        country = int(self.country[row])
        return Place(
            point=Point(round(float(self.lat[row]), 5), round(float(self.lon[row]), 5)),
            country_code=self.country_codes[country],
            country=self.country_names[country],
            region=self.region_names[self.region[row]],
            city=self.city_names[row],
            continent=self.continent_names[self.continent[row]],
        )

    def nearest_rows(self, lat: ArrayLike, lon: ArrayLike) -> NDArray[np.int32]:
        """The nearest row by great circle for each of n points in degrees, int32 [n].

        Of rows at the same distance it is the first.
        """
        wanted = unit_vectors64(np.atleast_1d(lat), np.atleast_1d(lon))
        rows = np.empty(len(wanted), dtype=np.int32)
        for start in range(0, len(wanted), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            rows[chunk] = np.argmax(wanted[chunk] @ self._unit64.T, axis=1)
        return rows

    def name(self, lat: float, lon: float) -> Place:
        """Name a point: country by polygon, region and city by the nearest towns of that country.

        The city is the town whose edge is nearest (inside a metropolis, the metropolis), if its
        centre is within `CITY_RADIUS_KM`. More than 12 nautical miles out at sea, names are empty.

        Args:
            lat, lon: degrees.

        Raises:
            ValueError: lat or lon is out of range or not finite.
        """
        _check_range(lat, lon)
        code, continent = load_borders().locate(lat, lon)[0]
        if not code:
            return Place(Point(float(lat), float(lon)))
        country = self.country_codes.index(code)
        region, city = self._sites.region_and_city(lat, lon, country)
        return Place(
            point=Point(float(lat), float(lon)),
            country_code=code,
            country=self.country_names[country],
            region=self.region_names[region],
            city=city,
            continent=continent,
        )

    def mask(self, country_codes: Collection[str]) -> NDArray[np.bool_]:
        """Mask of the rows of these countries, bool [N].

        Raises:
            ValueError: no row has one of the codes.
        """
        unknown = sorted(set(country_codes) - set(self.country_codes))
        if unknown:
            raise ValueError(
                f"unknown country code {', '.join(unknown)}: "
                "use ISO 3166-1 alpha-2 codes in capitals, for example FR"
            )
        wanted = [self.country_codes.index(code) for code in country_codes]
        return np.isin(self.country, wanted)

    @cached_property
    def _unit64(self) -> NDArray[np.float64]:
        return unit_vectors64(self.lat, self.lon)


_CHUNK = 64
"""Points compared at a time: 64 x 55,000 cosines in float64 are 28 MB."""


@cache
def load_places() -> Places:
    """The table that comes with the program, read once."""
    return Places(read_arrays("places.npz"))


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array


def _check_range(lat: float, lon: float) -> None:
    if not -90.0 <= lat <= 90.0:
        raise ValueError(f"latitude {lat} is not a number from -90 to 90")
    if not -180.0 <= lon <= 180.0:
        raise ValueError(f"longitude {lon} is not a number from -180 to 180")
