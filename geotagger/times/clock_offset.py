"""How far a camera's clock is from UTC, by places where it was together with something that knows.

That is another device whose photos have GPS and UTC, or a track log. Each photo of the camera whose
place is known says at which offsets the two were together: those at which the other was near that
place then. The offset at which the most photos agree is right, unless they could agree by chance.

The score of an offset is the log-likelihood ratio of "together, with this offset" against "never
together". A photo that agrees adds the logarithm of how rarely the other was near that place; a
photo of a time when the other was elsewhere takes away. What clocks show is known beforehand
(`_Prior`): most show the legal time of the place, some that of home, hardly any is years off. So
less evidence is needed for the legal time than for a clock that was never set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geotagger.geography.sphere import EARTH_RADIUS_KM

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geotagger.types import Point

    _Floats = NDArray[np.float64]

NEAR_KM = 0.15
"""Two devices of people who are together, and the errors of their receivers."""
BEND = 0.15
"""How far a way may be from the straight line between two fixes, of its length."""
MAX_GAP_S = 3600.0
"""Between two fixes farther apart than this, the place is not known."""
APART = 0.1
"""Share of photos that do not fit although the two were together. A guess."""
TOGETHER = 0.5
"""Probability before any evidence that two devices in one folder were together. A guess."""
MIN_POSTERIOR = 0.95
"""An offset that is less probable than this is unknown."""
WINDOW_S = 600.0
"""An offset that is not known to this is unknown."""
DAYS_DIFFER = 0.3
"""How much the score counts between offsets that are whole days apart. People go to the same places
at the same hours, so photos also agree a day off, and not by chance. A guess."""
MAX_PHOTOS = 64
"""More photos do not make the offset more certain, and take longer."""
SAME_STOP_S = 3600.0
"""Photos of one place within this time are one stop, and count once."""
_DAY_S = 86_400.0
_STEP_S = 2.0
_KM_PER_DEGREE = EARTH_RADIUS_KM * np.pi / 180
_CONFIDENT = 1.92
"""By so much the log-likelihood falls at the ends of an interval that holds 95 %."""


class ClockedPoint(NamedTuple):
    """A photo whose place is known: by its GPS, a file beside it, or a sign."""

    clock_s: float
    """Seconds since 1970, by the camera's clock."""
    point: Point
    error_km: float = 0.0


@dataclass(frozen=True, slots=True)
class UtcPath:
    """Where something was, by UTC, that was with the camera or was not."""

    utc_s: NDArray[np.float64]
    """Seconds since 1970, ascending, float64 [n]."""
    lat: NDArray[np.float64]
    """Degrees, float64 [n]."""
    lon: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """What was found out about a clock."""

    offset_s: float
    """To add to what the clock shows, for UTC."""
    error_s: float
    """Half the interval that holds the offset with 95 %."""
    photos: int
    """That agree."""


def estimate_clock_offset(
    photos: Sequence[ClockedPoint], path: UtcPath, legal_offset_s: float | None = None
) -> ClockOffset | None:
    """The offset of a camera's clock against UTC.

    Args:
        photos: photos of the camera whose place is known.
        path: where something else was that may have been with the camera.
        legal_offset_s: how far clocks there are ahead of UTC by law; None if that is not known.

    Returns:
        None if the offset is unknown: the two may never have been together, or several offsets fit.
    """
    chosen = [photos[i] for i in _spread(len(photos))]
    runs = _runs(path)
    if not chosen or not len(runs):
        return None
    weights = _stop_weights(chosen)
    votes = [_near(photo, path) for photo in chosen]
    pieces = _pieces(chosen, weights, votes, runs)
    if pieces is None:
        return None
    edges, scores = pieces
    prior = _Prior(legal_offset_s)
    mass = np.exp(scores) * np.diff(prior.cumulative(edges))
    peak = int(mass.argmax())
    best_s = float(edges[peak] + edges[peak + 1]) / 2
    in_window = (edges[1:] > best_s - WINDOW_S) & (edges[:-1] < best_s + WINDOW_S)
    days_off = ~in_window & _is_whole_days((edges[1:] + edges[:-1]) / 2 - best_s)
    worse = np.maximum(scores[peak] - scores[days_off], 0)
    mass[days_off] *= np.exp((1 - DAYS_DIFFER) * worse)
    odds = TOGETHER * float(mass[in_window].sum())
    if odds < MIN_POSTERIOR * (TOGETHER * float(mass.sum()) + 1 - TOGETHER):
        return None
    return _refined(chosen, weights, path, best_s)


def _is_whole_days(seconds: _Floats) -> NDArray[np.bool_]:
    """Whether times are whole days, give or take `WINDOW_S`."""
    is_whole: NDArray[np.bool_]
    is_whole = np.abs((seconds + _DAY_S / 2) % _DAY_S - _DAY_S / 2) < WINDOW_S
    return is_whole


