"""Several devices in one folder tree: together or not, with clocks that are right or wrong."""

from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image

from geotagger.evidence import album_trees
from geotagger.evidence.album_tree import (
    AlbumTree,
    Companion,
    DatedFix,
    Fix,
    Period,
    camera_of,
    read_tree,
)
from geotagger.evidence.album_trees import AlbumTrees
from geotagger.evidence.camera_gps import APART, AlbumSource, clock_text, of_other_cameras
from geotagger.evidence.source import LoadedPhoto
from geotagger.geography.time_zones import TimeZones
from geotagger.images.scan import walk
from geotagger.metadata.read_file import read_head
from geotagger.pipeline.prepare import with_findings
from geotagger.reasons import ReasonCode
from geotagger.times.capture_time import capture_time
from geotagger.times.clock_offset import ClockOffset
from geotagger.types import Outcome, Photo, PhotoMetadata, Point
from tests.fixtures import jpegs, raws
from tests.fixtures.walks import FLORENCE, ROME, START_S, Way

PHONE, CAMERA = ("Apple iPhone 15", ""), ("NIKON D90", "")
HOUR_S, LEGAL_S = 3600.0, 7200.0


@pytest.fixture(scope="module")
def zones(places):
    return TimeZones(places)


def save(path, clock_s, camera, point=None, offset=""):
    """A photo whose camera showed this time, with GPS and the UTC offset of Rome in summer."""
    exif = Image.Exif()
    exif[0x0110] = camera[0]
    local = datetime.fromtimestamp(clock_s, UTC).strftime("%Y:%m:%d %H:%M:%S")
    exif.get_ifd(0x8769).update({0x9003: local} | ({0x9011: offset} if offset else {}))
    if point:
        lat, lon = ((abs(x), 0.0, 0.0) for x in (point.lat, point.lon))
        exif.get_ifd(0x8825).update({1: "N", 2: lat, 3: "E", 4: lon})
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8)).save(path, exif=exif)


def trip(folder, rng, phone_way, camera_way, error_s, with_gps=25):
    """Photos of a phone and, in the folder beside it, of a camera some of which have GPS."""
    path = phone_way.path(rng, 200)
    for i, (at_s, lat, lon) in enumerate(zip(path.utc_s, path.lat, path.lon, strict=True)):
        name = folder / "phone" / f"IMG_{i}.jpg"
        save(name, at_s + LEGAL_S, PHONE, Point(lat, lon), "+02:00")
    for i, photo in enumerate(camera_way.photos(rng, 2 * with_gps, error_s)):
        point = None if i % 2 else photo.point
        save(folder / "camera" / f"DSC_{i}.jpg", photo.clock_s, CAMERA, point)


def loaded(path, root):
    return LoadedPhoto(Photo(path, root), read_head(path), lambda _: None)


@pytest.mark.parametrize(
    "error_s", [0.0, HOUR_S, -12 * HOUR_S, 24 * HOUR_S, -23 * 365.25 * 24 * HOUR_S]
)
def test_the_clock_of_a_camera_is_found_and_the_phone_places_its_photos(
    tmp_path, places, zones, error_s
):
    rng = np.random.default_rng(1)
    way = Way(rng, days=3)
    trip(tmp_path, rng, way, way, error_s)
    tree = read_tree(walk([tmp_path]), zones)
    (period,) = tree.periods[CAMERA]
    ((companion, clock),) = period.companions
    assert companion == PHONE
    assert abs(clock.offset_s + LEGAL_S + error_s) < 120

    source, km, remarks = AlbumSource(places), [], set()
    for i in range(1, 50, 2):
        photo = loaded(tmp_path / "camera" / f"DSC_{i}.jpg", tmp_path)
        found = source.prepare(photo)
        remarks.update(photo.remarks)
        if not found or not found[0].camera:  # a position of the camera itself is as near
            continue
        utc_s = capture_time(photo.metadata).clock_s + clock.offset_s
        lat, lon = way.at(utc_s)
        nearest = min(found, key=lambda near: near.gap_hours)
        assert (nearest.camera, nearest.apart) == (PHONE[0], APART)
        km.append(np.hypot(nearest.point.lat - lat, nearest.point.lon - lon) * 111)
    assert len(km) > 5
    assert np.median(km) < 1
    (remark,) = remarks
    assert remark.code is ReasonCode.CLOCK_OFFSET
    assert remark.detail == clock_text(CAMERA, clock)


