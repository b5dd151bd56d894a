"""How much each picture of a sequence counts: pictures of one stay share their errors.

n pictures whose errors have the correlation rho are worth n / (1 + (n - 1) rho) independent ones
(the effective sample size of a cluster sample, Kish 1965). Here the correlation differs from pair
to pair: it grows with the similarity of what the model sees in the pictures, and fades with the
time between them. Near-duplicates share one vote, different scenes have nearly one each.

n is the number of pictures, C that of countries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from geotagger.data import read_json
from geotagger.pipeline.trips.chain import COUNTRY_STAYS

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class TripConstants:
    """Fitted by `training.calibrate.fit_trips`, read from `data/trips.json`."""

    picture_outlier_probability: float
    """Probability that a picture says nothing about the places of its neighbours."""
    base_correlation: float
    """Correlation of the errors of two pictures of one stay that show different things."""
    similarity_power: float
    """The correlation is the similarity of two pictures to this power."""
    sign_outlier_probability: float
    """Probability that a sign says nothing about where its neighbours were taken."""

    @classmethod
    def load(cls) -> TripConstants:
        """The constants that come with the program."""
        return cls(**read_json("trips.json"))


def picture_weights(
    ratios: NDArray[np.float64],
    base: NDArray[np.float64],
    at_hours: NDArray[np.float64],
    constants: TripConstants,
) -> NDArray[np.float64]:
    """The weight of each picture, [n], 0 to 1: one over the correlations with all pictures.

    Args:
        ratios: [n, C] log-likelihood ratio of each country.
        base: [C] probability of each country for a picture that shows nothing.
        at_hours: [n] when each picture was taken.
        constants: the fitted constants.
    """
    centred = (ratios - ratios @ base[:, None]) * np.sqrt(base)
    centred /= np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12)
    similarity = np.clip(centred @ centred.T, 0, 1) ** constants.similarity_power
    correlation = constants.base_correlation + (1 - constants.base_correlation) * similarity
    correlation *= COUNTRY_STAYS.probability(np.abs(at_hours[:, None] - at_hours))
    np.fill_diagonal(correlation, 1.0)
    weights: NDArray[np.float64] = 1 / correlation.sum(axis=1)
    return weights
