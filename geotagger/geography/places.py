"""The table of places, and the names of any point: by polygon and nearest town.

Rows are towns (GeoNames), and land points where no town is near. Every source of evidence speaks in
log-likelihoods over these rows. The data are built once by `tools/build_data/places`.
"""

from __future__ import annotations

from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from geotagger.data import read_arrays
from geotagger.geography.sphere import haversine_km, unit_vectors, unit_vectors64
from geotagger.types import Place, Point

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import ArrayLike, NDArray

CITY_RADIUS_KM = 25.0
"""A point farther than this from every town of its country and region has no city."""

UNKNOWN_REGION = 0
"""Index of the empty name; a town of no known region (Hong Kong) counts in every region."""

PEOPLE_PER_KM2 = 4000.0
"""Density of a city's core; with it quarters fall inside their city and suburbs mostly outside."""
METROPOLIS_RADIUS_KM = 15.0


def town_radius_km(population: ArrayLike) -> NDArray[np.float64]:
    """How far a town reaches: a disc of its people at city density, at most a metropolis's core."""
    people = np.asarray(population, dtype=np.float64)
    return np.minimum(np.sqrt(people / (np.pi * PEOPLE_PER_KM2)), METROPOLIS_RADIUS_KM)


class Borders:
    """Countries as polygons that reach 12 nautical miles out to sea; beyond lies no country.

    codes: the country of each polygon. Sources: borders of the country-coder project, coast of
    Natural Earth (see NOTICE.md).
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        import shapely

        coords = arrays["coords_e5"] / 1e5
        offsets = (arrays["ring_offsets"], arrays["polygon_offsets"])
        self.polygons = shapely.from_ragged_array(shapely.GeometryType.POLYGON, coords, offsets)
        self.codes = tuple(_lines(arrays["codes"]))
        self._continents = tuple(_lines(arrays["continents"]))
        self._tree = shapely.STRtree(self.polygons)

    def locate(self, lat: ArrayLike, lon: ArrayLike) -> list[tuple[str, str]]:
        """(country code, continent) of n points; ("", "") at sea.

        A point on a border goes to the first of the two countries in the data, always the same.
        """
        import shapely

        points = shapely.points(np.atleast_1d(lon), np.atleast_1d(lat))
        found = [("", "")] * len(points)
        hits = self._tree.query(points, predicate="intersects")
        for point, polygon in sorted(zip(*hits.tolist(), strict=True), reverse=True):
            found[point] = (self.codes[polygon], self._continents[polygon])
        return found


class _Sites:
    """Rows and, behind them, signposts: all that a point can be named after."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.lat = _frozen((arrays["lat_e5"] / 1e5).astype(np.float32))
        self.lon = _frozen((arrays["lon_e5"] / 1e5).astype(np.float32))
        self.population: NDArray[np.int32] = _frozen(arrays["population"])
        self.country: NDArray[np.int16] = _frozen(arrays["country"])
        self.region: NDArray[np.int32] = _frozen(arrays["region"].astype(np.int32))
        self.names = tuple(_lines(arrays["city_names"]))

    def region_and_city(self, lat: float, lon: float, country: int) -> tuple[int, str]:
        """Region of the country's nearest site, and the town of that region whose edge is nearest.

        There is no city where no town of the region lies within CITY_RADIUS_KM.
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

    lat, lon: float32 [N], degrees. unit: float32 [N, 3]. population: int32 [N], 0 for land points.
    zone: int16 [N] into `zone_names`, IANA time zones. country: int16 [N] into `country_codes` and
    `country_names`. region: int32 [N] into `region_names`, one entry for each region of each
    country, entry 0 is unknown. continent: int8 [N] into `continent_names`. city_names: str [N],
    empty for land points.

    Behind the N rows the data hold signposts, further small towns that only `name` looks at: they
    mark where one region ends and the next begins.
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
        self.country_codes = tuple(_lines(arrays["country_codes"]))
        self.country_names = tuple(_lines(arrays["country_names"]))
        self.region_names = tuple(_lines(arrays["region_names"]))
        self.continent_names = tuple(_lines(arrays["continent_names"]))
        self.zone_names = tuple(_lines(arrays["zone_names"]))

    def __len__(self) -> int:
        return len(self.lat)

    def place(self, row: int) -> Place:
        """What the table says of a row; a land point has no city."""
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
        """The row nearest to each of n points by great circle, int32 [n]; the first where equal."""
        wanted = unit_vectors64(np.atleast_1d(lat), np.atleast_1d(lon))
        rows = np.empty(len(wanted), dtype=np.int32)
        for start in range(0, len(wanted), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            rows[chunk] = np.argmax(wanted[chunk] @ self._unit64.T, axis=1)
        return rows

    def name(self, lat: float, lon: float) -> Place:
        """Name a point: country by polygon, region and city of the nearest town inside it.

        The city is the town whose edge is nearest (inside a metropolis, the metropolis), and only
        within `CITY_RADIUS_KM` of the town's centre. Farther out at sea than 12 nautical miles
        nothing is named. Raises ValueError where lat or lon is out of range or not finite.
        """
        _check_range(lat, lon)
        code, continent = self._borders.locate(lat, lon)[0]
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
        """Rows of these countries, bool [N]. Raises ValueError for a code that no row has."""
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

    @cached_property
    def _borders(self) -> Borders:
        return load_borders()


_CHUNK = 64
"""Points compared at once: 64 x 55,000 cosines in float64 are 28 MB."""


@cache
def load_places() -> Places:
    """The table that comes with the program; read once, then shared."""
    return Places(read_arrays("places.npz"))


@cache
def load_borders() -> Borders:
    """The polygons that come with the program; read when a point is first named."""
    return Borders(read_arrays("borders.npz"))


def _lines(text: NDArray[np.uint8]) -> list[str]:
    return text.tobytes().decode("utf-8").split("\n")


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array


def _check_range(lat: float, lon: float) -> None:
    if not -90.0 <= lat <= 90.0:
        raise ValueError(f"latitude {lat} is not a number from -90 to 90")
    if not -180.0 <= lon <= 180.0:
        raise ValueError(f"longitude {lon} is not a number from -180 to 180")
