"""Whole runs with a track: found, written as measured, kept from guesses, taken back."""

import csv
import hashlib
import json
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from geotagger.config import Overwrite, RunOptions, TrackGap
from geotagger.errors import UsageError
from geotagger.evaluation import verification
from geotagger.geography.sphere import haversine_km
from geotagger.metadata.containers.locate import xmp_packet
from geotagger.metadata.read import read
from geotagger.metadata.sidecar import with_sidecars
from geotagger.metadata.xmp.prediction import gps_in, prediction_in
from geotagger.output.untag import run as untag
from geotagger.pipeline.run import run
from geotagger.types import PhotoMetadata
from tests.fixtures import jpegs, tracks
from tests.fixtures.bundles import make_bundle
from tests.fixtures.jpegs import ASCII, RATIONAL, rationals
from tests.fixtures.tracks import START_S, WALK

TRUTH = (48.8506, 2.3504)
"""Where the walk was a minute after its start."""


def photo(seconds=START_S + 60, hours=2, offset="", gps=None):
    """A JPEG of a camera; its clock shows UTC plus `hours`."""
    taken_at = datetime.fromtimestamp(seconds + 3600 * hours, UTC).strftime("%Y:%m:%d %H:%M:%S")
    exif = {0x9003: (ASCII, taken_at.encode() + b"\0")}
    if offset:
        exif[0x9011] = (ASCII, offset.encode() + b"\0")
    tags = None
    if gps:
        lat, lon = (
            rationals("<", int(v), int(v % 1 * 60), round(v % 1 * 60 % 1 * 60)) for v in gps
        )
        tags = {1: (ASCII, b"N\0"), 2: (RATIONAL, lat), 3: (ASCII, b"E\0"), 4: (RATIONAL, lon)}
    return jpegs.photo(jpegs.exif(jpegs.tiff(exif_ifd=exif, gps=tags)))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return make_bundle(tmp_path_factory.mktemp("bundles") / "tiny")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "walk.gpx").write_text(tracks.gpx())
    return tmp_path / "photos"


@pytest.fixture
def options(bundle, folder, tmp_path):
    return RunOptions(
        paths=(folder,),
        reports=(tmp_path / "r.jsonl",),
        models=(str(bundle.path),),
        read_text=False,
        workers=2,
        tracks=(tmp_path / "walk.gpx",),
    )


@pytest.fixture
def tag(options, tmp_path):
    def tag(**more):
        run(replace(options, **more))
        lines = (tmp_path / "r.jsonl").read_text("utf-8").splitlines()
        return {Path(cells["path"]).name: cells for cells in map(json.loads, lines)}

    return tag


def metres(point, truth=TRUTH):
    return 1000 * haversine_km(point.lat, point.lon, *truth)


def sha256_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_photo_on_the_track_is_reported_as_measured(folder, tag):
    (folder / "on.jpg").write_bytes(photo())
    (folder / "off.jpg").write_bytes(photo(START_S + 86_400))
    rows = tag()
    on, off = rows["on.jpg"], rows["off.jpg"]
    assert on["measured_by"] == "track"
    assert (on["status"], on["level"], on["city"]) == ("predicted", "city", "Paris")
    assert (on["lat"], on["lon"]) == pytest.approx(TRUTH, abs=2e-6)
    assert 0.01 < on["radius_km"] < 0.2
    assert "local time of Europe/Paris" in on["evidence"]
    assert off["measured_by"] == ""
    assert "off_track" in [reason["code"] for reason in off["reasons"]]
    assert "not on a track: the nearest fix is 24 h away" in off["note"]


def test_it_is_written_as_measured_by_a_track_and_taken_back(folder, tag):
    file = folder / "on.jpg"
    file.write_bytes(photo())
    before = sha256_of(file)
    assert tag(write_exif=True)["on.jpg"]["status"] == "tagged"
    data = file.read_bytes()
    metadata = read(data)
    assert metadata.gps_is_from_track
    assert not metadata.gps_is_prediction
    assert metres(metadata.gps) < 0.2
    assert 0.01 < metadata.gps_error_km < 0.2
    xmp = prediction_in(xmp_packet(data))
    assert (xmp.kind, xmp.model, xmp.alternatives) == ("track", "", ())
    assert b"Measured place" in data
    assert b"Predicted place" not in data
    assert b"PREDICTED" not in data
    assert untag((folder,), lambda _: None)["restored"] == 1
    assert sha256_of(file) == before


