"""Whether two cameras were used at the same hours, by what their clocks showed.

People who are together take photos by day and rest at night. If the photos of one camera lie in the
nights of the other, and would not with another shift, then its clock is hours off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SESSION_S = 900.0
"""Photos within this time are one occasion."""
MIN_SESSIONS = 8
"""Fewer occasions say nothing."""
NEAR_S = 2700.0
"""Two cameras that are used together are used within this time."""
MIN_SHARE = 0.5
"""Of the share of occasions that agree with the best shift, so much must agree without one. A
guess: mornings and evenings of different people differ."""


def use_same_hours(clock_s: Sequence[float], other_s: Sequence[float]) -> bool:
    """Whether the hours agree, as far as that can be told.

    Args:
        clock_s: times of the photos of one camera, seconds since 1970.
        other_s: the same of the other.
    """
    one, other = _sessions(clock_s), _sessions(other_s)
    if min(len(one), len(other)) < MIN_SESSIONS:
        return True
    shares = [_share(one + 3600 * hours, other) for hours in range(-13, 14)]
    return shares[13] >= MIN_SHARE * max(shares)


def _sessions(times_s: Sequence[float]) -> NDArray[np.float64]:
    """The first photo of each occasion."""
    return np.unique(np.floor(np.array(times_s, np.float64) / SESSION_S)) * SESSION_S


def _share(times_s: NDArray[np.float64], other_s: NDArray[np.float64]) -> float:
    """The share of times that are near one of the others."""
    after = np.clip(np.searchsorted(other_s, times_s), 1, len(other_s) - 1)
    away_s = np.minimum(np.abs(times_s - other_s[after - 1]), np.abs(times_s - other_s[after]))
    return float(np.mean(away_s <= NEAR_S))
