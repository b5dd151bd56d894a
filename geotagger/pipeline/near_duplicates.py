"""Which photos of a burst are nearly the same, so that one inference serves for all of them.

Pictures are compared by a difference hash of 64 bits (dHash: N. Krawetz, 2013): whether each of
8 x 8 spots is brighter than its right neighbour. Two photos are alike when the same camera took
them within seconds and nearly all bits agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from geotagger.evidence.camera_gps import Camera, camera_of, moment_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geotagger.types import PhotoMetadata

MAX_SECONDS = 5.0
MAX_BITS = 3
"""Bits of 64 that may differ: a hand that shakes, not a step to the side."""
SIDE = 8


@dataclass(frozen=True, slots=True)
class Likeness:
    """What is compared of a photo."""

    camera: Camera
    at: float
    """Seconds since 1970, by the camera's own clock."""
    bits: int

    def is_near(self, other: Likeness) -> bool:
        """Whether the two are nearly the same photo."""
        return (
            self.camera == other.camera
            and abs(self.at - other.at) <= MAX_SECONDS
            and (self.bits ^ other.bits).bit_count() <= MAX_BITS
        )


def likeness_of(image: Image.Image, existing: PhotoMetadata) -> Likeness | None:
    """None for a photo that tells no camera or no time."""
    moment = moment_of(existing)
    if moment is None or not existing.camera:
        return None
    return Likeness(camera_of(existing), moment, difference_hash(image))


def group_near_duplicates(photos: Sequence[Likeness | None]) -> list[int]:
    """For each photo the row of the first that it is near to: its own where there is none."""
    firsts: list[int] = []
    for row, photo in enumerate(photos):
        near = (
            first
            for first in firsts
            if photo and (other := photos[first]) is not None and photo.is_near(other)
        )
        firsts.append(next(near, row))
    return firsts


def difference_hash(image: Image.Image) -> int:
    """64 bits of the picture's brightness. Costs about half a millisecond."""
    small = image.reduce(max(1, min(image.size) // (8 * SIDE))).convert("L")
    grey = np.asarray(small.resize((SIDE + 1, SIDE), Image.Resampling.BOX), np.int16)
    return int.from_bytes(np.packbits(grey[:, :-1] > grey[:, 1:]).tobytes(), "big")