def test_other_programs_read_it_back_as_a_measurement(folder, tag):
    if not shutil.which("exiftool") or not shutil.which("exiv2"):
        pytest.skip("exiftool or exiv2 is not installed")
    file = folder / "on.jpg"
    file.write_bytes(photo())
    tag(write_exif=True)
    command = ["exiftool", "-j", "-n", "-G1", "-gps:all", "-xmp-geotagger:all", str(file)]
    (tags,) = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert tags["GPS:GPSProcessingMethod"] == "GPS TRACK"
    assert tags["GPS:GPSStatus"] == "A"
    assert "TRACK position by geotagger" in tags["GPS:GPSAreaInformation"]
    assert tags["XMP-geotagger:Kind"] == "track"
    assert tags["GPS:GPSLatitude"] == pytest.approx(TRUTH[0], abs=1e-6)
    exiv2 = subprocess.run(["exiv2", "-Pkt", str(file)], capture_output=True, check=False)
    assert b"GPS TRACK" in exiv2.stdout
    assert b"Measurement in progress" in exiv2.stdout


def test_a_second_run_writes_nothing(folder, tag):
    file = folder / "on.jpg"
    file.write_bytes(photo())
    tag(write_exif=True)
    before = sha256_of(file)
    for overwrite in Overwrite:
        cells = tag(write_exif=True, overwrite=overwrite)["on.jpg"]
        assert cells["status"] == "tagged"
        assert "holds this prediction already" in cells["note"]
        assert sha256_of(file) == before


def test_a_guess_never_replaces_a_track(folder, tag):
    file = folder / "on.jpg"
    file.write_bytes(photo())
    tag(write_exif=True)
    before = sha256_of(file)
    guess = {"tracks": (), "min_confidence": 0.01, "max_radius_km": 20_000.0}
    for more in ({"write_exif": True}, {"sidecar": True}):
        cells = tag(overwrite=Overwrite.PREDICTED, **more, **guess)["on.jpg"]
        assert "has the position of a track, which is measured and kept" in cells["note"]
        assert sha256_of(file) == before
        assert list(folder.iterdir()) == [file]
    cells = tag(write_exif=True, overwrite=Overwrite.ALWAYS, **guess)["on.jpg"]
    assert cells["status"] == "tagged"
    assert read(file.read_bytes()).gps_is_prediction


def test_a_better_track_replaces_a_track_only_if_told_to(folder, tag):
    """The clock was an hour slow, and the first run did not know."""
    file = folder / "on.jpg"
    file.write_bytes(photo(START_S + 120))
    before = sha256_of(file)
    tag(write_exif=True)
    wrong = sha256_of(file)
    fixed = {"write_exif": True, "clock_offset_s": -60.0}
    assert "an earlier track position" in tag(**fixed)["on.jpg"]["note"]
    assert sha256_of(file) == wrong
    assert tag(overwrite=Overwrite.PREDICTED, **fixed)["on.jpg"]["status"] == "tagged"
    assert metres(read(file.read_bytes()).gps) < 0.2
    untag((folder,), lambda _: None)
    assert sha256_of(file) == before


def test_a_track_replaces_a_guess_if_told_to(folder, tag):
    file = folder / "on.jpg"
    file.write_bytes(photo())
    before = sha256_of(file)
    tag(write_exif=True, tracks=(), min_confidence=0.01, max_radius_km=20_000.0)
    assert read(file.read_bytes()).gps_is_prediction
    assert "an earlier prediction" in tag(write_exif=True)["on.jpg"]["note"]
    tag(write_exif=True, overwrite=Overwrite.PREDICTED)
    assert read(file.read_bytes()).gps_is_from_track
    untag((folder,), lambda _: None)
    assert sha256_of(file) == before


def test_the_own_gps_of_the_camera_is_kept_and_compared(folder, tag, options):
    near, far = folder / "near.jpg", folder / "far.jpg"
    near.write_bytes(photo(gps=TRUTH))
    far.write_bytes(photo(gps=(48.86, 2.36)))
    before = {file: sha256_of(file) for file in (near, far)}
    rows = tag(write_exif=True)
    assert {name: cells["gps_check"] for name, cells in rows.items()} == {
        "near.jpg": "agree",
        "far.jpg": "far",
    }
    assert rows["far.jpg"]["gps_distance_km"] == pytest.approx(1.26, abs=0.02)
    assert {file: sha256_of(file) for file in before} == before
    said = {}
    verification.run(
        replace(options, reports=()),
        lambda outcome, text: said.setdefault(outcome.photo.path.name, text),
    )
    assert said["near.jpg"].startswith("consistent: GPS (Paris, France) lies ")
    assert " m from the track, inside" in said["near.jpg"]
    assert said["far.jpg"].startswith(
        "inconsistent: GPS (Paris, France) lies 1.3 km from the track"
    )


def test_only_missing_skips_what_a_track_has_placed(folder, tag):
    (folder / "on.jpg").write_bytes(photo())
    tag(write_exif=True)
    assert tag(only_missing=True)["on.jpg"]["status"] == "skipped"


