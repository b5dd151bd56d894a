"""Which dates are read, and which are impossible."""

from datetime import UTC, datetime, timedelta

import pytest

from geotagger.times.dates import is_possible, iso_time, iso_time_with_zone, iso_utc


@pytest.mark.parametrize(
    ("text", "offset", "expected"),
    [
        ("2019:07:14 18:03:22", "", "2019-07-14T18:03:22"),
        ("2019:07:14 18:03:22.5", "+02:00", "2019-07-14T18:03:22+02:00"),
        ("2019:07:14 18:03:22", "nonsense", "2019-07-14T18:03:22"),
        ("1955:06:01 12:00:00", "", "1955-06-01T12:00:00"),
        ("0000:00:00 00:00:00", "", ""),
        ("1970:01:01 00:00:00", "", ""),
        ("1970:01:01 00:00:12", "", ""),
        ("1904:01:01 00:00:00", "", ""),
        ("2999:01:01 00:00:00", "", ""),
        ("2019:07:14", "", ""),
        ("2019:07:14 18:03", "", ""),
        ("", "", ""),
    ],
)
def test_dates_of_exif(text, offset, expected):
    assert iso_time(text, offset) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2019-07-14T18:03:22.123+02:00", "2019-07-14T18:03:22+02:00"),
        ("2019-07-14T18:03:22+0200", "2019-07-14T18:03:22+02:00"),
        ("2019-07-14T18:03:22Z", "2019-07-14T18:03:22Z"),
        ("2019-07-14T18:03", "2019-07-14T18:03:00"),
        ("2019-07-14", "2019-07-14"),
        ("2019:07:14 18:03:22.000", "2019-07-14T18:03:22"),
        ("2019-07-14T18:03:22+99:00", "2019-07-14T18:03:22"),
        ("1970-01-01T00:00:00Z", ""),
        ("2019-02-30T10:00:00", ""),
        ("2019", ""),
        ("yesterday", ""),
    ],
)
def test_dates_of_xmp_and_videos(text, expected):
    assert iso_time_with_zone(text) == expected


@pytest.mark.parametrize("seconds", [0, 30, 1e18, -1e18, -5e9, 4e10])
def test_seconds_that_are_no_time(seconds):
    assert iso_utc(seconds) == ""


def test_seconds_since_1970_are_utc():
    assert iso_utc(1563120202) == "2019-07-14T16:03:22Z"
    assert iso_utc(-100_000_000) == "1966-10-31T14:13:20Z"


def test_tomorrow_may_be_another_time_zone_and_the_day_after_may_not():
    now = datetime.now(UTC)
    assert is_possible(now + timedelta(hours=14))
    assert not is_possible(now + timedelta(hours=25))
    assert is_possible((now + timedelta(hours=14)).replace(tzinfo=None))
