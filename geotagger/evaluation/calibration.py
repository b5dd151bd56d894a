"""Calibration of confidences: reliability, expected calibration error, risk-coverage.

`sure` are the confidences (0 to 1), `right` is 1 where the prediction was right, both float64 [n].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from geotagger.evaluation.intervals import wilson

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Shares = NDArray[np.float64]

BINS = 15
SIMULATIONS = 500


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """The predictions whose confidence is between two bounds."""

    above: float
    upto: float
    photos: int
    confidence: float
    """Mean."""
    right: float
    low: float
    high: float
    """95 % interval of the share right."""


def reliability(sure: Shares, right: Shares, bins: int = BINS) -> list[ReliabilityBin]:
    """Bins of equal width, without the empty ones."""
    index = _index(sure, bins)
    found = []
    for number in range(bins):
        own = index == number
        if own.any():
            low, high = wilson(float(right[own].sum()), int(own.sum()))
            found.append(
                ReliabilityBin(
                    number / bins,
                    (number + 1) / bins,
                    int(own.sum()),
                    float(sure[own].mean()),
                    float(right[own].mean()),
                    low,
                    high,
                )
            )
    return found


def expected_calibration_error(sure: Shares, right: Shares, bins: int = BINS) -> float:
    """Mean gap between confidence and share right, over bins (Naeini et al. 2015)."""
    gaps = np.bincount(_index(sure, bins), weights=sure - right, minlength=bins)
    return float(np.abs(gaps).sum() / len(sure))


def error_by_chance(sure: Shares, bins: int = BINS) -> float:
    """The expected calibration error of perfect confidences on this many photos, by simulation.

    It is above 0, because the share right in a bin varies by chance.
    """
    draws = np.random.default_rng(0).random((SIMULATIONS, len(sure))) < sure
    errors = [expected_calibration_error(sure, right.astype(float), bins) for right in draws]
    return float(np.mean(errors))


def risk_coverage(sure: Shares, right: Shares) -> Shares:
    """Share wrong among the k most confident predictions, for k = 1..n (El-Yaniv & Wiener 2010).

    The errors of equal confidences are averaged, so that the order of the photos does not matter.

    Returns:
        float64 [n].
    """
    wrong, tied = 1 - right, np.unique(-sure, return_inverse=True)[1]
    in_tie = np.bincount(tied, weights=wrong) / np.bincount(tied)
    return np.cumsum(in_tie[np.sort(tied)]) / np.arange(1, len(sure) + 1)


def area_under_risk(sure: Shares, right: Shares) -> float:
    """AURC: the mean risk over all coverages; 0 is best."""
    return float(risk_coverage(sure, right).mean())


def _index(sure: Shares, bins: int) -> NDArray[np.intp]:
    return np.minimum((sure * bins).astype(np.intp), bins - 1)
