"""The coarse graph of places: countries, and the regions inside a country.

Both are runs of rows of the places table, which is sorted by country and region. So sums over them,
and values spread from them to the rows, are single passes.

N is the number of rows of the places table, C that of countries, A that of regions of all countries
("areas").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geotagger.geography.sphere import km_of_cosine

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geotagger.fusion.mass import ProbabilityMass
    from geotagger.geography.places import Places

TINY = 1e-12
"""The least probability of an area, so that logarithms stay finite."""


class Areas:
    """Sums of mass by region and country.

    Attributes:
        country: int [A], the country of each area.
        prior: float64 [A], the prior of each area, sums to 1.
        country_prior: float64 [C].
    """

    def __init__(self, places: Places, log_prior: NDArray[np.float32]) -> None:
        """
        Args:
            places: the places table.
            log_prior: float32 [N]; -inf for rows that are excluded.
        """
        key = places.country.astype(np.int64) << 32 | places.region
        self._starts = np.flatnonzero(np.diff(key, prepend=-1))
        self._sizes = np.diff(self._starts, append=len(places))
        self.country = places.country[self._starts].astype(np.intp)
        self._country_starts = np.flatnonzero(np.diff(self.country, prepend=-1))
        self.country_count = len(self._country_starts)
        mass = np.exp(log_prior)
        self.prior = self.sums(mass / mass.sum(dtype=np.float64))
        self.country_prior = self.by_country(self.prior)
        moments = mass[:, None] * places.unit  # negative too: no `sums`
        self._moments = np.add.reduceat(moments, self._starts, axis=0).astype(np.float64)

    def __len__(self) -> int:
        return len(self._starts)

    def sums(self, mass: ProbabilityMass) -> NDArray[np.float64]:
        """Sum float32 [N] to [A], at least `TINY`."""
        return np.maximum(np.add.reduceat(mass, self._starts), TINY).astype(np.float64)

    def by_country(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum [A] to [C]."""
        return np.add.reduceat(values, self._country_starts)

    def spread(self, values: NDArray[np.floating]) -> NDArray[np.float32]:
        """Give each row the value of its area: [A] to float32 [N]."""
        return np.repeat(values.astype(np.float32), self._sizes)

    def inside(self, country: int) -> slice:
        """The areas of a country."""
        last = country + 1 == self.country_count
        end = len(self) if last else self._country_starts[country + 1]
        return slice(int(self._country_starts[country]), int(end))

    def country_distances_km(self) -> NDArray[np.float64]:
        """Distances between the centres of population of all countries, [C, C]."""
        return _distances_km(np.add.reduceat(self._moments, self._country_starts))

    def region_distances_km(self, country: int) -> NDArray[np.float64]:
        """The same between the regions of a country, [n, n]."""
        return _distances_km(self._moments[self.inside(country)])


def _distances_km(moments: NDArray[np.float64]) -> NDArray[np.float64]:
    """Great-circle distances [n, n] between the directions of vectors [n, 3]."""
    length = np.linalg.norm(moments, axis=1, keepdims=True)
    directions = moments / np.maximum(length, TINY)
    km: NDArray[np.float64] = km_of_cosine(directions @ directions.T)
    return km
