"""The engine for one machine: threads decode ahead, the driver infers in batches.

Decoding, hashing and inference release the interpreter lock, so threads are enough.
The window is bounded: however many photos there are, the same number is in memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any

from geotagger.engines import Prepared, Weighed, prepare
from geotagger.evidence import Source
from geotagger.records import Evidence, Photo

BATCHES_AHEAD = 2
"""While one batch is inferred, the photos of this many are read and decoded."""


def weigh(
    photos: Iterable[Photo],
    sources: Sequence[Source[Any]],
    *,
    batch_size: int,
    workers: int,
    only_missing: bool = False,
) -> Iterator[Weighed]:
    """Yield one `Weighed` per photo, in order."""
    pool = ThreadPoolExecutor(workers, thread_name_prefix="decode")
    window = BATCHES_AHEAD * batch_size + workers
    try:
        prepared = _ahead(pool, photos, sources, only_missing, window)
        while batch := list(islice(prepared, batch_size)):
            yield from _weigh_batch(batch, sources)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _ahead(
    pool: ThreadPoolExecutor,
    photos: Iterable[Photo],
    sources: Sequence[Source[Any]],
    only_missing: bool,
    window: int,
) -> Iterator[Prepared]:
    """Prepared photos in order, with at most `window` of them waiting or under way."""
    waiting: deque[Future[Prepared]] = deque()
    for photo in photos:
        waiting.append(pool.submit(prepare, photo, sources, only_missing=only_missing))
        if len(waiting) >= window:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _weigh_batch(batch: Sequence[Prepared], sources: Sequence[Source[Any]]) -> Iterator[Weighed]:
    said: list[list[Evidence]] = [[] for _ in batch]
    for index, source in enumerate(sources):
        asked = [
            (row, item.inputs[index])
            for row, item in enumerate(batch)
            if item.inputs and item.inputs[index] is not None
        ]
        answers = source.weigh([item for _, item in asked]) if asked else []
        for (row, _), answer in zip(asked, answers, strict=True):
            if answer is not None:
                said[row].append(answer)
    for item, evidence in zip(batch, said, strict=True):
        yield Weighed(item.outcome, tuple(evidence))
