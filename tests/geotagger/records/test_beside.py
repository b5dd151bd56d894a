"""Records in whole: what the metadata of a photo is with them, and what a run does."""

import json
import os
from dataclasses import replace

import pytest
from PIL import Image

from geotagger.config import RunOptions
from geotagger.evidence.album_tree import STATED_ERROR_KM
from geotagger.evidence.camera_gps import AlbumSource
from geotagger.evidence.source import LoadedPhoto
from geotagger.metadata.beside import versions_beside, with_files_beside
from geotagger.metadata.read import read
from geotagger.pipeline.run import run
from geotagger.records.beside import with_record
from geotagger.types import Photo, PhotoMetadata, Point, TimeOrigin
from tests.fixtures import xmps
from tests.fixtures.bundles import make_bundle

PARIS, LYON = Point(48.857, 2.352), Point(45.76, 4.84)
OWN = PhotoMetadata(gps=LYON, taken_at="2019-07-14T18:03:22", gps_error_km=0.01)
TAKEN = "2019-07-14T16:03:22Z"


def write(path, title="IMG.jpg", measured=None, stated=None, seconds=1563120202):
    def geo(point):
        return {"latitude": point.lat if point else 0.0, "longitude": point.lon if point else 0.0}

    content = {
        "title": title,
        "photoTakenTime": {"timestamp": str(seconds)},
        "geoData": geo(stated),
        "geoDataExif": geo(measured),
    }
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))


def test_without_a_record_nothing_changes(tmp_path):
    assert with_record(OWN, tmp_path / "IMG.jpg") is OWN


def test_position_and_time_of_a_photo_that_has_none(tmp_path):
    write(tmp_path / "IMG.jpg.json", measured=PARIS, stated=LYON)
    found = with_record(PhotoMetadata(), tmp_path / "IMG.jpg")
    assert (found.gps, found.gps_is_stated, found.gps_sidecar) == (PARIS, False, "IMG.jpg.json")
    assert (found.taken_at, found.time_origin) == (TAKEN, TimeOrigin.RECORD)
    assert found.has_own_gps
    assert [version.name for version in found.sidecars] == ["IMG.jpg.json"]
    assert found.sidecars == versions_beside(tmp_path / "IMG.jpg")


def test_a_position_that_the_camera_did_not_measure_is_marked(tmp_path):
    write(tmp_path / "IMG.jpg.json", stated=PARIS)
    found = with_record(PhotoMetadata(), tmp_path / "IMG.jpg")
    assert (found.gps, found.gps_is_stated) == (PARIS, True)


def test_what_the_photo_or_its_sidecar_holds_counts_first(tmp_path):
    write(tmp_path / "IMG.jpg.json", measured=PARIS)
    found = with_record(OWN, tmp_path / "IMG.jpg")
    assert (found.gps, found.taken_at, found.gps_sidecar) == (LYON, OWN.taken_at, "")
    (tmp_path / "IMG.jpg.xmp").write_bytes(xmps.located("45,45.6N", "4,50.4E"))
    found = with_files_beside(PhotoMetadata(), tmp_path / "IMG.jpg")
    assert (found.gps, found.gps_sidecar) == (LYON, "IMG.jpg.xmp")
    unread = PhotoMetadata(gps_is_unread=True, gps_problem="its GPS block is damaged")
    assert with_record(unread, tmp_path / "IMG.jpg").gps is None


def test_a_prediction_is_replaced_and_an_empty_fix_too(tmp_path):
    write(tmp_path / "IMG.jpg.json", measured=PARIS)
    ours = PhotoMetadata(gps=LYON, gps_is_prediction=True)
    found = with_record(ours, tmp_path / "IMG.jpg")
    assert (found.gps, found.gps_is_prediction) == (PARIS, False)
    empty = PhotoMetadata(gps_problem="its GPS position is 0, 0 (an empty fix)")
    assert with_record(empty, tmp_path / "IMG.jpg").gps_problem == ""


def test_gps_time_counts_before_the_record(tmp_path):
    write(tmp_path / "IMG.jpg.json")
    measured = PhotoMetadata(gps_time="2019-07-14T16:00:00Z")
    found = with_record(measured, tmp_path / "IMG.jpg")
    assert (found.taken_at, found.time_origin) == ("2019-07-14T16:00:00Z", TimeOrigin.GPS)


def test_a_cut_name_needs_the_title(tmp_path):
    """Two photos whose names differ after the cut: the record is of one of them."""
    stem = "a" * 46
    first, second = tmp_path / f"{stem}1.jpg", tmp_path / f"{stem}2.jpg"
    write(tmp_path / f"{stem}.json", title=first.name, measured=PARIS)
    assert with_record(PhotoMetadata(), first).gps == PARIS
    assert with_record(PhotoMetadata(), second).gps is None


