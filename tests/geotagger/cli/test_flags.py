"""Values that flags turn into others."""

import click
import pytest

from geotagger.cli.flags import ClockOffsetType, TrackGapType
from geotagger.config import TrackGap


@pytest.mark.parametrize(
    ("text", "gap"),
    [
        ("10min", (600, 25)),
        ("10", (600, 25)),
        ("90s", (90, 25)),
        ("1.5h", (5400, 25)),
        ("2km", (1800, 2)),
        ("500m", (1800, 0.5)),
        ("10min,2km", (600, 2)),
        ("2KM, 45 s", (45, 2)),
    ],
)
def test_gaps(text, gap):
    assert TrackGapType().convert(text, None, None) == TrackGap(*gap)


@pytest.mark.parametrize("text", ["", "0min", "-5min", "5 weeks", "1min;2km", "km", "nan", "1e9s,"])
def test_what_is_no_gap(text):
    with pytest.raises(click.BadParameter, match="is not a gap such as 30min"):
        TrackGapType().convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("+01:00", 3600),
        ("-00:02:30", -150),
        ("12:34:56", 45_296),
        ("-90", -90),
        ("+7.5", 7.5),
        ("0", 0),
        ("-61320:00", -61_320 * 3600),  # seven years
    ],
)
def test_clock_offsets(text, seconds):
    assert ClockOffsetType().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "noon", "1:2", "01:60", "1h", "--5", "nan", "inf", "1e3"])
def test_what_is_no_clock_offset(text):
    with pytest.raises(click.BadParameter, match="is not ±HH:MM"):
        ClockOffsetType().convert(text, None, None)


@pytest.mark.parametrize("text", ["9999999:00", "-999999999999"])
def test_a_clock_is_less_than_a_century_off(text):
    with pytest.raises(click.BadParameter, match="more than a hundred years"):
        ClockOffsetType().convert(text, None, None)
