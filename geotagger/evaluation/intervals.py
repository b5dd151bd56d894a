"""95 % intervals: how far chance may have moved a figure that was measured on few photos.

They take photos for independent. Bursts and albums are not, and make the truth wider.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

Z = 1.959964
MIN_PHOTOS = 10
"""Fewer photos, drawn again and again, look far more certain than they are."""
RESAMPLINGS = 1000
MIN_RESAMPLINGS = 200
MAX_NUMBERS = 20_000_000
"""Fewer resamplings for many photos, whose intervals are narrow anyway."""


def wilson(hits: float, of: int) -> tuple[float, float]:
    """Of a share (Wilson 1927). Honest where all or none are right, which a bootstrap is not."""
    if not of:
        return 0.0, 1.0
    share, z2 = hits / of, Z * Z / of
    centre = share + z2 / 2
    half = Z * ((share * (1 - share) + z2 / 4) / of) ** 0.5
    return max(0.0, (centre - half) / (1 + z2)), min(1.0, (centre + half) / (1 + z2))


def bootstrap(
    statistic: Callable[[NDArray[np.intp]], float], photos: int
) -> tuple[float | None, float | None]:
    """Of any figure: photos drawn with replacement (Efron 1979). None where they are too few.

    `statistic` gets the rows of one draw. The draws are always the same.
    """
    if photos < MIN_PHOTOS:
        return None, None
    rng = np.random.default_rng(0)
    times = int(np.clip(MAX_NUMBERS // photos, MIN_RESAMPLINGS, RESAMPLINGS))
    values = [statistic(rng.integers(photos, size=photos)) for _ in range(times)]
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
