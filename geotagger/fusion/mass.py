"""Probability mass over the places table, summed by group."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from geotagger.geography.places import Places

ProbabilityMass = NDArray[np.float32]
"""float32 [len(places)], non-negative, sums to 1; or the sums of such an array by group."""


def sum_by_group(
    mass: ProbabilityMass, group: NDArray[np.integer], group_count: int
) -> ProbabilityMass:
    """Sum the mass of each group.

    Args:
        mass: float32 [N].
        group: int [N], the group of each row.
        group_count: number of groups; groups without rows get 0.

    Returns:
        float32 [group_count].
    """
    return np.bincount(group, weights=mass, minlength=group_count).astype(np.float32)


def heaviest_rows(mass: ProbabilityMass, count: int) -> NDArray[np.intp]:
    """The `count` rows with the most mass, in no order; rows without mass are left out."""
    if count >= len(mass):
        return np.flatnonzero(mass > 0)
    rows = np.argpartition(mass, -count)[-count:]
    return rows[mass[rows] > 0]


class CountryParts:
    """The part of each country on each continent, for fast sums (Russia has two parts).

    Attributes:
        country: int [parts], the country of each part.
        continent: int [parts], the continent of each part.
    """

    def __init__(self, places: Places) -> None:
        key = places.country.astype(np.intp) * len(places.continent_names) + places.continent
        self._order = np.argsort(key, kind="stable")
        parts, self._starts = np.unique(key[self._order], return_index=True)
        self.country = parts // len(places.continent_names)
        self.continent = parts % len(places.continent_names)
        self._country_count = len(places.country_codes)
        self._continent_count = len(places.continent_names)

    def sum(self, mass: ProbabilityMass) -> ProbabilityMass:
        """Sum float32 [len(places)] to float32 [parts]."""
        return np.add.reduceat(mass[self._order], self._starts)

    def by_country(self, part_mass: ProbabilityMass) -> ProbabilityMass:
        """Sum float32 [parts] to float32 [len(country_codes)]."""
        return sum_by_group(part_mass, self.country, self._country_count)

    def by_continent(self, part_mass: ProbabilityMass) -> ProbabilityMass:
        """Sum float32 [parts] to float32 [len(continent_names)]."""
        return sum_by_group(part_mass, self.continent, self._continent_count)
