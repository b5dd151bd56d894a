"""A hidden Markov chain over areas: what the other photos of a sequence say about each photo.

The hidden state is the area where the camera is. Between two photos it stays, moves to an area
nearby, or flies anywhere. Forward-backward (Rabiner 1989, "A tutorial on hidden Markov models") on
the photos in order of time gives, for each photo, the likelihood of all the others.

n is the number of photos, K that of areas.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

MOVING_SHARE = 0.7
"""Share of the time that people are on the move; for the rest they stay for weeks, or are home."""
COUNTRY_NEAR_KM, REGION_NEAR_KM = 800.0, 150.0
"""How fast the probability of an area falls with its distance, for moves by road or rail."""
NEAR_SHARE = 0.5
"""Share of the moves that go to an area nearby; the others may go anywhere, as flights do."""
_TINY = 1e-300


class Stays(NamedTuple):
    """How long the camera stays in an area: a mixture of two exponentials.

    The times are estimates: no set of trips with times was there to fit them.
    """

    moving_hours: float
    """Mean time of people on the move."""
    settled_hours: float
    """Mean time of the others."""

    def probability(self, gap_hours: ArrayLike) -> NDArray[np.float64]:
        """Probability that it has not left after this time, in the shape of `gap_hours`."""
        gap = np.asarray(gap_hours, np.float64)
        moving = np.exp(-gap / self.moving_hours)
        stays: NDArray[np.float64]
        stays = MOVING_SHARE * moving + (1 - MOVING_SHARE) * np.exp(-gap / self.settled_hours)
        return stays


COUNTRY_STAYS, REGION_STAYS = Stays(48.0, 480.0), Stays(24.0, 240.0)


class Moves:
    """How the camera moves between areas.

    Attributes:
        prior: float64 [K], sums to 1: where the camera is without evidence.
    """

    def __init__(
        self,
        prior: NDArray[np.float64],
        distances_km: NDArray[np.float64],
        stays: Stays,
        near_km: float,
    ) -> None:
        """
        Args:
            prior: [K], up to a factor.
            distances_km: [K, K] between the areas.
            stays: how long the camera stays in an area.
            near_km: scale of the distances of moves on the ground.
        """
        self.prior = prior / prior.sum()
        self._stays = stays
        near = self.prior * np.exp(-distances_km / near_km)
        np.fill_diagonal(near, 0.0)
        total = near.sum(axis=1, keepdims=True)
        self._near = np.where(total > 0, near / np.maximum(total, _TINY), self.prior)

    def after(self, mass: NDArray[np.float64], gap_hours: float) -> NDArray[np.float64]:
        """Where a camera is after a time: [K], both sum to 1."""
        stays, near, anywhere = self._shares(gap_hours)
        result: NDArray[np.float64]
        result = stays * mass + near * (mass @ self._near) + anywhere * self.prior
        return result

    def before(self, likelihood: NDArray[np.float64], gap_hours: float) -> NDArray[np.float64]:
        """The likelihood, by where the camera was that time before, of what is seen now: [K]."""
        stays, near, anywhere = self._shares(gap_hours)
        result: NDArray[np.float64]
        result = stays * likelihood + near * (self._near @ likelihood)
        result += anywhere * (self.prior @ likelihood)
        return result

    def _shares(self, gap_hours: float) -> tuple[float, float, float]:
        """Probabilities to stay, to be nearby, and to be anywhere."""
        stays = float(self._stays.probability(gap_hours))
        fades = math.exp(-gap_hours / self._stays.settled_hours)  # several moves lead anywhere
        near = (1 - stays) * NEAR_SHARE * fades
        return stays, near, 1 - stays - near


class Smoothed(NamedTuple):
    """What a chain says about each of its photos."""

    log_ratios: NDArray[np.float64]
    """[n, K] log-likelihood ratio against the prior, from all photos but the one itself."""
    posteriors: NDArray[np.float64]
    """[n, K] from all photos."""


def smooth(moves: Moves, emissions: NDArray[np.float64], gaps_hours: Sequence[float]) -> Smoothed:
    """Forward-backward over the photos of a sequence in order of time.

    Args:
        moves: how the camera moves.
        emissions: [n, K] log-likelihood of each photo, up to a constant.
        gaps_hours: n - 1 times between one photo and the next, at least 0.
    """
    likelihood = np.exp(emissions - emissions.max(axis=1, keepdims=True))
    forward, backward = np.empty_like(likelihood), np.empty_like(likelihood)
    forward[0], backward[-1] = moves.prior, 1.0
    for i, gap in enumerate(gaps_hours, start=1):
        forward[i] = moves.after(_normalised(forward[i - 1] * likelihood[i - 1]), gap)
    for i in range(len(likelihood) - 2, -1, -1):
        seen = backward[i + 1] * likelihood[i + 1]
        backward[i] = moves.before(seen / max(seen.max(), _TINY), gaps_hours[i])
    others = forward * backward
    others /= np.maximum(others.sum(axis=1, keepdims=True), _TINY)
    posteriors = others * likelihood
    posteriors /= np.maximum(posteriors.sum(axis=1, keepdims=True), _TINY)
    ratios = others / np.maximum(moves.prior, _TINY)
    return Smoothed(np.log(np.maximum(ratios, _TINY)), posteriors)


def _normalised(mass: NDArray[np.float64]) -> NDArray[np.float64]:
    normalised: NDArray[np.float64] = mass / max(mass.sum(), _TINY)
    return normalised
