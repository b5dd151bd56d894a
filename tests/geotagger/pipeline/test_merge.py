"""Finished rows and photos that are weighed now come out in scan order, with bounded memory."""

from collections import deque
from contextlib import contextmanager
from pathlib import Path

import pytest

from geotagger.cache.codec import FinishedRow
from geotagger.pipeline import merge
from geotagger.pipeline.merge import merge_in_order
from geotagger.types import Outcome, Photo, PhotoEvidence

WINDOW = 3


class Executor:
    """Looks ahead as far as its window, like the real ones."""

    def __init__(self):
        self.runs = 0

    def run(self, photos):
        self.runs += 1
        waiting = deque()
        for photo in photos:
            waiting.append(photo)
            if len(waiting) > WINDOW:
                yield PhotoEvidence(Outcome(waiting.popleft()))
        yield from (PhotoEvidence(Outcome(photo)) for photo in waiting)


class Opener:
    """Counts how often an executor is opened and closed."""

    def __init__(self):
        self.executor = Executor()
        self.opened = self.closed = 0

    @contextmanager
    def __call__(self):
        self.opened += 1
        yield self.executor
        self.closed += 1


def scan(pattern):
    """`f` is a photo to weigh, any other letter a finished row."""
    for number, letter in enumerate(pattern):
        name = f"{number}"
        yield Photo(Path(name), Path()) if letter == "f" else FinishedRow({"path": name})


def names(items):
    return [
        item.row["path"] if isinstance(item, FinishedRow) else item.outcome.photo.name
        for item in items
    ]


@pytest.mark.parametrize(
    "pattern", ["", "f", "r", "rrr", "fff", "rfrfrf", "frrf", "ffffffrrrrrrffr", "rrrffffffrrrr"]
)
@pytest.mark.parametrize("most", [1, 2, 4096])
def test_the_order_is_that_of_the_scan(pattern, most, monkeypatch):
    monkeypatch.setattr(merge, "MAX_WAITING_ROWS", most)
    opener = Opener()
    assert names(merge_in_order(scan(pattern), opener)) == [str(n) for n in range(len(pattern))]
    assert opener.opened == opener.closed == ("f" in pattern)


def test_rows_before_the_first_photo_wait_for_nothing():
    opener = Opener()
    items = merge_in_order(scan("rrf"), opener)
    next(items), next(items)
    assert opener.opened == 0


def test_a_million_rows_between_two_photos_do_not_pile_up(monkeypatch):
    monkeypatch.setattr(merge, "MAX_WAITING_ROWS", 10)
    read = 0

    def counted():
        nonlocal read
        for item in scan("f" + "r" * 1000 + "f"):
            read += 1
            yield item

    opener = Opener()
    for given, _ in enumerate(merge_in_order(counted(), opener), start=1):
        assert read - given <= 10 + WINDOW
    assert read == 1002
    assert (opener.opened, opener.executor.runs) == (1, 2)