def test_a_sidecar_shows_the_position_to_other_programs(folder, tag):
    file, sidecar = folder / "on.jpg", folder / "on.jpg.xmp"
    file.write_bytes(photo())
    before = sha256_of(file)
    tag(sidecar=True)
    gps = gps_in(sidecar.read_bytes())
    assert gps.is_from_track
    assert not gps.is_prediction
    assert metres(gps.point) < 0.2
    found = with_sidecars(PhotoMetadata(), file)
    assert found.gps_is_from_track
    assert found.has_measured_gps
    written = sha256_of(sidecar)
    guess = {"tracks": (), "min_confidence": 0.01, "max_radius_km": 20_000.0}
    for more in ({"sidecar": True}, {"write_exif": True}):
        assert "kept" in tag(overwrite=Overwrite.PREDICTED, **guess, **more)["on.jpg"]["note"]
        assert sha256_of(sidecar) == written
    assert "earlier track position" in tag(sidecar=True, clock_offset_s=60.0)["on.jpg"]["note"]
    tag(sidecar=True, clock_offset_s=60.0, overwrite=Overwrite.PREDICTED)
    assert metres(gps_in(sidecar.read_bytes()).point) > 50
    tag(write_exif=True, overwrite=Overwrite.PREDICTED)
    assert not sidecar.exists()  # what the photo holds itself
    assert metres(read(file.read_bytes()).gps) < 0.2
    untag((folder,), lambda _: None)
    assert sha256_of(file) == before


def test_a_dry_run_says_what_it_would_do(folder, tag):
    file = folder / "on.jpg"
    file.write_bytes(photo())
    before = sha256_of(file)
    cells = tag(write_exif=True, dry_run=True)["on.jpg"]
    assert "would write GPS, region and keywords tags" in cells["note"]
    assert sha256_of(file) == before


def test_photos_with_gps_set_the_clock_of_a_camera_that_is_off(folder, tag, tmp_path):
    """The clock was 17 minutes fast and at home time, five hours behind."""
    walk = [(START_S + 30 * i, 48.85 + 0.0003 * i, 2.35 + 0.0002 * i) for i in range(120)]
    (tmp_path / "walk.gpx").write_text(tracks.gpx(walk))
    wrong = -3 + 17 / 60
    for i in (10, 30, 50, 70, 90, 110):
        seconds, *gps = walk[i]
        (folder / f"gps{i}.jpg").write_bytes(photo(seconds, wrong, gps=gps))
    (folder / "on.jpg").write_bytes(photo(hours=wrong))
    cells = tag()["on.jpg"]
    assert (cells["lat"], cells["lon"]) == pytest.approx(TRUTH, abs=3e-4)
    assert "by 6 photos with GPS" in cells["evidence"]


def test_a_changed_track_makes_the_run_anew(folder, tag, tmp_path):
    (folder / "on.jpg").write_bytes(photo())
    journal = tmp_path / "done.sqlite"
    first = tag(journal=journal)["on.jpg"]
    walk = [(seconds, lat + 1, lon) for seconds, lat, lon in WALK]
    (tmp_path / "walk.gpx").write_text(tracks.gpx(walk))
    second = tag(journal=journal)["on.jpg"]
    assert second["lat"] == pytest.approx(first["lat"] + 1, abs=1e-6)


def test_a_bad_track_stops_before_anything_is_read(folder, tag, tmp_path):
    (folder / "on.jpg").write_bytes(photo())
    (tmp_path / "walk.gpx").write_text("<gpx><trk")
    with pytest.raises(UsageError, match=r"walk\.gpx: its XML is damaged"):
        tag()
    assert not (tmp_path / "r.jsonl").exists()


def test_photos_on_a_track_place_their_neighbours_that_are_not(folder, tag):
    """A minute after the last fix of a short log, with a gap of ten seconds at most."""
    for i in range(3):
        (folder / f"{i}.jpg").write_bytes(photo(START_S + 60 * i))
    (folder / "later.jpg").write_bytes(photo(START_S + 1200))
    cells = tag(album=True, track_max_gap=TrackGap(60.0, 5.0))["later.jpg"]
    assert cells["measured_by"] == ""
    assert "is on a track" in cells["evidence"]
    assert cells["country_code"] == "FR"


def test_reports_of_every_format_hold_it(folder, options, tmp_path):
    (folder / "on.jpg").write_bytes(photo())
    reports = tuple(tmp_path / f"r.{suffix}" for suffix in ("csv", "geojson", "kml", "html"))
    run(replace(options, reports=reports))
    with reports[0].open(encoding="utf-8", newline="") as file:
        (cells,) = csv.DictReader(file)
    assert cells["measured_by"] == "track"
    feature = json.loads(reports[1].read_text("utf-8"))["features"][0]
    assert feature["properties"]["measured_by"] == "track"
    assert feature["geometry"]["coordinates"] == pytest.approx(TRUTH[::-1], abs=2e-6)
    assert "measured by a track" in reports[2].read_text("utf-8")