def _spread(count: int) -> list[int]:
    """At most `MAX_PHOTOS` of so many, evenly."""
    step = max(count / MAX_PHOTOS, 1)
    return [int(i * step) for i in range(min(count, MAX_PHOTOS))]


def _runs(path: UtcPath) -> _Floats:
    """The times in which the path is known, [n, 2]."""
    ends = np.flatnonzero(np.diff(path.utc_s) > MAX_GAP_S)
    first = np.concatenate([[0], ends + 1]) if len(path.utc_s) else np.zeros(0, int)
    last = np.concatenate([ends, [len(path.utc_s) - 1]]) if len(path.utc_s) else first
    runs = np.stack([path.utc_s[first], path.utc_s[last]], axis=1)
    return runs[runs[:, 1] > runs[:, 0]]


def _stop_weights(photos: Sequence[ClockedPoint]) -> _Floats:
    """One for each stop, shared by its photos: forty photos of one square are one piece of news."""
    clock_s = np.array([photo.clock_s for photo in photos])
    lat = np.array([photo.point.lat for photo in photos])
    lon = np.array([photo.point.lon for photo in photos])
    weights = np.empty(len(photos))
    for i, photo in enumerate(photos):
        x_km, y_km = _flat_km(photo.point, lat, lon)
        near = np.hypot(x_km, y_km) <= NEAR_KM + photo.error_km
        weights[i] = 1 / np.sum(near & (np.abs(clock_s - photo.clock_s) <= SAME_STOP_S))
    return weights


def _flat_km(origin: Point, lat: _Floats, lon: _Floats) -> tuple[_Floats, _Floats]:
    """Positions on a plane around the origin; good enough for some 100 km."""
    east = _wrapped(lon - origin.lon) * np.cos(np.radians(origin.lat))
    return east * _KM_PER_DEGREE, (lat - origin.lat) * _KM_PER_DEGREE


def _steps_km(
    origin: Point, path: UtcPath, rows: NDArray[np.intp]
) -> tuple[_Floats, _Floats, _Floats, _Floats]:
    """Steps of a path on that plane: where those from these fixes begin, and how far they go.

    A step goes the short way: one on the other side of the earth must not cross the origin.
    """
    x_km, y_km = _flat_km(origin, path.lat[rows], path.lon[rows])
    east = _wrapped(path.lon[rows + 1] - path.lon[rows]) * np.cos(np.radians(origin.lat))
    north = path.lat[rows + 1] - path.lat[rows]
    return x_km, y_km, east * _KM_PER_DEGREE, north * _KM_PER_DEGREE


def _wrapped(degrees: _Floats) -> _Floats:
    """Differences of longitude, -180 to 180."""
    return (degrees + 180) % 360 - 180


def _near(photo: ClockedPoint, path: UtcPath) -> _Floats:
    """The times at which the path was near the photo, as disjoint intervals [n, 2]."""
    rows = _steps_at_latitude(path, photo.point.lat, NEAR_KM + photo.error_km)
    x_km, y_km, step_x, step_y = _steps_km(photo.point, path, rows)
    step_s = path.utc_s[rows + 1] - path.utc_s[rows]
    length_km = np.hypot(step_x, step_y)
    reach_km = NEAR_KM + photo.error_km + BEND * length_km
    # the part of each step within reach: |start + share * step| = reach, share from 0 to 1
    a = np.maximum(length_km**2, 1e-12)
    b = x_km * step_x + y_km * step_y
    inside = b**2 - a * (x_km**2 + y_km**2 - reach_km**2)
    root = np.sqrt(np.maximum(inside, 0))
    enter, leave = np.clip((-b - root) / a, 0, 1), np.clip((-b + root) / a, 0, 1)
    passes = (inside > 0) & (leave > enter) & (step_s <= MAX_GAP_S)
    times_s = path.utc_s[rows, None] + np.stack([enter, leave], axis=1) * step_s[:, None]
    return _union(times_s[passes])


def _steps_at_latitude(path: UtcPath, lat: float, km: float) -> NDArray[np.intp]:
    """The first fixes of the steps that can be near a latitude; most of a long track cannot."""
    one, other = path.lat[:-1], path.lat[1:]
    length_degrees = np.abs(other - one) + np.abs(_wrapped(np.diff(path.lon)))
    slack = km / _KM_PER_DEGREE + BEND * length_degrees
    return np.flatnonzero(
        (np.minimum(one, other) - slack <= lat) & (lat <= np.maximum(one, other) + slack)
    )


def _union(intervals: _Floats) -> _Floats:
    """Intervals in order of their starts as disjoint ones."""
    if not len(intervals):
        return intervals
    ends = np.maximum.accumulate(intervals[:, 1])
    is_first = np.concatenate([[True], intervals[1:, 0] > ends[:-1]])
    first = np.flatnonzero(is_first)
    last = np.concatenate([first[1:] - 1, [len(intervals) - 1]])
    return np.stack([intervals[first, 0], ends[last]], axis=1)


