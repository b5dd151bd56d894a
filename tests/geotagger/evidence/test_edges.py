"""Edges of the clock and the album that the other tests stand back from."""

from datetime import datetime

import numpy as np
import pytest

from geotagger.evidence import camera_gps as album
from geotagger.evidence.camera_gps import (
    AlbumSource,
    Fix,
    Neighbour,
    gap_text,
    neighbours,
    timeline_of,
)
from geotagger.evidence.clock import SUMMER_TIME_FORGOTTEN, TRUST, Clock, ClockSource, read_clock
from geotagger.fusion.posterior import Belief
from geotagger.fusion.prior import Constants, log_prior
from geotagger.geography.places import load_places
from geotagger.pipeline.trips import MAX_GAP_DAYS, Anchor, NeighbourPropagation, nearest
from geotagger.types import PhotoMetadata, Point


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
    clock = read_clock(PhotoMetadata(taken_at="2024-05-05T10:00:00", gps_time=utc))
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
        return PhotoMetadata(Point(1, 2), taken_at="2024-05-05T10:00:00", camera="X")

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


PARIS = Point(48.857, 2.352)


def test_two_that_agree_count_as_less_than_two(places):
    """The two ends of one gap are not independent: together they are the root of two of one."""
    one, other = Neighbour("a.jpg", 1.0, PARIS), Neighbour("b.jpg", 1.0, PARIS)
    alone = AlbumSource(places).evidence([one]).log_likelihood
    both = AlbumSource(places).evidence([one, other]).log_likelihood
    np.testing.assert_allclose(both, np.sqrt(2) * alone, rtol=1e-4)


def anchor(places, name="a.jpg", at=0.0):
    countries = np.full(len(places.country_codes), 0.1 / len(places.country_codes), np.float32)
    countries[places.country_codes.index("FR")] = 0.9
    return Anchor(name, at, countries, PARIS, 0.6, "sign: Paris")


def test_two_signs_that_agree_count_as_less_than_two(places):
    roll = NeighbourPropagation(Belief(places))
    alone = roll.evidence([anchor(places)], 3600.0).log_likelihood
    both = roll.evidence([anchor(places), anchor(places, "b.jpg", 7200.0)], 3600.0).log_likelihood
    np.testing.assert_allclose(both, np.sqrt(2) * alone, rtol=1e-3, atol=1e-5)


def test_a_sign_of_the_same_second_counts_once(places):
    there = anchor(places, at=100.0)
    assert nearest([there], 100.0, "x.jpg") == [there]


def test_a_sign_of_just_the_largest_gap_counts(places):
    there, most = anchor(places), MAX_GAP_DAYS * 24 * 3600
    assert nearest([there], most, "x.jpg") == [there]
    assert nearest([there], most + 1, "x.jpg") == []


def test_clock_album_and_signs_weigh_as_much_as_they_say(places, source):
    clock = Clock(datetime(2024, 1, 15, 12), 120)  # noqa: DTZ001 as on the camera
    near = [Neighbour("a.jpg", 1.0, PARIS)]
    found = [source.evidence(clock), AlbumSource(places).evidence(near)]
    found.append(NeighbourPropagation(Belief(places)).evidence([anchor(places)], 3600.0))
    assert [evidence.weight for evidence in found] == [1.0, 1.0, 1.0]
