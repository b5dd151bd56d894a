"""Takes out what no receiver can have measured, and puts fixes in order."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from geotagger.geography.sphere import haversine_km
from geotagger.tracks.fixes import FixTable

FIRST_S = 631_152_000.0
"""1990. Receivers that do not know the date yet write 1970 or 1980."""
FUTURE_S = 2 * 86_400.0
"""A fix may be this far ahead of this computer's clock."""
MAX_KM_PER_S = 0.45
"""1,620 km/h: an airliner with a jet stream behind it reaches 1,350."""
ROUNDING_KM = 0.1
"""Of positions and times: two fixes may be this near at any speed."""
_ROUNDS = 3
_FEWEST = 3
"""Of two fixes nobody can tell which is the outlier."""

_Rows = NDArray[np.bool_]


class CleanTrack(NamedTuple):
    """The fixes that are left."""

    fixes: FixTable
    """Those of a segment are in order of time, at most one at a time."""
    left_out: Mapping[str, int]
    """How many fixes were left out, by reason."""


def clean(fixes: FixTable, now_s: float | None = None) -> CleanTrack:
    """Leaves out impossible fixes, sorts each segment by time, and cuts it at jumps.

    Args:
        now_s: the present time, seconds since 1970.
    """
    latest_s = (time.time() if now_s is None else now_s) + FUTURE_S
    left_out: dict[str, int] = {}

    def keep(reason: str, rows: _Rows) -> None:
        nonlocal fixes
        dropped = len(rows) - int(np.count_nonzero(rows))
        if dropped:
            left_out[reason] = dropped
            fixes = fixes.only(rows)

    with np.errstate(invalid="ignore"):
        keep("out of range", (np.abs(fixes.lat) <= 90) & (np.abs(fixes.lon) <= 180))
        keep("at 0/0", (fixes.lat != 0) | (fixes.lon != 0))
        keep("dated before 1990", ~(fixes.time_s < FIRST_S))
        keep("dated in the future", ~(fixes.time_s > latest_s))
        keep("without a time", np.isfinite(fixes.time_s))
    fixes = _in_order(fixes)
    keep("at the time of another", _is_new(fixes))
    for _ in range(_ROUNDS):
        outliers = _outliers(fixes)
        if not outliers.any():
            break
        before = left_out.pop("impossibly fast", 0)
        keep("impossibly fast", ~outliers)
        left_out["impossibly fast"] += before
    return CleanTrack(_cut_at_jumps(fixes), left_out)


def _in_order(fixes: FixTable) -> FixTable:
    """Each segment in the order of time. Some receivers write the latest fix first."""
    is_sorted = (np.diff(fixes.time_s) >= 0) | (np.diff(fixes.segment) > 0)
    if is_sorted.all():
        return fixes
    return fixes.only(np.lexsort((fixes.time_s, fixes.segment)))


def _is_new(fixes: FixTable) -> _Rows:
    """Whether a fix has another time than the one before it in its segment."""
    new = np.ones(len(fixes), np.bool_)
    new[1:] = (np.diff(fixes.time_s) > 0) | (np.diff(fixes.segment) > 0)
    return new | fixes.is_stay[fixes.segment]


def _too_fast(fixes: FixTable, one: NDArray[np.intp], other: NDArray[np.intp]) -> _Rows:
    """Whether nothing can have moved from one row to the other; never between segments."""
    lat, lon = fixes.lat, fixes.lon
    km = haversine_km(lat[one], lon[one], lat[other], lon[other])
    seconds = np.abs(fixes.time_s[other] - fixes.time_s[one])
    in_segment = fixes.segment[one] == fixes.segment[other]
    fast: _Rows = (km > ROUNDING_KM + MAX_KM_PER_S * seconds) & in_segment
    return fast


def _outliers(fixes: FixTable) -> _Rows:
    """Fixes apart from all others of their segment, from which and to which nothing can move.

    Jumps cut a segment into pieces. A piece is an outlier if what is before it and what is after it
    fit each other, as is a single fix at the beginning or end of a segment.
    """
    if len(fixes) < _FEWEST:
        return np.zeros(len(fixes), np.bool_)
    starts, segment = _pieces(fixes)
    length = np.diff(starts, append=len(fixes))
    piece = segment[starts]
    outlier = np.zeros(len(starts), np.bool_)
    inner = np.flatnonzero((piece[:-2] == piece[1:-1]) & (piece[1:-1] == piece[2:])) + 1
    fits = ~_too_fast(fixes, starts[inner] - 1, starts[inner] + length[inner])
    outlier[inner] = fits & (length[inner] < length[inner - 1] + length[inner + 1])
    begins = np.diff(piece, prepend=-1) > 0
    ends = np.append(begins[1:], True)
    after, before = np.append(length[1:], 0), np.append(0, length[:-1])
    outlier |= begins & ~ends & (length == 1) & (after > 1)
    outlier |= ends & ~begins & (length == 1) & (before > 1)
    run_start = np.maximum.accumulate(np.where(outlier, 0, np.arange(1, len(outlier) + 1)))
    outlier &= (np.arange(len(outlier)) - run_start) % 2 == 0  # of several in a row every other
    rows: _Rows = np.repeat(outlier, length)
    return rows


def _pieces(fixes: FixTable) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
    """(first row of each piece between two jumps or ends of segments, segment of each row)."""
    rows = np.arange(len(fixes))
    begins = np.diff(fixes.segment, prepend=-1) > 0
    begins[1:] |= _too_fast(fixes, rows[:-1], rows[1:])
    return np.flatnonzero(begins), fixes.segment


def _cut_at_jumps(fixes: FixTable) -> FixTable:
    """The table with a new segment after each step that is still too fast."""
    starts, segment = _pieces(fixes)
    lengths = np.diff(starts, append=len(fixes))
    numbers = np.repeat(np.arange(len(starts), dtype=np.int32), lengths)
    return replace(fixes, segment=numbers, is_stay=fixes.is_stay[segment[starts]])
