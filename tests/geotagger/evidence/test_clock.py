"""The camera's clock as evidence: offsets, summer time, clocks that tell nothing."""

from datetime import datetime

import numpy as np
import pytest

from geotagger.evidence.clock import SUMMER_TIME_FORGOTTEN, TRUST, Clock, ClockSource, read_clock
from geotagger.types import PhotoMetadata, SourceNote


@pytest.fixture(scope="module")
def source(places, belief):
    return ClockSource(places, belief.log_prior)


def likelihood(source, places, taken_at, zone, gps_time=""):
    """How likely the clock is in one zone, compared with the likeliest one."""
    clock = read_clock(PhotoMetadata(taken_at=taken_at, gps_time=gps_time))
    values = source.evidence(clock).log_likelihood
    row = np.flatnonzero(places.zone == places.zone_names.index(zone))[0]
    return float(np.exp(values[row] - values.max()))


def test_summer_and_winter_time_are_told_apart(source, places):
    summer, winter = "2024-07-01T12:00:00+02:00", "2024-01-15T12:00:00+02:00"
    assert likelihood(source, places, summer, "Europe/Berlin") == 1
    assert likelihood(source, places, winter, "Europe/Berlin") < 0.25
    assert likelihood(source, places, winter, "Europe/Athens") == 1
    assert likelihood(source, places, winter, "Africa/Johannesburg") == 1


@pytest.mark.parametrize(
    ("taken_at", "zone"),
    [
        ("2024-06-15T09:00:00+05:30", "Asia/Kolkata"),
        ("2024-06-15T09:00:00+05:45", "Asia/Kathmandu"),
        ("2024-06-15T09:00:00+12:45", "Pacific/Chatham"),
        ("2024-01-15T09:00:00-03:30", "America/St_Johns"),
        ("2024-06-15T09:00:00+14:00", "Pacific/Kiritimati"),
        ("2024-06-15T09:00:00+09:30", "Australia/Darwin"),
    ],
)
def test_odd_offsets_point_at_their_countries(source, places, taken_at, zone):
    assert likelihood(source, places, taken_at, zone) == 1
    assert likelihood(source, places, taken_at, "Europe/Paris") < 0.2


def test_gps_time_tells_the_offset_where_the_camera_does_not():
    existing = PhotoMetadata(taken_at="2017-10-03T10:58:29", gps_time="2017-10-03T14:58:14")
    assert read_clock(existing) == Clock(read_clock(existing).local, -240, from_gps=True)


@pytest.mark.parametrize(
    ("taken_at", "gps_time"),
    [
        ("", ""),
        ("2024-05-05T10:00:00", ""),  # local time alone
        ("2000-01-01T00:00:12+01:00", ""),  # before there were offsets
        ("2015-01-01T00:03:00+01:00", ""),  # a clock that was never set
        ("2024-05-05T10:00:00", "2024-05-05T08:07:30"),  # half way between two quarters
        ("2008-10-22T16:46:53", "2008-10-23T14:45:20"),  # a day apart: one of the two is wrong
    ],
)
def test_clocks_that_tell_nothing(taken_at, gps_time):
    assert read_clock(PhotoMetadata(taken_at=taken_at, gps_time=gps_time)) is None


def test_an_offset_that_no_land_keeps_is_no_evidence(source):
    clock = read_clock(PhotoMetadata(taken_at="2024-05-05T10:00:00+13:30"))
    assert source.evidence(clock) is None


def test_utc_is_trusted_less(source, places):
    berlin = likelihood(source, places, "2024-01-15T12:00:00+00:00", "Europe/Berlin")
    tokyo_clock = likelihood(source, places, "2024-01-15T12:00:00+09:00", "Europe/Berlin")
    assert berlin > tokyo_clock


def test_the_clock_moves_the_belief_and_says_so(source, belief):
    evidence = source.evidence(read_clock(PhotoMetadata(taken_at="2024-07-01T12:00:00+05:45")))
    prediction = belief.decide([evidence])
    assert prediction.place.country_code == "NP"
    assert prediction.evidence == (SourceNote("clock", "clock +05:45"),)


def probability(source, places, clock, zone):
    """P(offset | a place of the zone)."""
    row = np.flatnonzero(places.zone == places.zone_names.index(zone))[0]
    return float(np.exp(source.evidence(clock).log_likelihood[row]))


@pytest.mark.parametrize("hours", [2, -5])
def test_an_hour_off_is_summer_time_forgotten_and_more_is_not(source, places, hours):
    """On either side, and on both halves of the globe."""
    clock = Clock(datetime(2024, 1, 15, 12), 60 * hours)  # noqa: DTZ001 as on the camera
    zones = {2: ("Africa/Johannesburg", "Africa/Lagos", "Asia/Baghdad", "Asia/Tokyo")}
    zones[-5] = ("America/Lima", "America/Costa_Rica", "America/Caracas", "Asia/Tokyo")
    right, before, behind, far = (probability(source, places, clock, zone) for zone in zones[hours])
    assert before - far == pytest.approx(SUMMER_TIME_FORGOTTEN, rel=1e-3)
    assert behind - far == pytest.approx(SUMMER_TIME_FORGOTTEN, rel=1e-3)
    assert right - far == pytest.approx(TRUST, rel=1e-3)


@pytest.mark.parametrize(
    ("utc", "offset"),
    [
        ("2024-05-05T22:00:00Z", -720),
        ("2024-05-04T20:00:00Z", 840),
        ("2024-05-05T22:00:10Z", None),
        ("2024-05-04T19:59:50Z", None),
    ],
)
def test_offsets_from_the_first_to_the_last_on_earth(utc, offset):
    clock = read_clock(PhotoMetadata(taken_at="2024-05-05T10:00:00", gps_time=utc))
    assert (clock.offset_minutes if clock else None) == offset


def test_the_clock_counts_with_its_full_weight(source):
    clock = Clock(datetime(2024, 1, 15, 12), 120)  # noqa: DTZ001 as on the camera
    assert source.evidence(clock).weight == 1.0
