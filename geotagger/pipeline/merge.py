"""Merges photos that an earlier run finished with those that are weighed now, in scan order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack
from itertools import chain
from typing import Protocol

from geotagger.cache.codec import FinishedRow
from geotagger.types import Outcome, Photo, PhotoEvidence

Item = FinishedRow | PhotoEvidence | Outcome
"""A photo on its way through the driver. An outcome was decided by a worker of a cluster."""

MAX_WAITING_ROWS = 4096
"""Finished rows that may wait for a photo before them, a few KB each."""


class Executor(Protocol):
    """Weighs photos, on this machine or on a cluster.

    Yields one result for each photo, in order, and never raises because of a photo. It may look
    ahead, as far as its window.
    """

    def run(self, photos: Iterable[Photo]) -> Iterator[PhotoEvidence | Outcome]:
        """Weigh the photos; may be called again."""


def merge_in_order(
    scanned: Iterable[Photo | FinishedRow],
    open_executor: Callable[[], AbstractContextManager[Executor]],
) -> Iterator[Item]:
    """Yield finished rows as they are and photos as the executor weighs them, in scan order.

    The executor, and with it the models, is opened when the first photo comes: at once, far into
    the run, or never. It stays open until the end.
    """
    items = iter(scanned)
    with ExitStack() as stack:
        executor: Executor | None = None
        for item in items:
            if isinstance(item, FinishedRow):
                yield item
                continue
            if executor is None:
                executor = stack.enter_context(open_executor())
            yield from _segment(chain([item], items), executor)


def _segment(items: Iterator[Photo | FinishedRow], executor: Executor) -> Iterator[Item]:
    """Merge up to the end, or until too many rows wait: then all photos in flight are awaited.

    An executor takes photos far ahead of what it has finished, and rows between them have to wait.
    A bound on them keeps memory flat where a million rows lie between two photos.
    """
    order: deque[FinishedRow | None] = deque()  # None marks a photo in flight
    waiting_rows = 0

    def photos() -> Iterator[Photo]:
        nonlocal waiting_rows
        for item in items:
            if isinstance(item, FinishedRow):
                order.append(item)
                waiting_rows += 1
                if waiting_rows >= MAX_WAITING_ROWS:
                    return
            else:
                order.append(None)
                yield item

    for result in executor.run(photos()):
        while (row := order.popleft()) is not None:
            waiting_rows -= 1
            yield row
        yield result
    yield from (row for row in order if row is not None)
