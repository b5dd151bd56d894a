"""Tells photos from other pictures: screenshots, pages, scans and drawings show no place.

Other pictures are flat: neighbouring pixels are equal or far apart, and few colours fill them.
Photos have noise and shading everywhere. Nine features of that, on a small copy, go into a logistic
regression (`training/train_subject.py`, `data/subject.json`). Photos with large clear skies or of
silhouettes come closest to the limit. So a picture whose metadata names a camera always passes.
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
"""Smallest short side of the copy that is measured; the largest is twice that."""
FLAT, SOFT, HARD = 1, 12, 48
"""Differences between neighbouring pixels, in levels: largest of a flat step, largest of shading,
smallest of an edge."""
DARK = 6
"""Night photos are clipped to levels below this."""
SHARES = (0.8, 0.95)


def is_photo(image: Image.Image, metadata: PhotoMetadata) -> bool:
    """Whether an RGB picture is a photo. Takes about a millisecond."""
    if metadata.camera:
        return True
    centre, spread, weights, bias, least = _fitted()
    standard = (measures(image) - centre) / spread
    score = np.concatenate([standard, standard**2]) @ weights + bias
    return not score > least


def measures(image: Image.Image) -> NDArray[np.float64]:
    """The features of an RGB picture.

    Returns:
        float64 [9], shares of the pixels unless stated otherwise: flat, shaded and hard steps
        between neighbours; ln of the number of colours (4 bits per channel) that fill 80 and 95 %;
        the most common colour (6 bits per channel); mean saturation; dark pixels; flat dark pixels.
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
    """Number of pixels of each colour, with `bits` bits per channel."""
    red, green, blue = (pixels[..., channel].astype(np.int32) >> (8 - bits) for channel in range(3))
    code = (red << 2 * bits) | (green << bits) | blue
    return np.bincount(code.ravel())


@cache
def _fitted() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float, float]:
    fitted = read_json("subject.json")
    arrays = (np.array(fitted[name]) for name in ("centre", "spread", "weights"))
    centre, spread, weights = arrays
    return centre, spread, weights, fitted["bias"], fitted["least_score"]
