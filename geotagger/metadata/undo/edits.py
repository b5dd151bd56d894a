"""Changes to a file as a list of splices, so that what was changed can be told and taken back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

_ANCHOR_BYTES = 24  # that must be equal before two stretches count as the same
_MAX_SPLICES = 40


class Edit(NamedTuple):
    """Bytes `start` to `end` become `new`."""

    start: int
    end: int
    new: bytes


def apply(data: bytes, edits: Iterable[Edit]) -> bytes:
    """`data` with all edits made. They stand in order, do not overlap, and count in `data`."""
    view, pos = memoryview(data), 0  # the picture is copied once
    parts: list[bytes | memoryview] = []
    for edit in edits:
        parts += [view[pos : edit.start], edit.new]
        pos = edit.end
    return b"".join((*parts, view[pos:]))


def makes(data: bytes, edits: Iterable[Edit], result: bytes) -> bool:
    """Whether `apply(data, edits) == result`, without making it."""
    view, pos, at = memoryview(data), 0, 0
    for start, end, new in (*edits, Edit(len(data), len(data), b"")):
        for part in (view[pos:start], memoryview(new)):
            if not result.startswith(part, at):
                return False
            at += len(part)
        pos = end
    return at == len(result)


def inverse(data: bytes, edits: Iterable[Edit]) -> list[Edit]:
    """What takes `apply(data, edits)` back to `data`."""
    back, grown = [], 0
    for start, end, new in edits:
        back.append(Edit(start + grown, start + grown + len(new), data[start:end]))
        grown += len(new) - (end - start)
    return back


def moved(edits: Iterable[Edit], by: int) -> list[Edit]:
    """The same edits in a file where the block that they count in starts at byte `by`."""
    return [Edit(start + by, end + by, new) for start, end, new in edits]


def difference(old: bytes, new: bytes) -> list[Edit]:
    """What makes `new` of `old`; short where text was put in or taken out in a few places."""
    found: list[Edit] = []
    at, new_at = 0, 0
    while old[at:] != new[new_at:]:
        same = _common(old[at:], new[new_at:])
        at, new_at = at + same, new_at + same
        skipped, put_in = len(old) - at, len(new) - new_at
        if len(found) < _MAX_SPLICES:
            skipped, put_in = _next_anchor(old[at:], new[new_at:])
        found.append(Edit(at, at + skipped, new[new_at : new_at + put_in]))
        at, new_at = at + skipped, new_at + put_in
    return found


def _next_anchor(old: bytes, new: bytes) -> tuple[int, int]:
    """How much of each has to be passed over until they go on alike."""
    tail = _common(old[::-1], new[::-1])
    old, new = old[: len(old) - tail], new[: len(new) - tail]
    put_in = new.find(old[:_ANCHOR_BYTES]) if len(old) >= _ANCHOR_BYTES else -1
    taken_out = old.find(new[:_ANCHOR_BYTES]) if len(new) >= _ANCHOR_BYTES else -1
    if put_in >= 0 and (taken_out < 0 or put_in <= taken_out):
        return 0, put_in
    return (taken_out, 0) if taken_out >= 0 else (len(old), len(new))


def _common(a: bytes, b: bytes) -> int:
    """Length of the common beginning, found by halving."""
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
