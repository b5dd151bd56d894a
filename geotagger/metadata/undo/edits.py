"""Changes to a file as a list of splices, so that they can be recorded and reversed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

_ANCHOR_BYTES = 24  # this many equal bytes count as the point where two texts agree again
_MAX_SPLICES = 40


class Edit(NamedTuple):
    """Replaces bytes `start` to `end` with `new`."""

    start: int
    end: int
    new: bytes


def apply(data: bytes, edits: Iterable[Edit]) -> bytes:
    """Applies all edits to `data`.

    Args:
        data: The original bytes.
        edits: In ascending order, without overlap; positions count in `data`.
    """
    view, pos = memoryview(data), 0  # the picture is copied only once
    parts: list[bytes | memoryview] = []
    for edit in edits:
        parts += [view[pos : edit.start], edit.new]
        pos = edit.end
    return b"".join((*parts, view[pos:]))


def results_in(data: bytes, edits: Iterable[Edit], result: bytes) -> bool:
    """Whether `apply(data, edits) == result`. Does not build the result."""
    view, pos, at = memoryview(data), 0, 0
    for start, end, new in (*edits, Edit(len(data), len(data), b"")):
        for part in (view[pos:start], memoryview(new)):
            if not result.startswith(part, at):
                return False
            at += len(part)
        pos = end
    return at == len(result)


def inverse(data: bytes, edits: Iterable[Edit]) -> list[Edit]:
    """The edits that turn `apply(data, edits)` back into `data`."""
    back, growth = [], 0
    for start, end, new in edits:
        back.append(Edit(start + growth, start + growth + len(new), data[start:end]))
        growth += len(new) - (end - start)
    return back


def growth_of(edits: Iterable[Edit]) -> int:
    """How many bytes longer the edits make the data."""
    return sum(len(new) - (end - start) for start, end, new in edits)


def shifted(edits: Iterable[Edit], by: int) -> list[Edit]:
    """The edits of a block as edits of a file in which that block starts at byte `by`."""
    return [Edit(start + by, end + by, new) for start, end, new in edits]


def difference(old: bytes, new: bytes) -> list[Edit]:
    """The edits that turn `old` into `new`. Few and short if only a few places differ."""
    edits: list[Edit] = []
    at, new_at = 0, 0
    while old[at:] != new[new_at:]:
        equal = _common_prefix(old[at:], new[new_at:])
        at, new_at = at + equal, new_at + equal
        removed, inserted = len(old) - at, len(new) - new_at
        if len(edits) < _MAX_SPLICES:
            removed, inserted = _until_next_anchor(old[at:], new[new_at:])
        edits.append(Edit(at, at + removed, new[new_at : new_at + inserted]))
        at, new_at = at + removed, new_at + inserted
    return edits


def _until_next_anchor(old: bytes, new: bytes) -> tuple[int, int]:
    """(bytes of `old`, bytes of `new`) to skip until both continue with the same bytes."""
    tail = _common_prefix(old[::-1], new[::-1])
    old, new = old[: len(old) - tail], new[: len(new) - tail]
    inserted = new.find(old[:_ANCHOR_BYTES]) if len(old) >= _ANCHOR_BYTES else -1
    removed = old.find(new[:_ANCHOR_BYTES]) if len(new) >= _ANCHOR_BYTES else -1
    if inserted >= 0 and (removed < 0 or inserted <= removed):
        return 0, inserted
    return (removed, 0) if removed >= 0 else (len(old), len(new))


def _common_prefix(a: bytes, b: bytes) -> int:
    """Length of the common prefix, found by bisection."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
