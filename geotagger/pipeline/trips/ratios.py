"""Ratios of areas as bytes, in memory and in the journal.

They are as coarse as they are stored, so that a resumed run finds the very same.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

from geotagger.types import AreaRatios

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEP = 0.125
"""Resolution of the ratios of regions, in nats. Neighbouring regions often have the same value."""


def pack_ratios(countries: NDArray[np.float64], regions: NDArray[np.float64]) -> AreaRatios:
    """Compress the ratios of countries [C], and of regions against their countries [A]."""
    steps = np.clip(np.rint(regions / STEP), -127, 127).astype(np.int8)
    return AreaRatios(
        zlib.compress(countries.astype("<f2").tobytes(), 1), zlib.compress(steps.tobytes(), 1)
    )


def countries_of(ratios: AreaRatios) -> NDArray[np.float64]:
    """The ratios of countries, [C]."""
    return np.frombuffer(zlib.decompress(ratios.countries), "<f2").astype(np.float64)


def regions_of(ratios: AreaRatios) -> NDArray[np.float64]:
    """The ratios of regions, [A]."""
    return STEP * np.frombuffer(zlib.decompress(ratios.regions), np.int8).astype(np.float64)
