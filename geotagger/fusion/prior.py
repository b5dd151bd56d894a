"""The prior over the places table, and the constants of the fusion.

The constants are data (`data/belief.json`). They were fitted or chosen in trials (training/LOG.md)
on photos from sources that no model was trained on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from geotagger.data import read_json
from geotagger.fusion.mass import sum_by_group
from geotagger.geography.sphere import EARTH_RADIUS_KM

if TYPE_CHECKING:
    from geotagger.geography.places import Places


@dataclass(frozen=True, slots=True)
class Constants:
    """Read from `data/belief.json`."""

    prior_country_exponent: float
    prior_town_exponent: float
    prior_pseudo_population: float
    prior_border_km: float
    """Towns of two countries that are this near (at most twice as far) differ only by their
    populations."""
    continent_share: float
    """Weight of a continent's probability, next to the country's, when a country is named."""
    thresholds: Mapping[str, float]
    """Smallest probability at which each level is named."""
    city_radius_km: float
    """Mass within this distance of the point counts as the probability of the city."""
    coverage: float
    """Share of the mass inside the stated radius."""
    min_radius_km: float
    """Smallest radius: a row stands for a town and the land around it."""
    vision_outlier_probability: float
    """Probability that a picture says nothing of its place."""
    vision_countries_alike: float
    """0 to 1: a model's labels are taken from the prior (0) or equally from all countries (1)."""
    vision_unknown_country: float
    """Factor for a country without a label of its own, which takes a neighbour's label: few photos
    come from there."""
    vision_weight_beside_text: float
    """Factor for the weight of vision where telling words were read."""
    vision_weight_beside_sight: float
    """Factor for the weight of vision where the picture shows a known sight: both judge by the same
    features of the picture."""

    @classmethod
    def load(cls) -> Constants:
        """The constants that come with the program."""
        return cls(**read_json("belief.json"))


def log_prior(places: Places, constants: Constants) -> NDArray[np.float32]:
    """Log probability of each place before any evidence.

    A country's share grows with a power of its population, so that small countries keep some;
    within a country, a town's share grows with a power of its own. Near a border the countries
    pool their shares. Otherwise, with precise evidence, a photo of Rome would be in the Vatican:
    its 800 people would weigh as much as millions.

    Returns:
        float32 [len(places)], natural logarithm; the probabilities sum to 1.
    """
    country_count = len(places.country_codes)
    town = (places.population + constants.prior_pseudo_population) ** constants.prior_town_exponent
    people = sum_by_group(places.population.astype(np.float32), places.country, country_count)
    towns = sum_by_group(town.astype(np.float32), places.country, country_count)
    share = (people + constants.prior_pseudo_population) ** constants.prior_country_exponent
    per_row = town * (share / np.maximum(towns, 1e-9))[places.country]
    cubes = _occupied_cubes(places, constants.prior_border_km)
    per_row = town * cubes.sum_around(per_row) / cubes.sum_around(town)
    prior: NDArray[np.float32] = np.log(per_row / per_row.sum()).astype(np.float32)
    return prior


_STEPS = np.array([1, 10_000, 100_000_000])
"""Difference between the numbers of neighbouring cubes along each axis. The globe is less than
10,000 cubes wide."""


class _OccupiedCubes:
    """The cubes of space that hold rows of the places table, and which of them touch."""

    def __init__(self, places: Places, edge_km: float) -> None:
        cells = np.floor(places.unit * (EARTH_RADIUS_KM / edge_km)).astype(np.int64)
        cubes, self._cube_of_row = np.unique(cells @ _STEPS, return_inverse=True)
        self._count = len(cubes)
        here, there = [], []
        for step in product((-1, 0, 1), repeat=3):
            neighbours = cubes + _STEPS @ step
            at = np.minimum(np.searchsorted(cubes, neighbours), len(cubes) - 1)
            occupied = np.flatnonzero(cubes[at] == neighbours)
            here.append(occupied)
            there.append(at[occupied])
        self._here, self._there = np.concatenate(here), np.concatenate(there)

    def sum_around(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """For each row, the sum of the values in its cube and the 26 around it, float64 [N]."""
        inside = np.bincount(self._cube_of_row, values, self._count)
        total = np.bincount(self._here, inside[self._there], self._count)
        return total[self._cube_of_row].astype(np.float64, copy=False)


@lru_cache(maxsize=4)
def _occupied_cubes(places: Places, edge_km: float) -> _OccupiedCubes:
    """Every model and every fusion of a run asks for the same."""
    return _OccupiedCubes(places, edge_km)
