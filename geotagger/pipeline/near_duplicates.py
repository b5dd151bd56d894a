"""Near-duplicates share an inference: frames of a burst are run through a network once.

Two photos are near-duplicates if the same camera took them within seconds and their difference
hashes agree in nearly all bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from geotagger.evidence.album_tree import Camera, camera_of
from geotagger.evidence.source import LoadedPhoto, WrappedSource
from geotagger.times.capture_time import clock_s

MAX_SECONDS = 5.0
MAX_BITS = 3
"""Bits of 64 that may differ: a shaking hand, not a step to the side."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """What near-duplicates have in common."""

    camera: Camera
    at: float
    """Seconds since 1970, by the camera's own clock."""
    difference_hash: int

    def is_near(self, other: Likeness) -> bool:
        """Whether the two photos are near-duplicates."""
        return (
            self.camera == other.camera
            and abs(self.at - other.at) <= MAX_SECONDS
            and (self.difference_hash ^ other.difference_hash).bit_count() <= MAX_BITS
        )


def likeness_of(photo: LoadedPhoto) -> Likeness | None:
    """None for a photo without camera or time."""
    moment = clock_s(photo.metadata)
    if moment is None or not photo.metadata.camera:
        return None
    return Likeness(camera_of(photo.metadata), moment, photo.difference_hash)


def group_near_duplicates(photos: Sequence[Likeness | None]) -> list[int]:
    """For each photo, the index of the first one that it is near to, or its own."""
    firsts: list[int] = []
    for index, photo in enumerate(photos):
        near = (
            first
            for first in firsts
            if photo and (other := photos[first]) is not None and photo.is_near(other)
        )
        firsts.append(next(near, index))
    return firsts


class _SharedInput(NamedTuple):
    input: Any
    sha256: str
    """Of the file that holds the picture: a RAW photo has that of the JPEG beside it."""
    likeness: Likeness | None


class SharedInference(WrappedSource):
    """Runs the network once for the near-duplicates in a batch, and once for each file."""

    def prepare(self, photo: LoadedPhoto) -> _SharedInput | None:
        prepared = self.source.prepare(photo)
        if prepared is None:
            return None
        return _SharedInput(prepared, photo.sha256, likeness_of(photo))

    def infer(self, batch: Sequence[_SharedInput]) -> list[Any]:
        firsts = group_near_duplicates([item.likeness for item in batch])
        first_of: dict[str, int] = {}
        for index, item in enumerate(batch):
            if item.sha256:
                firsts[index] = first_of.setdefault(item.sha256, firsts[index])
        distinct = sorted(set(firsts))
        outputs = self.source.infer([batch[index].input for index in distinct])
        output_of = dict(zip(distinct, outputs, strict=True))
        return [output_of[first] for first in firsts]
