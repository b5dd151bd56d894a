"""Where a track was: between fixes, at its ends, in stays, of several tracks the best."""

import math

import numpy as np
import pytest

from geotagger.config import DEFAULT_TRACK_GAP, TrackGap
from geotagger.geography.sphere import haversine_km
from geotagger.tracks.fixes import FixCollector
from geotagger.tracks.index import WEEK_ROLLOVER_S, TrackIndex
from tests.fixtures.tracks import START_S, STEP_S, VISIT, WALK


def index_of(*walks, gap=DEFAULT_TRACK_GAP, accuracy_m=12.0):
    logs = []
    for number, walk in enumerate(walks):
        fixes = FixCollector()
        for fix in walk:
            fixes.add(*fix, accuracy_m)
        logs.append((f"{number}.gpx", fixes.table()))
    return TrackIndex(logs, gap)


def km(position, lat, lon):
    return haversine_km(position.point.lat, position.point.lon, lat, lon)


def test_at_a_fix_it_is_the_fix_with_its_accuracy():
    index = index_of(WALK)
    for seconds, lat, lon in WALK:
        position = index.at(seconds)
        assert km(position, lat, lon) < 1e-6
        assert position.radius_km == pytest.approx(2.146 * 12 / 1.515 / 1000, rel=0.01)


def test_between_two_fixes_it_is_in_proportion_and_wider():
    index = index_of(WALK)
    position = index.at(START_S + STEP_S / 3)
    assert position.is_between
    assert position.gap_s == STEP_S
    assert km(position, 48.8501, 2.350067) < 0.001
    assert index.at(START_S).radius_km < position.radius_km < 0.06


def test_a_clock_that_may_be_wrong_widens_by_what_was_walked_meanwhile():
    sure, unsure = (index_of(WALK).at(START_S + 100, error_s) for error_s in (0.0, 60.0))
    speed_m_per_s = 1000 * haversine_km(*WALK[0][1:], *WALK[1][1:]) / STEP_S
    expected = math.hypot(sure.radius_km, 2.146 * 60 * speed_m_per_s / 1000)
    assert unsure.radius_km == pytest.approx(expected, rel=0.01)
    assert unsure.point == sure.point


def test_the_way_is_the_great_circle():
    ends = [(0.0, 60.0, -170.0), (1000.0, 60.0, 170.0)]
    position = index_of(ends, gap=TrackGap(1000, 2000)).at(500.0)
    assert position.point.lat == pytest.approx(60.3775, abs=1e-3)  # north of the parallel
    assert abs(position.point.lon) == pytest.approx(180)


@pytest.mark.parametrize(
    ("gap", "is_between"), [((90, 5), True), ((80, 5), False), ((90, 0.1), False)]
)
def test_fixes_too_far_apart_in_time_or_space_are_not_joined(gap, is_between):
    two = [(0.0, 48.85, 2.35), (88.0, 48.852, 2.35)]  # 220 m
    position = index_of(two, gap=TrackGap(*gap)).at(40.0)
    if is_between:
        assert position.is_between
    else:  # near one of them if that is precise enough
        assert position is None or position.point.lat == 48.85


def test_before_and_after_it_is_where_it_began_and_ended_for_a_while():
    index = index_of(WALK)
    early, late = index.at(START_S - 60), index.at(WALK[-1][0] + 60)
    assert (early.point.lat, late.point.lat) == (WALK[0][1], WALK[-1][1])
    assert not early.is_between
    assert early.gap_s == late.gap_s == 60
    assert early.radius_km > 0.15  # it may have come from anywhere around
    assert index.at(START_S - 1801) is None
    assert index.at(WALK[-1][0] + 1801) is None
    assert index.at(WALK[-1][0] + 1799) is not None


def test_the_radius_before_and_after_grows_with_the_speed():
    ride = [(fix[0], 48.85 + 0.01 * i, 2.35) for i, fix in enumerate(WALK)]  # 37 m/s
    walk, car = (index_of(one).at(START_S - 120).radius_km for one in (WALK, ride))
    assert car > 10 * walk
    assert index_of(ride).at(START_S - 1700) is None  # by then it may be 60 km away


def test_the_speed_is_that_of_the_last_step_not_of_the_walk_before():
    """A train leaves, and its first fix is the last one of the track."""
    walk = [(0.0, 48.85, 2.35), (30.0, 48.85, 2.35), (60.0, 48.857, 2.35)]
    only_fast = walk[1:]
    after = [index_of(fixes).at(90.0).radius_km for fixes in (walk, only_fast)]
    assert after[0] == after[1] > 0.7  # 26 m/s for half a minute


def test_in_a_stay_it_is_its_place_however_long_it_was():
    fixes = FixCollector()
    fixes.add_stay(*VISIT, 100.0)
    index = TrackIndex([("t.json", fixes.table())])
    for seconds in (VISIT[0], VISIT[0] + 3600, VISIT[1]):
        position = index.at(seconds)
        assert position.is_stay
        assert (position.point.lat, position.point.lon) == VISIT[2:]
        assert 0.1 < position.radius_km < 0.2
    assert not index.at(VISIT[1] + 300).is_stay


def test_of_several_tracks_the_most_precise_counts():
    coarse, fine = FixCollector(), FixCollector()
    for seconds, lat, lon in WALK:
        coarse.add(seconds, lat + 0.001, lon, 300.0)
        fine.add(seconds, lat, lon, 12.0)
    index = TrackIndex([("coarse.json", coarse.table()), ("fine.gpx", fine.table())])
    assert {index.at(START_S + t).log for t in range(10, 290, 7)} == {"fine.gpx"}
    assert len(index) == 2 * len(WALK)


def test_receivers_behind_by_1024_weeks_are_found_and_named():
    old = [(seconds - WEEK_ROLLOVER_S, lat, lon) for seconds, lat, lon in WALK]
    position = index_of(old).at(START_S + 15)
    assert position.has_rolled_over
    assert km(position, 48.85015, 2.3501) < 0.001
    assert index_of(old).at(START_S + 86_400) is None
    assert not index_of(WALK).at(START_S + 15).has_rolled_over


def test_an_unknown_or_absurd_accuracy_is_a_usual_one():
    for accuracy_m in (float("nan"), 0.0, -5.0, float("inf")):
        assert 0.01 < index_of(WALK, accuracy_m=accuracy_m).at(START_S).radius_km < 0.05


def test_truth_is_inside_the_radius_nine_times_in_ten():
    """A random walk at 1.4 m/s, of which a fix a minute is kept."""
    rng = np.random.default_rng(3)
    inside = total = 0
    for _ in range(20):
        bearing = np.cumsum(rng.normal(0, 0.25, 1800))
        lat = 48.85 + np.cumsum(1.4 * np.cos(bearing)) / 111_200
        lon = 2.35 + np.cumsum(1.4 * np.sin(bearing)) / 111_200 / math.cos(math.radians(48.85))
        noise = rng.normal(0, 12 / 1.515 / 111_200, (2, 1800))
        kept = [
            (60.0 * k, lat[60 * k] + noise[0, k], lon[60 * k] + noise[1, k] * 1.52)
            for k in range(30)
        ]
        index = index_of(kept)
        for t in rng.integers(0, 29 * 60, 60):
            position = index.at(float(t))
            inside += km(position, lat[t], lon[t]) <= position.radius_km
            total += 1
    assert inside / total > 0.88
