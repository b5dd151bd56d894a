"""The time zone of a point, and the UTC offsets that were legal."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from geotagger.geography.distance_text import distance_text
from geotagger.geography.time_zones import TimeZones, legal_offsets
from geotagger.types import Point


@pytest.fixture(scope="module")
def zones(places):
    return TimeZones(places)


@pytest.mark.parametrize(
    ("point", "name"),
    [
        (Point(48.86, 2.35), "Europe/Paris"),
        (Point(40.71, -74.0), "America/New_York"),
        (Point(27.7, 85.32), "Asia/Kathmandu"),
        (Point(-36.85, 174.76), "Pacific/Auckland"),
        (Point(-33.45, -70.67), "America/Santiago"),
    ],
)
def test_the_zone_of_a_point(zones, point, name):
    assert zones.at(point).key == name


@pytest.mark.parametrize("point", [Point(0.0, -30.0), Point(90.0, 0.0), Point(-90.0, 180.0)])
def test_at_sea_and_at_the_poles_there_is_one_too(zones, point):
    assert zones.at(point).key


def test_all_offsets_of_a_day_are_tried(zones):
    summer = zones.offsets(datetime.fromisoformat("2019-07-01T12:00"))
    hours = {offset / timedelta(hours=1) for offset in summer}
    assert {2.0, -7.0, 5.5, 5.75, 14.0, -11.0} <= hours
    assert len(summer) < 45
    assert list(summer) == sorted(summer)


def test_the_hour_that_comes_twice_has_two_offsets():
    paris = ZoneInfo("Europe/Paris")
    twice, once = map(datetime.fromisoformat, ("2025-10-26T02:30", "2025-10-26T12:00"))
    assert legal_offsets(paris, twice) == {timedelta(hours=1), timedelta(hours=2)}
    assert legal_offsets(paris, once) == {timedelta(hours=1)}


@pytest.mark.parametrize(
    ("km", "text"),
    [(0, "0 m"), (0.0136, "14 m"), (0.9994, "999 m"), (0.9996, "1.0 km"), (9.94, "9.9 km"),
     (9.96, "10 km"), (1234.4, "1,234 km")],
)  # fmt: skip
def test_distances_in_words(km, text):
    assert distance_text(km) == text
