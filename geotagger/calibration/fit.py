"""Fits the weight of vision evidence and the factor of the 90 % radius, on known places.

weight          of the evidence next to the prior: maximum likelihood of the true country
radius factor   widens the 90 % radius until it covers 90 % (split conformal, Vovk et al. 2005;
                Angelopoulos and Bates 2021)

Photos of common countries count less: 1 / sqrt of their number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geotagger.fusion.prior import Constants, log_prior

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geotagger.geography.places import Places

WEIGHTS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2)
COVERAGE = 0.9
MAX_PHOTOS = 400
"""Photos for weight and factor; more change the third digit and cost minutes."""
MAX_ROUNDS = 5
"""Of the fit of several weights; it mostly ends after two or three."""
MIN_FACTOR, MAX_FACTOR = 0.01, 100.0
"""Limits of the radius factor, as in the card."""


def countries_and_weights(
    codes: Sequence[str], places: Places
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The countries of photos, and how much each photo counts.

    Returns:
        Index into `places.country_codes` [n], -1 if unknown, and 1 / sqrt(photos of the country)
        [n].
    """
    index_of = {code: index for index, code in enumerate(places.country_codes)}
    country = np.array([index_of.get(code, -1) for code in codes])
    return country, np.bincount(country + 1)[country + 1] ** -0.5


class CountryLikelihood:
    """How likely the true countries of n photos are, given the evidence of several models."""

    def __init__(
        self,
        evidence: Sequence[Sequence[NDArray[np.float32]]],
        country: NDArray[np.intp],
        photo_weights: NDArray[np.float64],
        places: Places,
    ) -> None:
        """
        Args:
            evidence: for each model the log-likelihoods [len(places)] of the n photos.
            country: index of the true country [n]; -1 leaves the photo out.
            photo_weights: how much each photo counts [n].
            places: the places table.
        """
        self._evidence = evidence
        self._country = country
        self._photo_weights = np.where(country >= 0, photo_weights, 0)
        self._places = places
        self._log_prior = log_prior(places, Constants.load())

    def losses(
        self, weights: Sequence[float], model: int, choices: Sequence[float]
    ) -> NDArray[np.float64]:
        """Mean negative log-likelihood in nats for each weight that one model may get.

        Args:
            weights: of all models.
            model: whose weight is replaced.
            choices: the weights that it is replaced by.

        Returns:
            [len(choices)].
        """
        losses: NDArray[np.float64] = np.zeros(len(choices))
        for photo in np.flatnonzero(self._photo_weights).tolist():
            inside = self._places.country == self._country[photo]
            others = self._log_prior.copy()
            for number, weight in enumerate(weights):
                if number != model and weight:
                    others += np.float32(weight) * self._evidence[number][photo]
            own = self._evidence[model][photo]
            for number, choice in enumerate(choices):
                logs = others + np.float32(choice) * own
                mass = np.exp(logs - logs.max())
                probability = mass[inside].sum() / mass.sum()
                losses[number] -= self._photo_weights[photo] * np.log(probability + 1e-12)
        losses /= max(float(self._photo_weights.sum()), 1e-12)
        return losses

    def loss(self, weights: Sequence[float]) -> float:
        """Mean negative log-likelihood in nats with these weights."""
        return float(self.losses(weights, 0, weights[:1])[0])

    def fit(self) -> tuple[float, ...]:
        """The weights of the models with the largest likelihood.

        Of several models one weight after the other is improved, until none changes. A model that
        adds nothing to the others gets 0.
        """
        if len(self._evidence) == 1:
            return (WEIGHTS[int(self.losses((1.0,), 0, WEIGHTS).argmin())],)
        choices = (0.0, *WEIGHTS)
        weights = [0.0] * len(self._evidence)
        for _ in range(MAX_ROUNDS):
            before = list(weights)
            for model in range(len(weights)):
                weights[model] = choices[int(self.losses(weights, model, choices).argmin())]
            if weights == before:
                break
        return tuple(weights)


def radius_factor(stretch: Sequence[float], weights: NDArray[np.float64]) -> float:
    """The factor with which 90 % radii cover 90 % of photos.

    Args:
        stretch: distance from the prediction to the true place / its radius [n].
        weights: how much each photo counts [n].

    Returns:
        The factor; 1 without photos.
    """
    if not len(stretch):
        return 1.0
    return round(float(np.clip(conformal_quantile(stretch, weights), MIN_FACTOR, MAX_FACTOR)), 3)


def conformal_quantile(
    values: Sequence[float] | NDArray[np.float64], weights: NDArray[np.float64]
) -> float:
    """The weighted quantile at COVERAGE, with one unseen photo above all."""
    order = np.argsort(values)
    cumulative = np.cumsum(weights[order]) / (weights.sum() + weights.mean())
    at = min(int(np.searchsorted(cumulative, COVERAGE)), len(values) - 1)
    return float(np.asarray(values)[order][at])
