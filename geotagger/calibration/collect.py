"""A user's photos with measured GPS, and what models compute for them."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geotagger.errors import PhotoError
from geotagger.evidence.cached import InferenceCache, PackedOutput
from geotagger.images.remote import RemotePath
from geotagger.images.scan import walk
from geotagger.metadata.beside import with_files_beside
from geotagger.metadata.read import read
from geotagger.pipeline.executor_local import LocalExecutor
from geotagger.pipeline.setup import excludes_of, with_cache
from geotagger.types import Photo, Point

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from geotagger.config import RunOptions
    from geotagger.evidence.vision import VisionSource


@dataclass(frozen=True, slots=True)
class GpsPhoto:
    """A photo whose place was measured."""

    photo: Photo
    point: Point
    day: str
    """The date on which it was taken; its folder if the date is unknown."""


def photos_with_gps(options: RunOptions, on_photo: Callable[[], Any]) -> Iterator[GpsPhoto]:
    """The photos below the paths that have a position which geotagger did not write.

    Args:
        options: paths and excludes.
        on_photo: called for every photo that was looked at.
    """
    for photo in walk(options.paths, excludes_of(options)):
        on_photo()
        if photo.problem or isinstance(photo.path, RemotePath):
            continue
        try:
            metadata = with_files_beside(read(photo.path.read_bytes()), photo.path)
        except (PhotoError, OSError):
            continue
        is_measured = not (metadata.gps_is_prediction or metadata.gps_is_stated)
        if metadata.gps is not None and is_measured:
            day = metadata.taken_at[:10] or str(photo.path.parent)
            yield GpsPhoto(photo, metadata.gps, day)


def spread_over_days(photos: Iterable[GpsPhoto], count: int) -> list[GpsPhoto]:
    """At most `count` photos, as evenly as possible from all days: those of one day are alike."""
    by_day: defaultdict[str, list[GpsPhoto]] = defaultdict(list)
    for photo in photos:
        by_day[photo.day].append(photo)
    shuffled = random.Random(0)
    ranked: list[tuple[int, GpsPhoto]] = []
    for of_day in by_day.values():
        shuffled.shuffle(of_day)
        ranked += enumerate(of_day)
    ranked.sort(key=lambda item: item[0])
    return [photo for _, photo in ranked[:count]]


class _Recorder:
    """An `InferenceCache` that remembers every output that passes through it."""

    def __init__(self, cache: InferenceCache) -> None:
        self._cache = cache
        self.outputs: dict[tuple[str, str], PackedOutput] = {}

    def find(self, sha256: str, output_key: str) -> PackedOutput | None:
        found = self._cache.find(sha256, output_key)
        if found is not None:
            self.outputs[sha256, output_key] = found
        return found

    def keep(self, output_key: str, outputs: Sequence[tuple[str, PackedOutput]]) -> None:
        self.outputs |= {(sha256, output_key): output for sha256, output in outputs}
        self._cache.keep(output_key, outputs)


def network_outputs(
    photos: Sequence[GpsPhoto],
    sources: Sequence[VisionSource],
    options: RunOptions,
    cache: InferenceCache,
    on_photo: Callable[[], Any],
) -> tuple[list[GpsPhoto], list[list[NDArray[np.float32]]]]:
    """Run the networks on photos; outputs that an earlier run has stored are taken from there.

    Returns:
        The photos that could be read and are photos, and for each source their outputs.
    """
    recorder = _Recorder(cache)
    used: list[GpsPhoto] = []
    outputs: list[list[NDArray[np.float32]]] = [[] for _ in sources]
    with LocalExecutor(with_cache(list(sources), recorder), options) as executor:
        weighed = executor.run(photo.photo for photo in photos)
        for photo, item in zip(photos, weighed, strict=True):
            on_photo()
            if len(item.evidence) < len(sources):
                continue
            used.append(photo)
            for own, source in zip(outputs, sources, strict=True):
                packed = recorder.outputs[item.outcome.sha256, source.output_key].packed
                own.append(source.unpack(packed))
    return used, outputs
