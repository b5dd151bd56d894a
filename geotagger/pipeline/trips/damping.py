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
    from collections.abc import Sequence

    from numpy.typing import NDArray

TRIP_GAP_HOURS = 48.0
"""A longer time without a photo ends a trip; photos beyond it count, but are not of this trip."""


@dataclass(frozen=True, slots=True)
class TripConstants:
    """Fitted by `training.calibrate.fit_trips`, read from `data/trips.json`."""

    picture_outlier_probability: float
    """Probability that a picture says nothing about the places of its neighbours."""
    base_correlation: float
    """Correlation of the errors of two pictures of one stay that show different things."""
    similarity_power: float
    """The correlation is the similarity of two pictures to this power."""
    camera_bias_share: float
    """The share of what the pictures of many trips of one camera have in common that is an error:
    all its pictures may look like a country where it never was."""
    camera_bias_trips: float
    """After so many trips half of that share is taken back."""
    pictures_mislead_probability: float
    """Probability that the pictures of a sequence mislead together: they count as if they were not
    there."""
    sign_outlier_probability: float
    """Probability that a sign that names a country or region says nothing about where its
    neighbours were taken. Of words that name no place, most that mislead are of this kind."""
    town_sign_outlier_probability: float
    """The same for a sign that names a town."""

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


def camera_bias(
    ratios: NDArray[np.float64], at_hours: NDArray[np.float64], constants: TripConstants
) -> NDArray[np.float64]:
    """What the pictures of a camera say on every trip alike and that is taken for an error, [C].

    Lens, colours and habits of one photographer look like some country to the model, whatever they
    show. What the median trip says is that, or a home. One trip alone cannot tell, so less is taken
    back there.

    Args:
        ratios: [n, C] log-likelihood ratio of each country, n > 0.
        at_hours: [n] when each picture was taken, ascending.
        constants: the fitted constants.
    """
    starts = np.flatnonzero(np.diff(at_hours, prepend=-np.inf) > TRIP_GAP_HOURS)
    sizes = np.diff(starts, append=len(ratios))
    alike = np.median(np.add.reduceat(ratios, starts) / sizes[:, None], axis=0)
    count = len(starts)
    bias: NDArray[np.float64]
    bias = constants.camera_bias_share * count / (count + constants.camera_bias_trips) * alike
    return bias


def sign_weights(words: Sequence[str | None], at_hours: NDArray[np.float64]) -> NDArray[np.float64]:
    """The weight of each sign, [n], 0 to 1: the same words count once in a stay.

    They are the same sign, or another of the same brand; if one is wrong, all are.

    Args:
        words: those of each photo; None for a photo that counts by itself.
        at_hours: [n] when each photo was taken.
    """
    weights = np.ones(len(words))
    for same in {word for word in words if word is not None}:
        rows = np.array([row for row, word in enumerate(words) if word == same])
        apart_hours = np.abs(at_hours[rows, None] - at_hours[rows])
        weights[rows] = 1 / COUNTRY_STAYS.probability(apart_hours).sum(axis=1)
    return weights