def test_photos_of_a_camera_join_the_sequence_of_the_phone_by_its_clock(tmp_path, places):
    rng = np.random.default_rng(1)
    way = Way(rng, days=3)
    trip(tmp_path, rng, way, way, 12 * HOUR_S)
    source = AlbumSource(places)
    camera = loaded(tmp_path / "camera" / "DSC_0.jpg", tmp_path)
    phone = loaded(tmp_path / "phone" / "IMG_0.jpg", tmp_path)
    source.prepare(camera)
    source.prepare(phone)
    assert phone.moment is None
    assert camera.moment.sequence == ("camera", *PHONE)
    shown = capture_time(camera.metadata).clock_s
    assert abs(camera.moment.at_s - (shown - 12 * HOUR_S)) < 120


def test_of_two_phones_one_counts_the_time(tmp_path, places):
    rng = np.random.default_rng(5)
    way = Way(rng, days=3)
    for name, count in (("one", 120), ("two", 90)):
        path = way.path(rng, count)
        for i, (at_s, lat, lon) in enumerate(zip(path.utc_s, path.lat, path.lon, strict=True)):
            photo = tmp_path / name / f"{i}.jpg"
            save(photo, at_s + LEGAL_S, (name, ""), Point(lat, lon), "+02:00")
    source = AlbumSource(places)
    one = loaded(tmp_path / "one" / "0.jpg", tmp_path)
    two = loaded(tmp_path / "two" / "0.jpg", tmp_path)
    source.prepare(one)
    source.prepare(two)
    assert one.moment is None
    assert two.moment.sequence == ("camera", "one", "")
    assert two.moment.at_s == pytest.approx(capture_time(two.metadata).clock_s)
    assert not one.remarks
    assert not two.remarks


def test_three_devices_of_which_two_and_two_were_together():
    """The camera was with one phone, that one with the other: all are of one sequence."""
    one, two = ("one", ""), ("two", "")
    shown_s = START_S + LEGAL_S
    fix = Fix(shown_s, "1.jpg", ROME, utc_s=START_S)

    def period(companion, offset_s):
        clock = ClockOffset(offset_s, 10.0, 5)
        return [Period(shown_s, shown_s, [Companion(companion, clock)], is_told=True)]

    tree = AlbumTree(
        by_utc={one: [DatedFix(START_S, fix)], two: [DatedFix(START_S, fix)]},
        periods={CAMERA: period(one, -LEGAL_S - 60), one: period(two, 0.0), two: period(one, 0.0)},
        ranks={CAMERA: (False, 9, CAMERA), one: (True, 9, one), two: (True, 10, two)},
    )
    time = capture_time(PhotoMetadata(taken_at="2023-07-01T10:26:40"))
    assert tree.moment(CAMERA, time) == (("camera", *two), shown_s - 60, True)
    assert tree.moment(two, time) is None


def test_cameras_that_were_never_together_say_nothing_about_each_other(tmp_path, places):
    rng = np.random.default_rng(2)
    trip(tmp_path, rng, Way(rng, days=3), Way(rng, days=3, town=FLORENCE), 0.0)
    photo = loaded(tmp_path / "camera" / "DSC_1.jpg", tmp_path)
    found = AlbumSource(places).prepare(photo)
    assert not photo.remarks
    assert photo.moment is None
    assert all(near.camera == "" for near in found or ())


def test_a_clock_that_was_set_between_two_trips_has_two_offsets(tmp_path, zones):
    rng = np.random.default_rng(3)
    for name, start_s, error_s in (("May", START_S, 0.0), ("June", START_S + 3e6, HOUR_S)):
        way = Way(rng, start_s=start_s, days=3)
        trip(tmp_path / name, rng, way, way, error_s)
    first, second = read_tree(walk([tmp_path]), zones).periods[CAMERA]
    assert abs(first.companions[0].clock.offset_s + LEGAL_S) < 120
    assert abs(second.companions[0].clock.offset_s + LEGAL_S + HOUR_S) < 120


