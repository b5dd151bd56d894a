"""Belief before any evidence, and the constants of the belief.

They are data (`data/belief.json`), fitted, or chosen among trials (training/LOG.md), on photos
whose sources were not trained on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from geotagger.data import read_json
from geotagger.geography.sphere import EARTH_RADIUS_KM

if TYPE_CHECKING:
    from geotagger.geography.places import Places

Mass = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Constants:
    """Read from `data/belief.json`."""

    prior_country_exponent: float
    prior_town_exponent: float
    prior_pseudo_population: float
    prior_border_km: float
    """As near as this, and at most twice as far, towns of two countries differ by their people."""
    continent_share: float
    """How much the belief in its continent counts beside that in a country, for the one named."""
    thresholds: Mapping[str, float]
    """Least belief with which each level may be named."""
    city_radius_km: float
    """Mass within this distance of the point counts as belief in the city."""
    coverage: float
    """Share of the belief inside the stated radius."""
    min_radius_km: float
    """No radius is smaller: a row stands for a town and the land around it."""
    vision_doubt: float
    """Chance that a picture tells the model nothing."""
    vision_countries_alike: float
    """How far a model's labels are taken from every country alike, not from the prior: 0 to 1."""
    vision_unknown_country: float
    """A country without a label of its own counts this much of the neighbour whose label it takes:
    few photos come from there."""
    vision_weight_beside_text: float
    """A photo with telling words is mostly one of a sign, and shows little of the land."""

    @classmethod
    def load(cls) -> Constants:
        return cls(**read_json("belief.json"))


def log_prior(places: Places, constants: Constants) -> NDArray[np.float32]:
    """float32 [len(places)]: belief in each row before any evidence.

    A country's share grows with a power of its population, so that small countries are not drowned;
    within a country a row's share grows with a power of its own. Around a border both countries
    share what they have: else a photo of Rome is one of the Vatican as soon as evidence is
    precise, whose 800 people weigh as much as millions.
    """
    town = (places.population + constants.prior_pseudo_population) ** constants.prior_town_exponent
    people = sums(places.population.astype(np.float32), places.country, len(places.country_codes))
    towns = sums(town.astype(np.float32), places.country, len(places.country_codes))
    share = (people + constants.prior_pseudo_population) ** constants.prior_country_exponent
    per_row = town * (share / np.maximum(towns, 1e-9))[places.country]
    cube = _cubes(places, constants.prior_border_km)
    per_row = town * _around(per_row, cube) / _around(town, cube)
    prior: NDArray[np.float32] = np.log(per_row / per_row.sum()).astype(np.float32)
    return prior


_STEPS = np.array([1, 10_000, 100_000_000])
"""From a cube to the next one along each axis. 10,000 cubes are more than the globe is wide."""


def _cubes(places: Places, edge_km: float) -> NDArray[np.int64]:
    """The number of the cube of space, int64 [len(places)], that each row lies in."""
    cells = np.floor(places.unit * (EARTH_RADIUS_KM / edge_km)).astype(np.int64)
    number: NDArray[np.int64] = cells @ _STEPS
    return number


def _around(values: NDArray[np.floating], cube: NDArray[np.int64]) -> NDArray[np.float64]:
    """For each row the sum of the values in its cube and in the 26 around it."""
    cubes, index = np.unique(cube, return_inverse=True)
    inside = np.bincount(index, values)
    total = np.zeros(len(cubes))
    for step in product((-1, 0, 1), repeat=3):
        beside = cubes + _STEPS @ step
        at = np.minimum(np.searchsorted(cubes, beside), len(cubes) - 1)
        total += np.where(cubes[at] == beside, inside[at], 0)
    return total[index]


def sums(mass: Mass, index: NDArray[np.integer], size: int) -> Mass:
    """The mass of each of `size` groups; `index` tells the group of every row."""
    return np.bincount(index, weights=mass, minlength=size).astype(np.float32)
