"""Whether a picture is a photo at all: screenshots, pages, scans and drawings show no place.

Made pictures are flat: neighbouring pixels are the same or far apart, and few colours fill them. In
photos there is noise and shading everywhere. Nine measures of that, on a small copy, go into a
logistic regression (`training/train_subject.py`, `data/subject.json`). Photos with large clear
skies or of silhouettes come nearest to it; so what has a camera's name in its metadata is never
doubted.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from geotagger.data import read_json

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    from geotagger.types import PhotoMetadata

SIDE_PX = 128
"""Short side of the copy that is measured, at least; twice that at most."""
FLAT, SOFT, HARD = 1, 12, 48
"""Differences between neighbours, in levels: at most none, at most shading, at least an edge."""
DARK = 6
"""Levels that a night is clipped to."""
SHARES = (0.8, 0.95)


def is_photo(image: Image.Image, existing: PhotoMetadata) -> bool:
    """Whether an RGB picture is a photo, which alone shows a place. Takes about a millisecond."""
    if existing.camera:
        return True
    centre, spread, weights, bias, least = _fitted()
    standard = (measures(image) - centre) / spread
    score = np.concatenate([standard, standard**2]) @ weights + bias
    return not score > least


def measures(image: Image.Image) -> NDArray[np.float64]:
    """float64 [9], shares unless said otherwise.

    Flat, shaded and hard steps between neighbours; ln of the number of colours (4 bits a channel)
    that fill 80 and 95 %; the commonest colour (6 bits a channel); mean saturation; dark pixels;
    flat dark ones.
    """
    small = image.reduce(max(1, min(image.size) // SIDE_PX))
    pixels = np.asarray(small)
    luma = np.asarray(small.convert("L"), np.int16)
    across = np.abs(np.diff(luma, axis=1))[:-1]
    down = np.abs(np.diff(luma, axis=0))[:, :-1]
    step = np.maximum(across, down)
    if not step.size:
        return np.zeros(9)
    dark = luma[:-1, :-1] < DARK
    fills = np.cumsum(np.sort(_counts(pixels, 4))[::-1]) / luma.size
    few, most = np.log1p(np.searchsorted(fills, SHARES))
    saturation = (pixels.max(axis=2) - pixels.min(axis=2)).mean() / 255
    return np.array(
        [
            (step <= FLAT).mean(),
            ((step > FLAT) & (step <= SOFT)).mean(),
            (step >= HARD).mean(),
            few,
            most,
            _counts(pixels, 6).max() / luma.size,
            saturation,
            dark.mean(),
            (dark & (step <= FLAT)).mean(),
        ]
    )


def _counts(pixels: NDArray[np.uint8], bits: int) -> NDArray[np.intp]:
    """How many pixels have each colour of so many bits a channel."""
    red, green, blue = (pixels[..., channel].astype(np.int32) >> (8 - bits) for channel in range(3))
    code = (red << 2 * bits) | (green << bits) | blue
    return np.bincount(code.ravel())


@cache
def _fitted() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float, float]:
    fitted = read_json("subject.json")
    arrays = (np.array(fitted[name]) for name in ("centre", "spread", "weights"))
    centre, spread, weights = arrays
    return centre, spread, weights, fitted["bias"], fitted["least_score"]