def test_a_camera_without_positions_is_compared_by_the_time_of_the_place(tmp_path, places):
    """The phone states UTC; the camera shows what clocks there show."""
    save(tmp_path / "phone" / "1.jpg", START_S + LEGAL_S, PHONE, ROME, "+02:00")
    save(tmp_path / "camera" / "2.jpg", START_S + LEGAL_S + 600, CAMERA)
    (near,) = AlbumSource(places).prepare(loaded(tmp_path / "camera" / "2.jpg", tmp_path))
    assert near.gap_hours == pytest.approx(1 + 1 / 6)


@pytest.mark.parametrize(("error_s", "count"), [(0.0, 0), (HOUR_S, 0), (12 * HOUR_S, 60)])
def test_a_camera_without_positions_that_takes_photos_at_night_is_not_compared(
    tmp_path, places, error_s, count
):
    """Its clock is hours off, so that it would be compared with the wrong half of the day."""
    rng = np.random.default_rng(1)
    way = Way(rng, days=3)
    trip(tmp_path, rng, way, way, error_s, with_gps=30)
    source, alone = AlbumSource(places), 0
    for i in range(60):
        photo = tmp_path / "camera" / f"DSC_{i}.jpg"
        save(photo, capture_time(read_head(photo)).clock_s, CAMERA)
    for i in range(60):
        alone += source.prepare(loaded(tmp_path / "camera" / f"DSC_{i}.jpg", tmp_path)) is None
    assert alone >= count
    assert alone <= count + 5


def test_a_known_offset_is_used_for_a_camera_of_which_nothing_else_is_known(tmp_path, places):
    save(tmp_path / "phone" / "1.jpg", START_S + LEGAL_S, PHONE, ROME, "+02:00")
    save(tmp_path / "camera" / "2.jpg", START_S + LEGAL_S + 50 * HOUR_S, CAMERA)
    photo = loaded(tmp_path / "camera" / "2.jpg", tmp_path)
    assert AlbumSource(places).prepare(photo) is None
    (near,) = AlbumSource(places, clock_offset_s=-50 * HOUR_S).prepare(photo)
    assert near.gap_hours == pytest.approx(0)
    phone = loaded(tmp_path / "phone" / "1.jpg", tmp_path)
    assert AlbumSource(places, clock_offset_s=-50 * HOUR_S).prepare(phone) is None


def test_what_a_source_found_besides_the_place_stays_with_the_photo(tmp_path, places):
    rng = np.random.default_rng(1)
    way = Way(rng, days=3)
    trip(tmp_path, rng, way, way, HOUR_S)
    photo = loaded(tmp_path / "camera" / "DSC_0.jpg", tmp_path)
    AlbumSource(places).prepare(photo)
    outcome = with_findings(Outcome(photo.photo), photo)
    assert outcome.moment.sequence == ("camera", *PHONE)
    assert [reason.code for reason in outcome.reasons] == [ReasonCode.CLOCK_OFFSET]


def test_two_phones_are_compared_by_utc(tmp_path, places):
    save(tmp_path / "a" / "1.jpg", START_S + LEGAL_S, PHONE, ROME, "+02:00")
    save(tmp_path / "b" / "2.jpg", START_S + 600, ("Pixel 8", ""), offset="+00:00")
    (near,) = AlbumSource(places).prepare(loaded(tmp_path / "b" / "2.jpg", tmp_path))
    assert near.gap_hours == pytest.approx(1 / 6)


def test_the_same_camera_in_a_folder_beside_it(tmp_path, places):
    save(tmp_path / "jpg" / "1.jpg", START_S, CAMERA, ROME)
    save(tmp_path / "raw" / "1.jpg", START_S, CAMERA)
    (near,) = AlbumSource(places).prepare(loaded(tmp_path / "raw" / "1.jpg", tmp_path))
    assert (near.gap_hours, near.point) == (0, ROME)


def test_folders_above_what_was_scanned_are_not_read(tmp_path, places):
    save(tmp_path / "phone" / "1.jpg", START_S, PHONE, ROME)
    save(tmp_path / "camera" / "2.jpg", START_S, CAMERA)
    source = AlbumSource(places)
    assert source.prepare(loaded(tmp_path / "camera" / "2.jpg", tmp_path / "camera")) is None
    file = tmp_path / "camera" / "2.jpg"
    assert AlbumSource(places).prepare(loaded(file, file)) is None


