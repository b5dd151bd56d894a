"""Belief before any evidence, and the fitted constants of the belief.

The constants are data (`data/belief.json`), fitted on photos whose sources were not trained on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from geotagger.data import read_json

if TYPE_CHECKING:
    from geotagger.places import Places

Mass = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Constants:
    """Fitted numbers, read from `data/belief.json`."""

    prior_country_exponent: float
    prior_town_exponent: float
    prior_pseudo_population: float
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
    vision_weight_beside_text: float
    """A photo with telling words is mostly one of a sign, and shows little of the land."""

    @classmethod
    def load(cls) -> Constants:
        return cls(**read_json("belief.json"))


def log_prior(places: Places, constants: Constants) -> NDArray[np.float32]:
    """float32 [len(places)]: belief in each row before any evidence.

    A country's share grows with a power of its population, so that small countries are not drowned;
    within a country a row's share grows with a power of its own.
    """
    town = (places.population + constants.prior_pseudo_population) ** constants.prior_town_exponent
    people = sums(places.population.astype(np.float32), places.country, len(places.country_codes))
    towns = sums(town.astype(np.float32), places.country, len(places.country_codes))
    share = (people + constants.prior_pseudo_population) ** constants.prior_country_exponent
    per_row = town * (share / np.maximum(towns, 1e-9))[places.country]
    prior: NDArray[np.float32] = np.log(per_row / per_row.sum()).astype(np.float32)
    return prior


def sums(mass: Mass, index: NDArray[np.integer], size: int) -> Mass:
    """The mass of each of `size` groups; `index` tells the group of every row."""
    return np.bincount(index, weights=mass, minlength=size).astype(np.float32)
