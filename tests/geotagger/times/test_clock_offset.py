"""Clocks of cameras against a phone or a track, on simulated trips."""

import numpy as np
import pytest

from geotagger.times import clock_offset
from geotagger.times.clock_offset import ClockedPoint, UtcPath, _Prior, estimate_clock_offset
from geotagger.types import Point
from tests.fixtures.walks import (
    FLIGHT_KM_PER_S,
    FLORENCE,
    NEW_YORK,
    RIDE_KM_PER_S,
    ROME,
    START_S,
    Commute,
    Way,
)

HOUR_S, DAY_S = 3600.0, 86_400.0
LEGAL_S = 2 * HOUR_S
YEARS_S = 23 * 365.25 * DAY_S
ERRORS = {
    "right": 0.0,
    "an hour ahead": HOUR_S,
    "an hour behind": -HOUR_S,
    "half a day": 12 * HOUR_S,
    "a day": -24 * HOUR_S,
    "time of home": -6 * HOUR_S,
    "never set": -YEARS_S,
    "three minutes": 180.0,
    "anything": 4321.0,
}


def error_of(found, clock_error_s):
    """How wrong the estimate is, seconds."""
    return found.offset_s + LEGAL_S + clock_error_s


@pytest.mark.parametrize("error_s", ERRORS.values(), ids=ERRORS)
def test_a_wrong_clock_is_found_within_a_minute_where_there_are_photos_enough(error_s):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        way = Way(rng)
        path = way.path(rng, 300)
        found = estimate_clock_offset(way.photos(rng, 60, error_s), path, LEGAL_S)
        assert abs(error_of(found, error_s)) < 60
        assert abs(error_of(found, error_s)) <= 2 * found.error_s
        assert found.photos > 30


@pytest.mark.parametrize("error_s", [0.0, HOUR_S, -YEARS_S])
def test_what_is_found_from_few_photos_is_as_wrong_as_it_says(error_s):
    for seed in range(6):
        rng = np.random.default_rng(seed)
        way = Way(rng)
        path = way.path(rng, 120)
        found = estimate_clock_offset(way.photos(rng, 25, error_s), path, LEGAL_S)
        assert found is None or abs(error_of(found, error_s)) <= 2 * found.error_s


@pytest.mark.parametrize("error_s", [0.0, -6 * HOUR_S, DAY_S])
def test_over_rides_and_flights(error_s):
    rng = np.random.default_rng(1)
    way = Way(rng, days=5, then=((FLORENCE, RIDE_KM_PER_S), (NEW_YORK, FLIGHT_KM_PER_S)))
    path = way.path(rng, 250)
    found = estimate_clock_offset(way.photos(rng, 60, error_s), path, LEGAL_S)
    assert abs(error_of(found, error_s)) < 60


def test_a_clock_that_drifts_by_seconds_a_day_still_fits():
    rng = np.random.default_rng(2)
    way = Way(rng)
    path = way.path(rng, 300)
    photos = way.photos(rng, 60, HOUR_S, drift_s_per_day=4.0)
    found = estimate_clock_offset(photos, path, LEGAL_S)
    assert abs(error_of(found, HOUR_S)) < 60


def test_a_dense_track_needs_few_photos_even_for_years():
    rng = np.random.default_rng(3)
    way = Way(rng)
    times_s = np.arange(way.time_s[0], way.time_s[-1], 30.0)
    path = UtcPath(times_s, *way.at(times_s))
    found = estimate_clock_offset(way.photos(rng, 12, -YEARS_S), path, LEGAL_S)
    assert abs(error_of(found, -YEARS_S)) < 60


@pytest.mark.parametrize("later_s", [0.0, 30 * DAY_S])
def test_never_together_is_unknown(later_s):
    """Two people in the same town, in the same days or a month apart."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        one, other = Way(rng), Way(rng, start_s=START_S + later_s)
        assert estimate_clock_offset(other.photos(rng, 60), one.path(rng, 200), LEGAL_S) is None


def test_another_town_is_unknown():
    rng = np.random.default_rng(4)
    one, other = Way(rng), Way(rng, town=FLORENCE)
    assert estimate_clock_offset(other.photos(rng, 60), one.path(rng, 200), LEGAL_S) is None


def commutes_found(error_s, count=20):
    """What is found of commuters with a clock that is this far off."""
    for seed in range(count):
        rng = np.random.default_rng(seed)
        way = Commute(rng)
        path = way.path(rng, 200)
        yield estimate_clock_offset(way.photos(rng, 60, error_s), path, LEGAL_S)


def test_days_that_are_alike_do_not_make_a_clock_a_day_off():
    """At another day's offset nearly as many photos agree, sometimes more."""
    found = [one for one in commutes_found(0.0) if one is not None]
    assert len(found) >= 10
    assert all(abs(error_of(one, 0.0)) <= max(60, 2 * one.error_s) for one in found)


@pytest.mark.parametrize("error_s", [DAY_S, -DAY_S])
def test_where_days_are_alike_a_clock_that_is_a_day_off_is_mostly_unknown(error_s):
    found = list(commutes_found(error_s))
    wrong = [one for one in found if one and abs(error_of(one, error_s)) > HOUR_S]
    assert found.count(None) > 10
    assert len(wrong) <= 2


