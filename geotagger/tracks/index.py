"""Where a track was at a time, and how far from there the photo may have been taken.

Between two fixes the position is on the great circle between them. How far it may be off is a
Brownian bridge (Horne et al. 2007, "Analyzing animal movements using Brownian bridges", Ecology
88:2354), to which come what both fixes may be off, that ways are not straight, and what the clock
of the camera may be off times the speed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geotagger.config import DEFAULT_TRACK_GAP, TrackGap
from geotagger.geography.sphere import haversine_km, unit_vectors64
from geotagger.times.clock_offset import UtcPath
from geotagger.types import Point

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geotagger.tracks.fixes import FixTable

ACCURACY_M = 15.0
"""Accuracy (68 %) of a fix whose log gives none. Receivers reach 5 m under open sky and are several
times worse between houses (van Diggelen and Enge 2015)."""
WANDER_M_PER_ROOT_S = 3.0
"""Standard deviation of where somebody on foot is after a second, on a Brownian path; grows with
the square root of the time."""
BEND = 0.2
"""Standard deviation of the middle of a way from the straight line, as a share of how far one gets
in the time, at the fastest of the steps to both fixes, between them and from them."""
WALK_M_PER_S = 1.0
"""Before the first fix and after the last, people may have moved as fast as this, or as fast as the
track last did."""
_PER_AXIS = 1 / 1.515
"""Standard deviation per axis, of the radius that holds 68 % of a normal distribution."""
_RADIUS_90 = 2.146
"""Radius that holds 90 %, of the standard deviation per axis."""
WEEK_ROLLOVER_S = 1024 * 7 * 86_400.0
"""GPS counts weeks with ten bits. Receivers that do not know this are 19.6 years behind."""


class TrackPosition(NamedTuple):
    """Where a track was at a time."""

    point: Point
    radius_km: float
    """Holds the true position with 90 %."""
    gap_s: float
    """Between the two fixes, or to the nearest one."""
    log: str
    """Name of the file."""
    is_between: bool
    """It lies between two fixes; otherwise it is that of the nearest one."""
    is_stay: bool = False
    has_rolled_over: bool = False
    """The dates of the track are 1,024 weeks too early."""


class TrackIndex:
    """The fixes of all logs, by segment and time."""

    def __init__(
        self, logs: Sequence[tuple[str, FixTable]], max_gap: TrackGap = DEFAULT_TRACK_GAP
    ) -> None:
        """
        Args:
            logs: name and cleaned fixes of each file.
            max_gap: between two fixes, for a photo to be placed there.
        """
        self._names = [name for name, _ in logs]
        self._max_gap = max_gap
        tables = [table for _, table in logs]
        self._time_s = np.concatenate([table.time_s for table in tables])
        self._lat = np.concatenate([table.lat for table in tables])
        self._lon = np.concatenate([table.lon for table in tables])
        self._accuracy_m = np.concatenate([table.accuracy_m for table in tables])
        self._is_stay = np.concatenate([table.is_stay for table in tables])
        segments = [len(table.is_stay) for table in tables]
        self._log = np.repeat(np.arange(len(tables)), segments)
        lengths = [
            np.bincount(t.segment, minlength=n) for t, n in zip(tables, segments, strict=True)
        ]
        ends = np.cumsum(np.concatenate(lengths))
        self._start, self._end = ends - np.concatenate(lengths), ends
        self._first_s, self._last_s = self._time_s[self._start], self._time_s[self._end - 1]

    def __len__(self) -> int:
        return len(self._time_s)

    @property
    def span_s(self) -> tuple[float, float]:
        """Time of the first and of the last fix, seconds since 1970."""
        return float(self._first_s.min()), float(self._last_s.max())

    def at(self, utc_s: float, clock_error_s: float = 0.0) -> TrackPosition | None:
        """The position at a time; of several tracks the most precise. None if none was near.

        Args:
            utc_s: seconds since 1970.
            clock_error_s: standard deviation of that time.
        """
        found = self._at(utc_s, clock_error_s)
        if found is None and utc_s - WEEK_ROLLOVER_S >= self.span_s[0] - self._max_gap.seconds:
            earlier = self._at(utc_s - WEEK_ROLLOVER_S, clock_error_s)
            return earlier and earlier._replace(has_rolled_over=True)
        return found

    def nearest(self, utc_s: float) -> tuple[Point, float]:
        """The fix that is nearest in time, and how far away it is, in seconds."""
        before, after = utc_s - self._last_s, self._first_s - utc_s
        segment = int(np.argmin(np.maximum(np.maximum(before, after), 0)))
        start, end = int(self._start[segment]), int(self._end[segment])
        later = start + int(np.searchsorted(self._time_s[start:end], utc_s))
        rows = (max(later - 1, start), min(later, end - 1))
        row = min(rows, key=lambda row: abs(self._time_s[row] - utc_s))
        return self._point(row), abs(float(self._time_s[row]) - utc_s)

    def path(self) -> UtcPath:
        """All fixes in the order of time, without their segments."""
        order = np.argsort(self._time_s, kind="stable")
        return UtcPath(self._time_s[order], self._lat[order], self._lon[order])

    def _at(self, utc_s: float, clock_error_s: float) -> TrackPosition | None:
        reach_s = self._max_gap.seconds
        is_near = (self._first_s <= utc_s + reach_s) & (self._last_s >= utc_s - reach_s)
        found = [
            position
            for segment in np.flatnonzero(is_near)
            if (position := self._in_segment(int(segment), utc_s, clock_error_s))
        ]
        return min(found, key=lambda position: position.radius_km, default=None)

    def _in_segment(self, segment: int, utc_s: float, clock_error_s: float) -> TrackPosition | None:
        start, end = int(self._start[segment]), int(self._end[segment])
        after = start + int(np.searchsorted(self._time_s[start:end], utc_s, side="right"))
        before = after - 1
        log = self._names[self._log[segment]]
        is_inside = before >= start and (after < end or self._time_s[before] == utc_s)
        if self._is_stay[segment] and is_inside:
            stay_s = float(self._time_s[end - 1] - self._time_s[start])
            radius_km = _RADIUS_90 * self._deviation_m(start) / 1000
            return TrackPosition(self._point(start), radius_km, stay_s, log, False, is_stay=True)
        if is_inside and after < end:
            between = self._between(before, segment, utc_s, clock_error_s, log)
            if between is not None:
                return between
        rows = [row for row in (before, after) if start <= row < end]
        nearest = min(rows, key=lambda row: abs(self._time_s[row] - utc_s))
        return self._near(nearest, segment, utc_s, clock_error_s, log)

    def _between(
        self, before: int, segment: int, utc_s: float, clock_error_s: float, log: str
    ) -> TrackPosition | None:
        """On the great circle to the next fix; None if that is too far away."""
        after = before + 1
        gap_s = float(self._time_s[after] - self._time_s[before])
        gap_km = self._km(before, after)
        if gap_s > self._max_gap.seconds or gap_km > self._max_gap.km:
            return None
        speed_m_per_s = max(
            self._speed_m_per_s(before, segment), self._speed_m_per_s(after, segment)
        )
        share = (utc_s - float(self._time_s[before])) / gap_s
        spread = share * (1 - share)
        variance_m2 = (
            ((1 - share) * self._deviation_m(before)) ** 2
            + (share * self._deviation_m(after)) ** 2
            + WANDER_M_PER_ROOT_S**2 * gap_s * spread
            + (BEND * speed_m_per_s * gap_s) ** 2 * 4 * spread
            + (speed_m_per_s * clock_error_s) ** 2
        )
        radius_km = _RADIUS_90 * math.sqrt(variance_m2) / 1000
        point = _on_great_circle(self._point(before), self._point(after), share)
        return TrackPosition(point, radius_km, gap_s, log, True)

    def _near(
        self, row: int, segment: int, utc_s: float, clock_error_s: float, log: str
    ) -> TrackPosition | None:
        """At the nearest fix; None if it is too far away in time, or may be in space."""
        gap_s = abs(float(self._time_s[row]) - utc_s)
        if gap_s > self._max_gap.seconds:
            return None
        moved_m = max(WALK_M_PER_S, self._speed_m_per_s(row, segment)) * (gap_s + clock_error_s)
        radius_km = _RADIUS_90 * math.hypot(self._deviation_m(row), moved_m) / 1000
        if radius_km > self._max_gap.km:
            return None
        return TrackPosition(self._point(row), radius_km, gap_s, log, False)

    def _speed_m_per_s(self, row: int, segment: int) -> float:
        """The faster one of the steps to the fix and from it, of those within the largest gap."""
        others = [
            other
            for other in (row - 1, row + 1)
            if self._start[segment] <= other < self._end[segment]
        ]
        gaps_s = [abs(float(self._time_s[other] - self._time_s[row])) for other in others]
        speeds = [
            1000 * self._km(row, other) / gap_s
            for other, gap_s in zip(others, gaps_s, strict=True)
            if 0 < gap_s <= self._max_gap.seconds
        ]
        return max(speeds, default=0.0)

    def _deviation_m(self, row: int) -> float:
        """Standard deviation per axis of a fix."""
        accuracy_m = float(self._accuracy_m[row])
        return (accuracy_m if 0 < accuracy_m < math.inf else ACCURACY_M) * _PER_AXIS

    def _point(self, row: int) -> Point:
        return Point(float(self._lat[row]), float(self._lon[row]))

    def _km(self, one: int, other: int) -> float:
        lat, lon = self._lat, self._lon
        km: float = haversine_km(lat[one], lon[one], lat[other], lon[other])
        return km


def _on_great_circle(one: Point, other: Point, share: float) -> Point:
    """The point at a share of the way from one point to the other (Shoemake 1985, slerp)."""
    a, b = unit_vectors64(one.lat, one.lon), unit_vectors64(other.lat, other.lon)
    angle = math.atan2(float(np.linalg.norm(np.cross(a, b))), float(a @ b))
    if angle < 1e-12:
        return one
    x, y, z = (math.sin((1 - share) * angle) * a + math.sin(share * angle) * b) / math.sin(angle)
    return Point(math.degrees(math.atan2(z, math.hypot(x, y))), math.degrees(math.atan2(y, x)))