def test_a_tree_that_is_too_large_gives_way_to_a_smaller_one(tmp_path, places, monkeypatch):
    for name in ("a/1.jpg", "a/2.jpg", "b/3.jpg"):
        save(tmp_path / name, START_S, CAMERA, ROME)
    photo = Photo(tmp_path / "a" / "1.jpg", tmp_path)

    def names():
        return [fix.name for fix in AlbumTrees(places).of(photo).timelines.get(CAMERA, ())]

    assert names() == ["1.jpg", "2.jpg", "3.jpg"]
    monkeypatch.setattr(album_trees, "MAX_TREE_PHOTOS", 2)
    assert names() == ["1.jpg", "2.jpg"]
    monkeypatch.setattr(album_trees, "MAX_TREE_PHOTOS", 1)
    assert names() == ["1.jpg", "2.jpg"]
    monkeypatch.setattr(album_trees, "MAX_FOLDER_PHOTOS", 1)
    assert names() == []


def test_each_head_is_read_once(tmp_path, places, monkeypatch):
    for name in ("a/1.jpg", "b/2.jpg"):
        save(tmp_path / name, START_S, CAMERA, ROME)
    read = []
    original = album_trees.read_tree
    monkeypatch.setattr(
        album_trees, "read_tree", lambda photos, zones: read.append(1) or original(photos, zones)
    )
    trees = AlbumTrees(places)
    for photo in walk([tmp_path]):
        trees.of(photo)
    assert read == [1]


def test_only_so_many_trees_are_kept(tmp_path, places):
    for i in range(12):
        save(tmp_path / str(i) / "1.jpg", START_S, CAMERA, ROME)
    trees = AlbumTrees(places)
    for i in range(12):
        folder = tmp_path / str(i)
        trees.of(Photo(folder / "1.jpg", folder))
    kept = [tree for tree in trees._trees.values() if tree is not None]
    assert len(kept) == album_trees.TREES_KEPT


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.dng", raws.tiff_like(b"", gps=True)),
        ("a.rw2", raws.tiff_like(b"", b"IIU\0", gps=True)),
        ("a.cr3", raws.cr3(b"", gps=True)),
        ("a.raf", raws.fuji(jpegs.photo(jpegs.exif(raws.tiff_block(raw=False, gps=True))))),
    ],
)
def test_camera_raw_has_positions_too(tmp_path, zones, name, data):
    (tmp_path / name).write_bytes(data)
    ((fix,),) = read_tree(walk([tmp_path]), zones).timelines.values()
    assert fix.name == name


def test_predictions_and_photos_without_time_are_no_fixes(tmp_path, zones):
    save(tmp_path / "1.jpg", START_S, CAMERA)
    Image.new("RGB", (8, 8)).save(tmp_path / "2.jpg")
    tree = read_tree(walk([tmp_path]), zones)
    assert tree.timelines == {}
    assert tree.periods == {}


def test_a_time_of_utc_is_compared_by_utc_with_companions():
    fix = Fix(START_S + LEGAL_S, "1.jpg", ROME, utc_s=START_S)
    wrong = Companion(PHONE, ClockOffset(-9000.0, 10.0, 5))
    tree = AlbumTree(
        by_utc={PHONE: [DatedFix(START_S, fix)]},
        periods={CAMERA: [Period(START_S, START_S, [wrong], is_told=True)]},
    )
    stated = capture_time(PhotoMetadata(taken_at="2023-07-01T10:26:40+02:00"))
    found, clock = of_other_cameras(tree, CAMERA, stated)
    assert clock is None
    assert found[0].gap_hours == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("offset_s", "text"),
    [
        (-7212.0, "2 h 0 min 12 s ahead of UTC (within 40 s)"),
        (3600.0, "1 h 0 min 0 s behind UTC (within 40 s)"),
        (725_817_600.0, "8,400 days 16 h 0 min 0 s behind UTC (within 40 s)"),
    ],
)
def test_offsets_in_words(offset_s, text):
    assert clock_text(CAMERA, ClockOffset(offset_s, 40.0, 3)) == f"the clock of NIKON D90 is {text}"


def test_model_and_serial_are_the_camera():
    assert camera_of(PhotoMetadata(camera="X", camera_serial="1")) == ("X", "1")