def test_json_of_something_else_is_passed_over(tmp_path):
    (tmp_path / "IMG.jpg.json").write_text('[{"SourceFile": "IMG.jpg"}]')
    write(tmp_path / "IMG.jpg.supplemental-metadata.json", measured=PARIS)
    found = with_record(PhotoMetadata(), tmp_path / "IMG.jpg")
    assert (found.gps, found.record_problem) == (PARIS, "")
    assert len(found.sidecars) == 2


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"{", "IMG.jpg.json is no sound JSON"),
        (b" " * (2 << 20), "IMG.jpg.json is larger than 1 MiB"),
        (b'{"a":' * 100_000, "IMG.jpg.json is no sound JSON"),
    ],
)
def test_what_cannot_be_read_is_a_note(tmp_path, content, problem):
    (tmp_path / "IMG.jpg.json").write_bytes(content)
    found = with_record(OWN, tmp_path / "IMG.jpg")
    assert found.record_problem == problem
    assert (found.gps, found.taken_at) == (OWN.gps, OWN.taken_at)


def test_a_folder_or_a_pipe_with_the_name_of_a_record_is_none(tmp_path):
    (tmp_path / "IMG.jpg.json").mkdir()
    os.mkfifo(tmp_path / "IMG.json")
    assert with_record(OWN, tmp_path / "IMG.jpg") is OWN


def test_ente(tmp_path):
    write(tmp_path / "metadata" / "IMG.jpg.json", stated=PARIS)
    found = with_record(PhotoMetadata(), tmp_path / "IMG.jpg")
    assert (found.gps, found.gps_is_stated, found.taken_at) == (PARIS, True, TAKEN)


# In a run.


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return make_bundle(tmp_path_factory.mktemp("bundles") / "tiny")


@pytest.fixture
def run_rows(bundle):
    def rows(folder, **more):
        options = RunOptions(
            paths=(folder,), models=(str(bundle.path),), read_text=False, workers=1
        )
        found = []
        run(replace(options, **more), found.append)
        return found

    return rows


def photo(folder, name="IMG.jpg"):
    Image.new("RGB", (32, 24), "grey").save(folder / name)


def test_a_run_keeps_compares_and_skips(tmp_path, run_rows):
    photo(tmp_path)
    write(tmp_path / "IMG.jpg.json", stated=PARIS)
    (row,) = run_rows(tmp_path)
    assert (row["gps_lat"], row["taken_at"]) == (PARIS.lat, TAKEN)
    assert row["gps_check"] in ("agree", "far")
    assert [reason["code"] for reason in row["reasons"]][:2] == ["time_from", "position_stated"]
    (skipped,) = run_rows(tmp_path, only_missing=True)
    assert skipped["status"] == "skipped"


def test_a_record_that_changes_is_noticed_by_the_next_run(tmp_path, run_rows):
    folder = tmp_path / "album"
    folder.mkdir()
    photo(folder)
    journal = tmp_path / "journal.sqlite"
    (row,) = run_rows(folder, journal=journal)
    assert row["gps_lat"] is None
    write(folder / "IMG.jpg.supplemental-metadata.json", measured=PARIS)
    (row,) = run_rows(folder, journal=journal)
    assert row["gps_lat"] == PARIS.lat
    write(folder / "metadata" / "IMG.jpg.json", stated=LYON)
    (row,) = run_rows(folder, journal=journal)
    assert row["gps_lat"] == PARIS.lat


def test_no_tag_is_written_over_the_position_of_a_record(tmp_path, run_rows):
    photo(tmp_path)
    write(tmp_path / "IMG.jpg.json", measured=PARIS)
    before = (tmp_path / "IMG.jpg").read_bytes()
    (row,) = run_rows(tmp_path, write_exif=True, min_confidence=0.0, max_radius_km=1e5)
    assert "its record IMG.jpg.json has a GPS position of its own, which is kept" in row["note"]
    assert (tmp_path / "IMG.jpg").read_bytes() == before


def test_a_record_is_evidence_for_neighbours(tmp_path, places):
    exif = Image.Exif()
    exif[0x0110] = "X100"
    for minute in (1, 2):
        exif.get_ifd(0x8769)[0x9003] = f"2019:07:14 18:0{minute}:00"
        Image.new("RGB", (32, 24)).save(tmp_path / f"{minute}.jpg", exif=exif)
    write(tmp_path / "1.jpg.json", title="1.jpg", stated=PARIS)
    path = tmp_path / "2.jpg"
    loaded = LoadedPhoto(Photo(path, tmp_path), read(path.read_bytes()), lambda _: None)
    (near,) = AlbumSource(places).prepare(loaded)
    assert (near.name, near.point, near.error_km) == ("1.jpg", PARIS, STATED_ERROR_KM)
