"""Sources of evidence: each turns a photo into log-likelihoods over the places table, or nothing.

A new source is one new file here and one line where they are put together (`sources.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

from geotagger.images.decode import Picture
from geotagger.types import Evidence, Photo, PhotoMetadata


@dataclass(frozen=True, slots=True)
class LoadedPhoto:
    """One photo, read and decoded: all that a source of evidence may look at."""

    photo: Photo
    existing: PhotoMetadata
    picture: Picture
    """Of no use to a source whose `min_side_px` is 0: it may not have been decoded."""


T = TypeVar("T")


class Source(Protocol[T]):
    """What every source of evidence does.

    `prepare` runs in a worker thread, one photo at a time, and keeps only what the source needs
    (the decoded picture is then dropped). `weigh` runs in the driver, on batches, and answers once
    for every prepared item, in the same order; None means that it has nothing to say.
    """

    name: str
    min_side_px: int
    """Short side of the decoded picture that the source needs; 0 = any."""
    batch_size: int
    """Photos at once that suit the source; 0 = any."""
    model_id: str
    """What identifies the source's model in reports; empty when it has none."""

    def prepare(self, shot: LoadedPhoto) -> T | None: ...

    def weigh(self, batch: Sequence[T]) -> list[Evidence | None]: ...


A = TypeVar("A")


@runtime_checkable
class NetworkSource(Source[T], Protocol[T, A]):
    """A source that asks a network, which is slow, and judges its answer, which is not.

    `weigh` is both. The answer depends on nothing but the file and the `output_key`, so it can be
    kept as bytes, and found again when the file is met again under whatever name.
    """

    output_key: str
    """The same for networks that give the same answer."""

    def ask(self, batch: Sequence[T]) -> list[A]: ...

    def judge(self, answers: Sequence[A]) -> list[Evidence | None]: ...

    def pack(self, answer: A) -> bytes: ...

    def unpack(self, packed: bytes) -> A: ...
