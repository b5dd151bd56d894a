"""Photos nearby in time as evidence: gaps, flights, other cameras, wrong clocks."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from geotagger.evidence.album_tree import Fix
from geotagger.evidence.camera_gps import (
    APART_UNKNOWN,
    CLOCK_HOURS,
    FLOOR,
    MAX_GAP_HOURS,
    AlbumSource,
    Neighbour,
    gap_text,
    neighbours,
    reach,
)
from geotagger.evidence.source import LoadedPhoto
from geotagger.geography.sphere import EARTH_RADIUS_KM, haversine_km
from geotagger.images.decode import decode
from geotagger.metadata.read import read
from geotagger.metadata.sidecar import sidecar_with
from geotagger.types import Photo, Point
from tests.fixtures import xmps
from tests.fixtures.trips import trip

PARIS = Point(48.857, 2.352)
PHONE, CAMERA = "Apple iPhone 15", "NIKON D90"


@pytest.fixture
def source(places):
    return AlbumSource(places)


ELSEWHERE = Photo(Path("elsewhere/x.jpg"), Path("elsewhere"))


def save(path, taken_at, gps=None, camera=PHONE, serial=""):
    exif = Image.Exif()
    exif[0x0110] = camera
    exif.get_ifd(0x8769).update(
        {0x9003: taken_at, 0xA431: serial} if serial else {0x9003: taken_at}
    )
    if gps:
        lat = (int(gps.lat), round(gps.lat % 1 * 60, 4), 0.0)
        lon = (int(gps.lon), round(gps.lon % 1 * 60, 4), 0.0)
        exif.get_ifd(0x8825).update({1: "N", 2: lat, 3: "E", 4: lon})
    Image.new("RGB", (32, 24), "grey").save(path, exif=exif)


def shot_of(path):
    data = path.read_bytes()
    return LoadedPhoto(Photo(path, path.parent), read(data), lambda side_px: decode(data, side_px))


def test_a_minute_apart_is_the_same_town(belief, source):
    prediction = belief.decide([source.evidence([Neighbour("a.jpg", 1 / 60, PARIS)])])
    assert (prediction.place.city, prediction.level) == ("Paris", "city")
    assert prediction.radius_km < 30


def test_certainty_falls_with_the_gap(belief, source):
    radii = [
        belief.decide([source.evidence([Neighbour("a.jpg", hours, PARIS)])]).radius_km
        for hours in (0.1, 1, 3, 8)
    ]
    assert radii == sorted(radii)
    assert radii[-1] > 5 * radii[0]


def test_before_and_after_in_two_cities_leaves_both_open(places, source):
    lyon = Point(45.76, 4.84)
    found = [Neighbour("a.jpg", 2.0, PARIS), Neighbour("b.jpg", 2.0, lyon)]
    values = source.evidence(found).log_likelihood
    rows = places.nearest_rows([PARIS.lat, lyon.lat, 40.4], [PARIS.lon, lyon.lon, -3.7])
    assert abs(values[rows[0]] - values[rows[1]]) < 1.0
    assert values[rows[2]] < values[rows[0]] - 2


def test_nothing_is_impossible(source):
    values = source.evidence([Neighbour("a.jpg", 0.01, PARIS)]).log_likelihood
    assert np.isfinite(values).all()
    anywhere = np.log(FLOOR / (2 * EARTH_RADIUS_KM**2))
    assert values.min() >= anywhere - 1e-3
    assert values.max() - anywhere < 22


def test_reach_is_a_density_over_the_globe():
    km = np.linspace(0.5, 20_000, 40_000)
    for gap in (0.0, 0.5, 4.0, 12.0):
        ring = 2 * np.pi * 6371 * np.sin(km / 6371)
        total = np.sum(reach(km, gap) * ring) * (km[1] - km[0]) / (2 * np.pi)
        assert total == pytest.approx(1, abs=0.08)


def test_the_nearest_on_both_sides_count_and_the_photo_itself_does_not():
    fixes = [Fix(at, f"{at}.jpg", PARIS, folder=Path()) for at in (0.0, 100.0, 200.0, 90_000.0)]
    found = neighbours(fixes, 120.0, ELSEWHERE)
    assert [neighbour.name for neighbour in found] == ["100.0.jpg", "200.0.jpg"]
    assert [n.name for n in neighbours(fixes, 100.0, Photo(Path("100.0.jpg"), Path()))] == [
        "0.0.jpg",
        "200.0.jpg",
    ]
    assert neighbours(fixes, 90_000.0 + MAX_GAP_HOURS * 3600 * 2, ELSEWHERE) == []


def test_neighbours_in_the_folder_place_a_photo(tmp_path, source, belief):
    save(tmp_path / "1.jpg", "2024:05:05 10:00:00", PARIS)
    save(tmp_path / "2.jpg", "2024:05:05 10:04:00")
    (evidence,) = source.weigh([source.prepare(shot_of(tmp_path / "2.jpg"))])
    assert evidence.reason == "album: 1.jpg, 4 min apart, has GPS"
    assert belief.decide([evidence]).place.city == "Paris"


def test_its_own_gps_is_no_evidence(tmp_path, source):
    save(tmp_path / "1.jpg", "2024:05:05 10:00:00", PARIS)
    assert source.prepare(shot_of(tmp_path / "1.jpg")) is None


def test_another_camera_counts_less_and_is_named(tmp_path, source):
    save(tmp_path / "1.jpg", "2024:05:05 10:00:00", PARIS, camera=PHONE)
    save(tmp_path / "2.jpg", "2024:05:05 10:01:00", camera=CAMERA)
    (near,) = source.prepare(shot_of(tmp_path / "2.jpg"))
    assert (near.name, near.camera, near.apart) == ("1.jpg", PHONE, APART_UNKNOWN)
    assert near.gap_hours == pytest.approx(CLOCK_HOURS + 1 / 60)
    said = source.evidence([near]).reason
    assert said == f"album: 1.jpg of {PHONE}, 60 s apart if its clock is right, has GPS"


def test_its_own_positions_count_before_those_of_another_camera(tmp_path, source):
    save(tmp_path / "1.jpg", "2024:05:05 10:00:00", PARIS, camera=PHONE)
    save(tmp_path / "2.jpg", "2024:05:05 10:01:00", camera=CAMERA)
    save(tmp_path / "3.jpg", "2024:05:05 10:20:00", Point(45.76, 4.84), camera=CAMERA)
    (near,) = source.prepare(shot_of(tmp_path / "2.jpg"))
    assert (near.name, near.camera) == ("3.jpg", "")


def test_a_nameless_camera_has_no_companions(tmp_path, source):
    save(tmp_path / "1.jpg", "2024:05:05 10:00:00", PARIS, camera=PHONE)
    save(tmp_path / "2.jpg", "2024:05:05 10:01:00", camera="")
    assert source.prepare(shot_of(tmp_path / "2.jpg")) is None


def test_positions_in_sidecars_are_evidence_but_predictions_there_are_none(tmp_path, source):
    for name in ("1.jpg", "2.jpg", "3.jpg"):
        save(tmp_path / name, f"2024:05:05 10:0{name[0]}:00")
    (tmp_path / "1.jpg.xmp").write_bytes(xmps.located("48,51.42N", "2,21.12E"))
    (tmp_path / "3.xmp").write_bytes(sidecar_with(None, replace(xmps.TAGS, compat=True)))
    (near,) = source.prepare(shot_of(tmp_path / "2.jpg"))
    assert (near.name, near.point) == ("1.jpg", PARIS)
    assert source.prepare(shot_of(tmp_path / "1.jpg")) is None


def test_photos_without_time_or_neighbours_say_nothing(tmp_path, source):
    save(tmp_path / "1.jpg", "2024:05:05 10:00:00", PARIS)
    save(tmp_path / "2.jpg", "0000:00:00 00:00:00")
    save(tmp_path / "3.jpg", "2024:06:05 10:00:00")
    assert source.prepare(shot_of(tmp_path / "2.jpg")) is None
    assert source.prepare(shot_of(tmp_path / "3.jpg")) is None


def on_trips(places, belief, source, rng, **how):
    """Of the photos without GPS that have neighbours: (share inside the 90 % radius, median km)."""
    inside, km = [], []
    for _ in range(12):
        photos = trip(places, rng, **how)
        fixes = [Fix(p.at.timestamp(), str(i), p.gps) for i, p in enumerate(photos) if p.gps]
        for photo in photos[::6]:
            found = [] if photo.gps else neighbours(fixes, photo.at.timestamp(), ELSEWHERE)
            if found:
                prediction = belief.decide([source.evidence(found)])
                point = prediction.point
                away = haversine_km(point.lat, point.lon, photo.truth.lat, photo.truth.lon)
                inside.append(away <= prediction.radius_km)
                km.append(away)
    return np.mean(inside), np.median(km)


@pytest.mark.parametrize("gps_share", [0.6, 0.1])
def test_on_trips_the_radius_holds_and_most_are_near(places, belief, source, gps_share):
    rng = np.random.default_rng(7)
    inside, median_km = on_trips(places, belief, source, rng, gps_share=gps_share)
    assert inside >= 0.85
    assert median_km < 15


def test_a_clock_that_is_hours_off_moves_both_alike(places, belief, source):
    rng = np.random.default_rng(8)
    wrong = timedelta(hours=-7)
    inside, _ = on_trips(places, belief, source, rng, gps_share=0.3, clock_error=wrong)
    assert inside >= 0.85


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


def test_one_fix_on_each_side_and_no_more():
    fixes = [Fix(600.0 * i, f"{i}.jpg", Point(i, i)) for i in range(6)]
    assert [n.name for n in neighbours(fixes, 1500.0, ELSEWHERE)] == ["2.jpg", "3.jpg"]
    assert [n.name for n in neighbours(fixes, -10.0, ELSEWHERE)] == ["0.jpg"]
    assert [n.name for n in neighbours(fixes, 9000.0, ELSEWHERE)] == ["5.jpg"]
    assert [n.name for n in neighbours(fixes, 0.0, ELSEWHERE)] == ["0.jpg", "1.jpg"]


def test_two_that_agree_count_as_less_than_two(places):
    """The two ends of one gap are not independent: together they are the root of two of one."""
    one, other = Neighbour("a.jpg", 1.0, PARIS), Neighbour("b.jpg", 1.0, PARIS)
    alone = AlbumSource(places).evidence([one]).log_likelihood
    both = AlbumSource(places).evidence([one, other]).log_likelihood
    np.testing.assert_allclose(both, np.sqrt(2) * alone, rtol=1e-4)


def test_neighbours_with_gps_count_with_their_full_weight(source):
    assert source.evidence([Neighbour("a.jpg", 1.0, PARIS)]).weight == 1.0