def _pieces(
    photos: Sequence[ClockedPoint], weights: _Floats, votes: Sequence[_Floats], runs: _Floats
) -> tuple[_Floats, _Floats] | None:
    """The score of every offset, which is constant between the offsets where it changes.

    Returns:
        Those offsets, [n + 1], and the scores between them, [n]; None if no photo agrees anywhere.
    """
    known_s = float(np.diff(runs, axis=1).sum())
    edges, changes = [], []
    for photo, weight, near in zip(photos, weights, votes, strict=True):
        elsewhere = weight * np.log(APART)
        edges.append((runs - photo.clock_s).ravel())
        changes.append(np.tile([elsewhere, -elsewhere], len(runs)))
        if len(near):
            share = min(max(float(np.diff(near, axis=1).sum()) / known_s, 1e-6), 0.99)
            agrees = weight * np.log((1 - APART) / share) - elsewhere
            edges.append((near - photo.clock_s).ravel())
            changes.append(np.tile([agrees, -agrees], len(near)))
    if not any(map(len, votes)):
        return None
    at, change = np.concatenate(edges), np.concatenate(changes)
    order = np.argsort(at, kind="stable")
    return at[order], np.minimum(np.cumsum(change[order])[:-1], 500.0)


class _Prior:
    """What the clocks of cameras show, before any evidence; the shares are guesses."""

    LEGAL, ANY_ZONE, HALF_DAYS, ANY = 0.55, 0.25, 0.12, 0.08
    SCALE_S = 90.0
    """Clocks that are set are right to a few minutes."""
    YEARS_S = 25 * 365.25 * 86_400
    """Clocks that were never set are this many years off at most, to either side."""

    def __init__(self, legal_offset_s: float | None) -> None:
        zones = -np.arange(-12 * 3600.0, 14 * 3600.0 + 1, 900.0)
        self._parts: list[tuple[float, _Floats]] = [(self.ANY_ZONE, zones)]
        if legal_offset_s is not None:
            half_days = np.array([-86_400.0, -43_200.0, -3600.0, 3600.0, 43_200.0, 86_400.0])
            self._parts += [
                (self.LEGAL, np.array([-legal_offset_s])),
                (self.HALF_DAYS, half_days - legal_offset_s),
            ]

    def cumulative(self, offsets_s: _Floats) -> _Floats:
        """The probability of a smaller offset, [n]."""
        total = self.ANY * np.clip(offsets_s / (2 * self.YEARS_S) + 0.5, 0, 1)
        for share, centres in self._parts:
            for centre in centres:
                away = (offsets_s - centre) / self.SCALE_S
                tail = 0.5 * np.exp(-np.abs(away))
                total += share / len(centres) * np.where(away < 0, tail, 1 - tail)
        return total


def _refined(
    photos: Sequence[ClockedPoint], weights: _Floats, path: UtcPath, best_s: float
) -> ClockOffset | None:
    """The offset with which the photos are nearest to the path, around one that is nearly right."""
    offsets_s = np.arange(best_s - WINDOW_S, best_s + WINDOW_S, _STEP_S)
    log_likelihood = np.zeros(len(offsets_s))
    agree = np.zeros(len(offsets_s), int)
    for photo, weight in zip(photos, weights, strict=True):
        km, reach_km = _distances_km(photo, path, offsets_s)
        # a Cauchy distribution: photos that were taken elsewhere count little
        log_likelihood -= weight * np.where(np.isnan(km), 0, np.log1p((km / reach_km) ** 2))
        agree += km <= reach_km
    best = int(log_likelihood.argmax())
    good = offsets_s[log_likelihood >= log_likelihood[best] - _CONFIDENT]
    error_s = max(float(good[-1] - good[0]) / 2, _STEP_S)
    if error_s > WINDOW_S / 2:
        return None
    return ClockOffset(float(good[0] + good[-1]) / 2, error_s, int(agree[best]))


def _distances_km(
    photo: ClockedPoint, path: UtcPath, offsets_s: _Floats
) -> tuple[_Floats, _Floats]:
    """How far the path is from a photo at each offset, and what is near there; NaN if unknown."""
    times_s = photo.clock_s + offsets_s
    after = np.clip(np.searchsorted(path.utc_s, times_s), 1, len(path.utc_s) - 1)
    before = after - 1
    step_s = path.utc_s[after] - path.utc_s[before]
    share = (times_s - path.utc_s[before]) / np.maximum(step_s, 1e-9)
    x_km, y_km, step_x, step_y = _steps_km(photo.point, path, before)
    km = np.hypot(x_km + share * step_x, y_km + share * step_y)
    is_known = (share >= 0) & (share <= 1) & (step_s <= MAX_GAP_S)
    reach_km = NEAR_KM / 3 + photo.error_km + BEND * np.hypot(step_x, step_y)
    return np.where(is_known, km, np.nan), reach_km
