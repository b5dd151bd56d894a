"""A camera's clock by its photos with GPS and a track: found where it can be, else unknown."""

import numpy as np
import pytest

from geotagger.times.clock_offset import ClockedPoint, estimate_clock_offset
from geotagger.tracks.fixes import FixCollector
from geotagger.tracks.index import TrackIndex
from geotagger.types import Point
from tests.fixtures.tracks import START_S

HOUR_S = 3600.0


def trip(days=2, seed=0):
    """Walks of eight hours a day, a fix each 20 s: (seconds, lat, lon)."""
    rng = np.random.default_rng(seed)
    fixes, lat, lon = [], 48.85, 2.35
    for day in range(days):
        bearing = 0.0
        for step in range(8 * 180):
            bearing += rng.normal(0, 0.3)
            lat += 1.3 * 20 * np.cos(bearing) / 111_200
            lon += 1.3 * 20 * np.sin(bearing) / 73_000
            fixes.append((START_S + 86_400 * day + 20 * step, lat, lon))
    return fixes


def index_of(fixes):
    collector = FixCollector()
    for fix in fixes:
        collector.add(*fix)
    return TrackIndex([("a.gpx", collector.table())])


def estimated(photos, index):
    return estimate_clock_offset(photos, index.path(), 7200.0)


def photos_of(fixes, clock_ahead_s, count=12, seed=1, noise_m=10):
    rng = np.random.default_rng(seed)
    chosen = sorted(rng.choice(len(fixes), count, replace=False))
    noise = rng.normal(0, noise_m / 111_200, (count, 2))
    return [
        ClockedPoint(fixes[i][0] + clock_ahead_s, Point(fixes[i][1] + dy, fixes[i][2] + dx))
        for i, (dy, dx) in zip(chosen, noise, strict=True)
    ]


@pytest.mark.parametrize(
    "clock_ahead_s",
    [
        2 * HOUR_S,
        HOUR_S,
        3 * HOUR_S - 137,
        14 * HOUR_S,
        26 * HOUR_S,
        -10 * HOUR_S,
        -7.3 * 365 * 86_400,
        0,
    ],
)
def test_the_offset_is_found_within_a_minute(clock_ahead_s):
    fixes = trip()
    fit = estimated(photos_of(fixes, clock_ahead_s), index_of(fixes))
    assert abs(fit.offset_s + clock_ahead_s) < 30
    assert fit.photos >= 6
    assert fit.error_s < 60


def test_some_photos_elsewhere_do_no_harm():
    fixes = trip()
    photos = photos_of(fixes, HOUR_S)
    photos += [ClockedPoint(START_S + 100 * i, Point(40.0 + i, 2.0)) for i in range(9)]
    assert abs(estimated(photos, index_of(fixes)).offset_s + HOUR_S) < 30


def test_no_photo_on_the_track_is_unknown():
    fixes = trip()
    far = [ClockedPoint(START_S + 60 * i, Point(10.0, 10.0 + i)) for i in range(10)]
    assert estimated(far, index_of(fixes)) is None
    assert estimated([], index_of(fixes)) is None


def test_photos_of_one_long_stay_are_unknown():
    stay = [(START_S + 20 * i, 48.85, 2.35) for i in range(1500)]
    assert estimated(photos_of(stay, HOUR_S), index_of(stay)) is None


def test_clocks_of_two_people_are_unknown():
    fixes = trip()
    mixed = photos_of(fixes, HOUR_S, 6) + photos_of(fixes, -5 * HOUR_S, 6, seed=9)
    assert estimated(mixed, index_of(fixes)) is None