def test_one_place_all_the_time_is_unknown():
    """Anything fits a stay, and forty photos of it are one piece of news."""
    times_s = START_S + np.arange(0, 10 * HOUR_S, 600.0)
    path = UtcPath(times_s, np.full(len(times_s), ROME.lat), np.full(len(times_s), ROME.lon))
    photos = [ClockedPoint(START_S + LEGAL_S + 60.0 * i, ROME) for i in range(40)]
    assert estimate_clock_offset(photos, path, LEGAL_S) is None


def test_without_a_known_zone_the_offset_is_found_all_the_same():
    rng = np.random.default_rng(5)
    way = Way(rng)
    path = way.path(rng, 300)
    found = estimate_clock_offset(way.photos(rng, 60), path)
    assert abs(error_of(found, 0)) < 60


def test_some_positions_that_are_wrong_do_no_harm():
    rng = np.random.default_rng(6)
    way = Way(rng)
    path = way.path(rng, 300)
    photos = way.photos(rng, 60, HOUR_S)
    photos[::8] = [photo._replace(point=FLORENCE) for photo in photos[::8]]
    found = estimate_clock_offset(photos, path, LEGAL_S)
    assert abs(error_of(found, HOUR_S)) < 60


@pytest.mark.parametrize(
    ("photos", "fixes"),
    [(0, 0), (0, 10), (1, 0), (1, 1), (5, 1), (3, 2)],
)
def test_too_little_is_unknown(photos, fixes):
    times_s = START_S + 60.0 * np.arange(fixes)
    path = UtcPath(times_s, np.full(fixes, 41.9), np.full(fixes, 12.5))
    taken = [ClockedPoint(START_S, Point(41.9, 12.5))] * photos
    assert estimate_clock_offset(taken, path) is None


def test_across_the_antimeridian():
    fiji = Point(-16.8, 179.999)
    rng = np.random.default_rng(7)
    way = Way(rng, town=fiji)
    beyond, photos_beyond = way.path(rng, 300), way.photos(rng, 60)
    path = UtcPath(beyond.utc_s, beyond.lat, (beyond.lon + 180) % 360 - 180)
    photos = [
        photo._replace(point=Point(photo.point.lat, (photo.point.lon + 180) % 360 - 180))
        for photo in photos_beyond
    ]
    found = estimate_clock_offset(photos, path, LEGAL_S)
    assert abs(error_of(found, 0)) < 60
    without_a_line = estimate_clock_offset(photos_beyond, beyond, LEGAL_S)
    assert found.photos == without_a_line.photos
    assert found.offset_s == pytest.approx(without_a_line.offset_s)


@pytest.mark.parametrize("town", [Point(51.5, -0.12), Point(35.2, 5.0)], ids=["London", "Batna"])
def test_a_flight_on_the_other_side_of_the_earth_is_not_near(town):
    """On a plane around London, the way across the antimeridian is not one through London."""
    times_s = START_S + np.arange(0, 2 * DAY_S, 1200.0)
    share = np.clip((times_s - START_S - 20 * HOUR_S) / (10 * HOUR_S), 0, 1)
    lon = np.interp(share, [0, 1], [139.7, 241.8])
    flight = UtcPath(times_s, np.interp(share, [0, 1], [35.6, 34.0]), (lon + 180) % 360 - 180)
    photos = [
        ClockedPoint(START_S + DAY_S + 60 * i, Point(town.lat + 0.003 * i, town.lon), 0.02)
        for i in range(3)
    ]
    assert estimate_clock_offset(photos, flight, 3600.0) is None


@pytest.mark.parametrize("seed", range(4))
def test_no_step_that_is_near_is_left_out_for_its_latitude(seed, monkeypatch):
    rng = np.random.default_rng(seed)
    lat, lon = rng.normal(0, 0.02 * 4**seed, (2, 2000)).cumsum(axis=1)
    path = UtcPath(60.0 * np.arange(2000), np.clip(lat, -80, 80), (lon + 360) % 360 - 180)
    places = [Point(float(path.lat[i]), float(path.lon[i] + 0.001)) for i in range(0, 2000, 50)]
    photos = [ClockedPoint(0, place, error_km) for place in places for error_km in (0.0, 2.0)]
    found = [clock_offset._near(photo, path) for photo in photos]
    looked_at = [len(clock_offset._steps_at_latitude(path, place.lat, 0.15)) for place in places]
    assert np.mean(looked_at) < 200  # of 2,000
    monkeypatch.setattr(clock_offset, "_steps_at_latitude", lambda *_: np.arange(1999))
    for photo, near in zip(photos, found, strict=True):
        np.testing.assert_array_equal(near, clock_offset._near(photo, path))
    assert sum(map(len, found)) > 80


def likelier(prior, offset_s):
    """How much likelier an offset is than one that is seven minutes off."""
    edges_s = offset_s + np.array([-100.0, 100.0, 320.0, 520.0])
    below, above, off_below, off_above = prior.cumulative(edges_s)
    return (above - below) / (off_above - off_below)


@pytest.mark.parametrize("zone_h", [-12, -9.5, -3.5, 0, 5.75, 8, 9.5, 12.75, 14])
@pytest.mark.parametrize("legal_s", [None, 7200.0])
def test_a_clock_that_shows_a_zone_of_the_world_is_likelier_than_one_between_two(zone_h, legal_s):
    assert likelier(_Prior(legal_s), -3600 * zone_h) > 10


@pytest.mark.parametrize("ahead_h", [-24, -12, -1, 1, 12, 24])
def test_half_days_and_summer_time_are_likelier_still(ahead_h):
    legal = 7200.0 + 137 - 7 * 60  # of no zone
    assert likelier(_Prior(legal), -legal + 3600 * ahead_h) > 10
