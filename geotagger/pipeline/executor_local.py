"""The engine for one machine: threads decode ahead, one thread asks the networks in batches.

Decoding, hashing and inference release the interpreter lock, so threads are enough. While the
driver believes, writes and reports one batch, the next is being inferred and the photos of those
after it are being decoded. The window is bounded: however many photos there are, the same number
is in memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, TypeVar

from geotagger.evidence.source import NetworkSource, Source
from geotagger.pipeline.near_duplicates import group_near_duplicates
from geotagger.pipeline.prepare import (
    CachedOutput,
    InferenceCache,
    Prepared,
    prepare,
)
from geotagger.types import Evidence, Photo, PhotoEvidence

BATCHES_AHEAD = 2
"""While one batch is inferred, the photos of this many are read and decoded."""
MAX_IN_BATCH = 4
"""A batch is cut after so many times its photos where most of them ask nothing of the networks."""

T = TypeVar("T")


def weigh(
    photos: Iterable[Photo | PhotoEvidence],
    sources: Sequence[Source[Any]],
    *,
    batch_size: int,
    workers: int,
    only_missing: bool = False,
    gate: bool = False,
    memory: InferenceCache | None = None,
) -> Iterator[PhotoEvidence]:
    """Yield one `PhotoEvidence` per photo, in order."""
    with ExitStack() as stack:
        decoding = _pool(stack, workers, "decode")
        inferring = _pool(stack, 1, "infer")

        def submit(photo: Photo | PhotoEvidence) -> Future[Prepared | PhotoEvidence]:
            if isinstance(photo, PhotoEvidence):
                return _finished(photo)
            return decoding.submit(
                prepare, photo, sources, only_missing=only_missing, gate=gate, memory=memory
            )

        window = BATCHES_AHEAD * batch_size + workers
        batches = _batches(_ahead(submit, photos, window), batch_size)
        for weighed in _ahead(
            lambda batch: inferring.submit(weigh_batch, batch, sources, memory), batches, 2
        ):
            yield from weighed


def _pool(stack: ExitStack, threads: int, name: str) -> ThreadPoolExecutor:
    pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
    stack.callback(pool.shutdown, wait=True, cancel_futures=True)
    return pool


def _finished(item: PhotoEvidence) -> Future[Prepared | PhotoEvidence]:
    future: Future[Prepared | PhotoEvidence] = Future()
    future.set_result(item)
    return future


def _ahead(submit: Callable[[Any], Future[T]], items: Iterable[Any], window: int) -> Iterator[T]:
    """Results in order, with at most `window` of them waiting or under way."""
    waiting: deque[Future[T]] = deque()
    for item in items:
        waiting.append(submit(item))
        if len(waiting) >= window:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _batches(
    items: Iterable[Prepared | PhotoEvidence], batch_size: int
) -> Iterator[list[Prepared | PhotoEvidence]]:
    """Batches with `batch_size` photos that ask a network, as far as there are so many."""
    batch: list[Prepared | PhotoEvidence] = []
    asking = 0
    for item in items:
        batch.append(item)
        asking += isinstance(item, Prepared) and item.asks
        if asking == batch_size or len(batch) >= MAX_IN_BATCH * batch_size:
            yield batch
            batch, asking = [], 0
    if batch:
        yield batch


def weigh_batch(
    batch: Sequence[Prepared | PhotoEvidence],
    sources: Sequence[Source[Any]],
    memory: InferenceCache | None,
) -> list[PhotoEvidence]:
    """What the sources say of a batch of photos, in order."""
    prepared = [item for item in batch if isinstance(item, Prepared)]
    said: dict[int, list[Evidence]] = {id(item): [] for item in prepared}
    for index, source in enumerate(sources):
        asked = [item for item in prepared if item.inputs and item.inputs[index] is not None]
        for item, answer in zip(asked, _answers(asked, index, source, memory), strict=True):
            if answer is not None:
                said[id(item)].append(answer)
    return [
        PhotoEvidence(item.outcome, tuple(said[id(item)])) if isinstance(item, Prepared) else item
        for item in batch
    ]


def _answers(
    asked: Sequence[Prepared], index: int, source: Source[Any], memory: InferenceCache | None
) -> list[Evidence | None]:
    """What one source says of each photo; its network is asked only of those not met before.

    Of a batch's near-duplicates it is asked of the first.
    """
    inputs = [item.inputs[index] for item in asked]
    if not inputs or not isinstance(source, NetworkSource):
        return source.weigh(inputs) if inputs else []
    fresh = [item for item in asked if not isinstance(item.inputs[index], CachedOutput)]
    firsts = group_near_duplicates([item.likeness for item in fresh])
    shown = sorted(set(firsts))
    said = source.ask([fresh[row].inputs[index] for row in shown]) if shown else []
    by_row = dict(zip(shown, said, strict=True))
    found = [by_row[row] for row in firsts]
    if memory is not None:
        memory.keep(
            source.output_key,
            [
                (item.outcome.sha256, item.outcome.note, source.pack(answer))
                for item, answer in zip(fresh, found, strict=True)
            ],
        )
    answers = iter(found)
    return source.judge(
        [item.answer if isinstance(item, CachedOutput) else next(answers) for item in inputs]
    )
