"""95 % confidence intervals of figures that were measured on few photos.

They assume independent photos. Bursts and albums are not independent, so their intervals are too
narrow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

Z = 1.959964
MIN_PHOTOS = 10
"""With fewer photos the bootstrap interval is far too narrow."""
RESAMPLINGS = 1000
MIN_RESAMPLINGS = 200
MAX_NUMBERS = 20_000_000
"""Limit of drawn numbers: many photos get fewer resamplings, since their intervals are narrow."""


def wilson(hits: float, of: int) -> tuple[float, float]:
    """Interval of a share (Wilson 1927); also valid where all or none are right."""
    if not of:
        return 0.0, 1.0
    share, z2 = hits / of, Z * Z / of
    centre = share + z2 / 2
    half = Z * ((share * (1 - share) + z2 / 4) / of) ** 0.5
    return max(0.0, (centre - half) / (1 + z2)), min(1.0, (centre + half) / (1 + z2))


def bootstrap(
    statistic: Callable[[NDArray[np.intp]], float], photos: int
) -> tuple[float | None, float | None]:
    """Interval of any figure by resampling photos with replacement (Efron 1979).

    Args:
        statistic: the figure of the photos with these indices.
        photos: number of photos.

    Returns:
        The bounds; None for fewer than `MIN_PHOTOS`. The draws are always the same.
    """
    if photos < MIN_PHOTOS:
        return None, None
    rng = np.random.default_rng(0)
    times = int(np.clip(MAX_NUMBERS // photos, MIN_RESAMPLINGS, RESAMPLINGS))
    values = [statistic(rng.integers(photos, size=photos)) for _ in range(times)]
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
