"""Edges of the clock and the album that the other tests stand back from."""

from datetime import datetime

import numpy as np
import pytest

from geotagger.evidence import album
from geotagger.evidence.album import Fix, gap_text, neighbours, timeline_of
from geotagger.evidence.clock import SUMMER_TIME_FORGOTTEN, TRUST, Clock, ClockSource, read_clock
from geotagger.places import load_places
from geotagger.prior import Constants, log_prior
from geotagger.records import Existing, Point


@pytest.fixture(scope="module")
def places():
    return load_places()


@pytest.fixture(scope="module")
def source(places):
    return ClockSource(places, log_prior(places, Constants.load()))


def told(source, places, clock, zone):
    """P(offset | a place of the zone)."""
    row = np.flatnonzero(places.zone == places.zone_names.index(zone))[0]
    return float(np.exp(source.evidence(clock).log_likelihood[row]))


@pytest.mark.parametrize("hours", [2, -5])
def test_an_hour_off_is_summer_time_forgotten_and_more_is_not(source, places, hours):
    """On either side, and on both halves of the globe."""
    clock = Clock(datetime(2024, 1, 15, 12), 60 * hours)  # noqa: DTZ001 as on the camera
    zones = {2: ("Africa/Johannesburg", "Africa/Lagos", "Asia/Baghdad", "Asia/Tokyo")}
    zones[-5] = ("America/Lima", "America/Costa_Rica", "America/Caracas", "Asia/Tokyo")
    right, before, behind, far = (told(source, places, clock, zone) for zone in zones[hours])
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
    clock = read_clock(Existing(taken_at="2024-05-05T10:00:00", gps_time=utc))
    assert (clock.offset_minutes if clock else None) == offset


@pytest.mark.parametrize(
    ("hours", "text"),
    [
        (119 / 3600, "119 s"),
        (2 / 60, "2 min"),
        (119 / 60, "119 min"),
        (2, "2 h"),
        (47, "47 h"),
        (48, "2 days"),
    ],
)
def test_gaps_in_words(hours, text):
    assert gap_text(hours) == text


def test_a_folder_of_just_the_most_photos_is_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr(album, "MAX_FOLDER_PHOTOS", 2)
    seen = []

    def head(path):
        seen.append(path.name)
        return Existing(Point(1, 2), taken_at="2024-05-05T10:00:00", camera="X")

    monkeypatch.setattr(album, "read_head", head)
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(b"x")
    assert [fix.name for fix in timeline_of(tmp_path)["X", ""]] == ["a.jpg", "b.jpg"]
    (tmp_path / "c.jpg").write_bytes(b"x")
    assert timeline_of(tmp_path) == {}
    assert seen == ["a.jpg", "b.jpg"]


def test_one_fix_on_each_side_and_no_more():
    fixes = [Fix(600.0 * i, f"{i}.jpg", Point(i, i)) for i in range(6)]
    assert [n.name for n in neighbours(fixes, 1500.0, "")] == ["2.jpg", "3.jpg"]
    assert [n.name for n in neighbours(fixes, -10.0, "")] == ["0.jpg"]
    assert [n.name for n in neighbours(fixes, 9000.0, "")] == ["5.jpg"]
    assert [n.name for n in neighbours(fixes, 0.0, "")] == ["0.jpg", "1.jpg"]
