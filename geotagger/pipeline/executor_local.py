"""Weighs photos on this machine: threads decode ahead, one thread runs the networks in batches.

Decoding, hashing and inference release the interpreter lock, so threads are enough. While the
driver decides, writes and reports one batch, the next one is inferred and the photos of those
after it are decoded. The window is bounded: however many photos there are, the same number is in
memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from geotagger.config import RunOptions
from geotagger.evidence.source import EvidenceSource
from geotagger.pipeline.prepare import PreparedPhoto, prepare
from geotagger.types import Evidence, Photo, PhotoEvidence

BATCHES_AHEAD = 2
"""While one batch is inferred, the photos of this many are read and decoded."""
MAX_IN_BATCH = 4
"""A batch is cut at this many times its size where most of its photos need no network."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class LocalExecutor:
    """Weighs photos in threads of this process. A context manager: it ends the threads.

    Args:
        sources: all sources of evidence; their models are loaded.
        options: batch size and workers, and what `prepare` needs.
    """

    def __init__(self, sources: Sequence[EvidenceSource[Any]], options: RunOptions) -> None:
        self._sources = sources
        self._options = options
        self._batch_size = options.batch_size or max(source.batch_size for source in sources)
        self._decoding = ThreadPoolExecutor(options.workers, thread_name_prefix="decode")
        self._inference = ThreadPoolExecutor(1, thread_name_prefix="infer")

    def __enter__(self) -> LocalExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        self._inference.shutdown(wait=True, cancel_futures=True)
        self._decoding.shutdown(wait=True, cancel_futures=True)

    def run(self, photos: Iterable[Photo]) -> Iterator[PhotoEvidence]:
        """Yield the evidence on each photo, in order."""
        window = BATCHES_AHEAD * self._batch_size + self._options.workers
        prepared = _ahead(self._submit_photo, photos, window)
        for weighed in _ahead(self._submit_batch, _batches(prepared, self._batch_size), 2):
            yield from weighed

    def _submit_photo(self, photo: Photo) -> Future[PreparedPhoto]:
        return self._decoding.submit(prepare, photo, self._sources, self._options)

    def _submit_batch(self, batch: Sequence[PreparedPhoto]) -> Future[list[PhotoEvidence]]:
        return self._inference.submit(weigh_batch, batch, self._sources)


def _ahead(
    submit: Callable[[Item], Future[Result]], items: Iterable[Item], window: int
) -> Iterator[Result]:
    """Yield results in order, with at most `window` of them waiting or under way."""
    waiting: deque[Future[Result]] = deque()
    for item in items:
        waiting.append(submit(item))
        if len(waiting) >= window:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _batches(photos: Iterable[PreparedPhoto], batch_size: int) -> Iterator[list[PreparedPhoto]]:
    """Batches with `batch_size` photos that need a network, as far as there are so many."""
    batch: list[PreparedPhoto] = []
    network_inputs = 0
    for photo in photos:
        batch.append(photo)
        network_inputs += photo.was_decoded
        if network_inputs == batch_size or len(batch) >= MAX_IN_BATCH * batch_size:
            yield batch
            batch, network_inputs = [], 0
    if batch:
        yield batch


def weigh_batch(
    batch: Sequence[PreparedPhoto], sources: Sequence[EvidenceSource[Any]]
) -> list[PhotoEvidence]:
    """The evidence of all sources on each photo of a batch, in order."""
    evidence: list[list[Evidence]] = [[] for _ in batch]
    for index, source in enumerate(sources):
        rows = [
            row
            for row, photo in enumerate(batch)
            if photo.inputs and photo.inputs[index] is not None
        ]
        if not rows:
            continue
        results = source.weigh([batch[row].inputs[index] for row in rows])
        for row, result in zip(rows, results, strict=True):
            if result is not None:
                evidence[row].append(result)
    return [
        PhotoEvidence(photo.outcome, tuple(found))
        for photo, found in zip(batch, evidence, strict=True)
    ]
