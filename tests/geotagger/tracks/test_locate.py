"""The way from the camera's time to UTC, and from there to the track."""

import os
import time
from datetime import UTC, datetime, timedelta

import pytest

from geotagger.geography.time_zones import TimeZones
from geotagger.times.clock_offset import ClockOffset
from geotagger.tracks.fixes import FixCollector
from geotagger.tracks.index import TrackIndex
from geotagger.tracks.locate import OffTrackError, TrackLocator, offset_text
from geotagger.types import PhotoMetadata, TimeOrigin
from tests.fixtures.tracks import START_S, WALK

AT_S = START_S + 100
SINCE_START = 100 / 30


def index_of(walk):
    fixes = FixCollector()
    for fix in walk:
        fixes.add(*fix)
    return TrackIndex([("a.gpx", fixes.table())])


@pytest.fixture(scope="module")
def zones(places):
    return TimeZones(places)


@pytest.fixture
def locate(zones):
    def locate(taken_at, *, walk=WALK, offset_s=None, clock=None, **more):
        metadata = PhotoMetadata(taken_at=taken_at, **more)
        return TrackLocator(index_of(walk), zones, offset_s).locate(metadata, clock)

    return locate


def local(hours, seconds=AT_S, zone=""):
    moment = datetime.fromtimestamp(seconds, UTC) + timedelta(hours=hours)
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + zone


def is_right(found):
    return found.position.point.lat == pytest.approx(48.85 + 0.0003 * SINCE_START, abs=1e-6)


@pytest.mark.parametrize("zone", ["+02:00", "-07:00", "+05:45", "+00:00"])
def test_a_utc_offset_counts_whatever_the_place(locate, zone):
    sign = -1 if zone[0] == "-" else 1
    hours = sign * (int(zone[1:3]) + int(zone[4:]) / 60)
    found = locate(local(hours, zone=zone))
    assert is_right(found)
    assert found.time_from == f"UTC{zone}"


def test_local_time_alone_is_that_of_the_place_and_not_of_this_computer(locate, monkeypatch):
    for computer in ("Asia/Tokyo", "America/New_York"):
        monkeypatch.setitem(os.environ, "TZ", computer)
        time.tzset()
        found = locate(local(2))
        assert is_right(found)
        assert found.time_from == "local time of Europe/Paris"
    monkeypatch.undo()
    time.tzset()


def test_summer_time_ends_at_another_place_at_another_time(locate):
    winter = [(seconds + 180 * 86_400, lat, lon) for seconds, lat, lon in WALK]
    assert is_right(locate(local(1, AT_S + 180 * 86_400), walk=winter))
    boston = [(seconds, lat - 6.5, lon - 73.4) for seconds, lat, lon in WALK]
    assert locate(local(-4), walk=boston).time_from == "local time of America/New_York"


def test_utc_alone_is_utc(locate):
    found = locate(local(0, zone="Z"))
    assert is_right(found)
    assert found.time_from == "UTC"


def test_gps_time_beats_a_clock_that_is_minutes_off(locate):
    found = locate(local(2, AT_S + 130), gps_time=local(0, zone="Z"))
    assert is_right(found)
    assert found.time_from == "GPS time"
    assert found.position.radius_km < locate(local(2)).position.radius_km


def test_gps_time_of_an_old_fix_is_not_the_time_of_the_photo(locate):
    found = locate(local(2, zone="+02:00"), gps_time=local(-1, zone="Z"))
    assert is_right(found)
    assert found.time_from == "UTC+02:00"


@pytest.mark.parametrize(
    ("wrong_s", "zone"),
    [(150, ""), (-150, "+02:00"), (3600, ""), (43_200, ""), (-6 * 365 * 86_400, "")],
)
def test_a_given_clock_offset_is_added(locate, wrong_s, zone):
    found = locate(local(2, AT_S + wrong_s, zone), offset_s=-float(wrong_s))
    assert is_right(found)
    assert offset_text(-wrong_s) in found.time_from


def test_an_estimated_offset_counts_before_the_zone_of_the_place(locate):
    clock = ClockOffset(-7200 - 150, 4.0, 5)
    found = locate(local(2, AT_S + 150), clock=clock)
    assert is_right(found)
    assert found.time_from == "its clock, +02:02:30 from UTC by 5 photos with GPS"


@pytest.mark.parametrize(
    ("taken_at", "more", "words"),
    [
        ("", {}, "it has no time"),
        ("2019-07-01", {}, "only its day is known"),
        (local(2), {"time_origin": TimeOrigin.DIGITIZED}, "digitization"),
        (local(2, AT_S + 9000), {}, r"fix is 2 h away \(local time of Europe/Paris\)"),
        (local(2, AT_S - 86_400 * 9), {}, r"fix is 9 days away \(local time of Europe/Paris\)"),
        (local(2, zone="+05:00"), {}, r"the nearest fix is 3 h away \(UTC\+05:00\)"),
        (local(9), {}, "fix is 7 h away .*; the track has its time with --clock-offset -07:00:00"),
    ],
)
def test_what_is_not_on_a_track_says_why(locate, taken_at, more, words):
    with pytest.raises(OffTrackError, match=words):
        locate(taken_at, **more)


def test_the_offset_that_it_asks_for_is_right(locate):
    assert is_right(locate(local(9), offset_s=-7 * 3600.0))


def test_the_hour_that_comes_twice_is_not_guessed(locate):
    """26 October 2025, 2:30 in Paris, is 0:30 UTC and 1:30 UTC."""
    twice_s = datetime(2025, 10, 26, 0, 30, tzinfo=UTC).timestamp()
    both = [(twice_s + 60 * i, 48.85 + 0.001 * i, 2.35) for i in range(-5, 70)]
    with pytest.raises(OffTrackError, match="fits two places"):
        locate(local(2, twice_s), walk=both)
    stayed = [(twice_s + 60 * i, 48.85, 2.35) for i in range(-5, 70)]
    assert locate(local(2, twice_s), walk=stayed).position.point.lat == 48.85
    assert locate(local(2, twice_s, "+02:00"), walk=both).position.point.lat == 48.85


def test_only_a_clock_without_utc_and_given_offset_needs_an_estimate(zones):
    track = index_of(WALK)
    without, given = TrackLocator(track, zones), TrackLocator(track, zones, 0.0)
    assert without.needs_clock(PhotoMetadata(taken_at=local(2)))
    assert not given.needs_clock(PhotoMetadata(taken_at=local(2)))
    for taken_at in (local(2, zone="+02:00"), local(0, zone="Z"), "", "2019-07-01"):
        assert not without.needs_clock(PhotoMetadata(taken_at=taken_at))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "+00:00:00"), (-150, "-00:02:30"), (45_296, "+12:34:56"), (90_000, "+25:00:00")],
)
def test_offsets_as_text(seconds, text):
    assert offset_text(seconds) == text
