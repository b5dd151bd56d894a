import csv
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from geotagger.config import RunOptions
from geotagger.errors import GeotaggerError, NoPhotosError
from geotagger.evidence.vision import VisionSource
from geotagger.geography.places import load_places
from geotagger.images.scan import walk
from geotagger.metadata.sidecar import sidecar_with
from geotagger.metadata.xmp.prediction import prediction_in
from geotagger.output.untag import run as untag
from geotagger.pipeline.executor_local import BATCHES_AHEAD, LocalExecutor
from geotagger.pipeline.run import run
from geotagger.printable import printable_path
from geotagger.types import Status
from tests.fixtures import xmps
from tests.fixtures.bundles import make_bundle
from tests.fixtures.drawer import fill


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return make_bundle(tmp_path_factory.mktemp("bundles") / "tiny")


@pytest.fixture
def album(tmp_path):
    folder = tmp_path / "album"
    folder.mkdir()
    for index, colour in enumerate(["red", "lime", "blue", "red", "lime"]):
        Image.new("RGB", (64, 48), colour).save(folder / f"{index}.jpg")
    return folder


def tagged(album, bundle, tmp_path, **more):
    """Run over the album; the report's rows by file name."""
    report = tmp_path / "report.csv"
    options = RunOptions(
        paths=(album,),
        reports=(report,),
        models=(str(bundle.path),),
        read_text=False,
        batch_size=2,
        workers=2,
    )
    run(replace(options, **more))
    with report.open(encoding="utf-8", newline="") as file:
        return {Path(cells["path"]).name: cells for cells in csv.DictReader(file)}


def hashes(folder):
    """SHA-256 by name, without the hidden files that a write in progress has beside the photo."""
    photos = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in photos}


def test_a_dry_run_changes_no_photo(album, bundle, tmp_path):
    before = hashes(album)
    rows = tagged(album, bundle, tmp_path)
    assert hashes(album) == before
    assert list(rows) == sorted(before)
    assert {name: cells["sha256"] for name, cells in rows.items()} == before


def test_the_same_picture_gets_the_same_answer_wherever_it_is_in_a_batch(album, bundle, tmp_path):
    rows = tagged(album, bundle, tmp_path)
    for one, other in (("0.jpg", "3.jpg"), ("1.jpg", "4.jpg")):
        cells = {k: v for k, v in rows[one].items() if k not in ("path", "sha256")}
        assert cells == {k: v for k, v in rows[other].items() if k not in ("path", "sha256")}
    assert rows["0.jpg"]["country"] != rows["1.jpg"]["country"]


def test_write_exif_marks_the_photo_and_untag_restores_it(album, bundle, tmp_path):
    before = hashes(album)
    rows = tagged(album, bundle, tmp_path, write_exif=True, min_confidence=0.05)
    assert {cells["status"] for cells in rows.values()} == {"tagged"}
    after = hashes(album)
    assert not set(before.values()) & set(after.values())
    lines = []
    assert untag([album], lines.append) == {"restored": 5}
    assert hashes(album) == before
    assert len(lines) == 5


def test_a_second_run_rewrites_nothing(album, bundle, tmp_path):
    tagged(album, bundle, tmp_path, write_exif=True, min_confidence=0.05)
    once = hashes(album)
    rows = tagged(album, bundle, tmp_path, write_exif=True, min_confidence=0.05)
    assert hashes(album) == once
    assert all("already" in cells["note"] for cells in rows.values())


def test_dry_run_says_what_it_would_write(album, bundle, tmp_path):
    before = hashes(album)
    rows = tagged(album, bundle, tmp_path, write_exif=True, dry_run=True, min_confidence=0.05)
    assert hashes(album) == before
    assert all("would write" in cells["note"] for cells in rows.values())


def test_unsure_photos_are_left_alone(album, bundle, tmp_path):
    before = hashes(album)
    rows = tagged(album, bundle, tmp_path, write_exif=True, min_confidence=1.0)
    assert {cells["status"] for cells in rows.values()} == {"unsure"}
    assert all(cells["lat"] for cells in rows.values())
    assert hashes(album) == before


def test_only_missing_skips_photos_with_measured_gps(album, bundle, tmp_path):
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "N", 2: (51.0, 0.0, 0.0), 3: "E", 4: (7.0, 0.0, 0.0)})
    Image.new("RGB", (64, 48)).save(album / "gps.jpg", exif=exif)
    rows = tagged(album, bundle, tmp_path, only_missing=True)
    assert rows["gps.jpg"]["status"] == "skipped"
    assert rows["0.jpg"]["status"] != "skipped"


def test_only_missing_skips_photos_with_a_position_in_their_sidecar(album, bundle, tmp_path):
    (album / "0.jpg.xmp").write_bytes(xmps.located("48,30.0N", "2,15.0E"))
    (album / "1.xmp").write_bytes(xmps.located("north", "east"))
    (album / "2.xmp").write_bytes(xmps.located("0,0.0N", "0,0.0E"))
    (album / "3.xmp").write_bytes(sidecar_with(None, xmps.TAGS))
    rows = tagged(album, bundle, tmp_path, only_missing=True)
    skipped = {name for name, cells in rows.items() if cells["status"] == "skipped"}
    assert skipped == {"0.jpg", "1.jpg"}


def test_measured_gps_is_compared_and_kept(album, bundle, tmp_path):
    exif = Image.Exif()
    exif.get_ifd(0x8825).update({1: "N", 2: (51.0, 0.0, 0.0), 3: "E", 4: (7.0, 0.0, 0.0)})
    Image.new("RGB", (64, 48)).save(album / "gps.jpg", exif=exif)
    before = hashes(album)["gps.jpg"]
    rows = tagged(album, bundle, tmp_path, write_exif=True, min_confidence=0.05)
    assert hashes(album)["gps.jpg"] == before
    assert (rows["gps.jpg"]["gps_lat"], rows["gps.jpg"]["gps_lon"]) == ("51.0", "7.0")
    assert rows["gps.jpg"]["gps_check"] in ("agree", "far")
    assert "kept" in rows["gps.jpg"]["note"]


def test_bad_photos_are_rows(album, bundle, tmp_path):
    (album / "empty.jpg").write_bytes(b"")
    (album / "text.jpg").write_text("not a picture")
    (album / "gone.jpg").symlink_to(album / "nowhere.jpg")
    (album / "raw.nef").write_bytes(b"II*\0" + b"\0" * 100)
    rows = tagged(album, bundle, tmp_path)
    assert len(rows) == 9
    for name in ("empty.jpg", "text.jpg", "gone.jpg"):
        assert rows[name]["status"] == "failed"
        assert rows[name]["note"]
    assert rows["raw.nef"]["status"] == "skipped"
    assert rows["4.jpg"]["status"] in ("predicted", "unsure")


def test_every_file_of_the_drawer_gets_its_row_and_none_is_harmed(bundle, tmp_path):
    folder = tmp_path / "drawer"
    folder.mkdir()
    fill(folder)
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    walked = [printable_path(photo.path) for photo in walk([folder])]
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    report = tmp_path / "r.jsonl"
    options = RunOptions(
        paths=(folder,),
        reports=(report,),
        models=(str(bundle.path),),
        read_text=False,
        write_exif=True,
        min_confidence=0.05,
    )
    run(options)
    rows = [json.loads(line) for line in report.read_text("utf-8").splitlines()]
    assert [cells["path"] for cells in rows] == walked
    assert len(rows) > 50
    assert {"tagged", "predicted", "failed", "skipped"} >= {cells["status"] for cells in rows}
    assert all(cells["note"] for cells in rows if cells["status"] in ("failed", "skipped"))
    untag([folder], lambda _: None)
    assert all(path.read_bytes() == data for path, data in before.items())


def test_a_format_that_cannot_be_written_gets_a_sidecar(album, bundle, tmp_path):
    Image.new("RGB", (64, 48), "red").save(album / "p.bmp")
    before = hashes(album)["p.bmp"]
    rows = tagged(album, bundle, tmp_path, write_exif=True, min_confidence=0.05)
    assert rows["p.bmp"]["status"] == "tagged"
    assert "not embedded: " in rows["p.bmp"]["note"]
    assert rows["p.bmp"]["note"].endswith("sidecar written: p.bmp.xmp")
    assert hashes(album)["p.bmp"] == before
    found = prediction_in((album / "p.bmp.xmp").read_bytes())
    assert found.country == rows["p.bmp"]["country"]
    assert found.source_sha256 == before
    again = tagged(album, bundle, tmp_path, write_exif=True, min_confidence=0.05)
    assert again["p.bmp"]["note"].endswith("sidecar p.bmp.xmp; holds this prediction already")
    untag([album], lambda _: None)
    assert not (album / "p.bmp.xmp").exists()


def test_no_photos_leaves_an_earlier_report(bundle, tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    report = tmp_path / "report.csv"
    report.write_text("earlier")
    with pytest.raises(NoPhotosError, match="empty"):
        run(
            RunOptions(
                paths=(folder,), reports=(report,), models=(str(bundle.path),), read_text=False
            )
        )
    assert report.read_text() == "earlier"
    assert not report.with_name("report.csv.partial").exists()


def test_a_bundle_that_is_missing_stops_the_run_before_a_report_is_begun(album, tmp_path):
    with pytest.raises(GeotaggerError):
        run(
            RunOptions(
                paths=(album,),
                reports=(tmp_path / "r.csv",),
                models=("no-such-model",),
                read_text=False,
            )
        )
    assert not list(tmp_path.glob("r.csv*"))


def test_the_window_is_bounded_and_the_order_kept(bundle, tmp_path):
    """However many photos there are, only so many are taken from the walk ahead of the answers."""
    folder = tmp_path / "many"
    folder.mkdir()
    Image.new("RGB", (16, 16), "red").save(folder / "000.jpg")
    for index in range(1, 60):
        os.link(folder / "000.jpg", folder / f"{index:03d}.jpg")
    taken = 0

    def counted():
        nonlocal taken
        for photo in walk([folder]):
            taken += 1
            yield photo

    source = VisionSource(bundle, load_places(), batch_size=4, threads=1)
    names = []
    options = RunOptions(paths=(), batch_size=4, workers=2)
    with LocalExecutor([source], options) as executor:
        for index, item in enumerate(executor.run(counted())):
            assert taken <= index + 2 * 4 + BATCHES_AHEAD * 4 + 2
            names.append(item.outcome.photo.path.name)
    assert names == sorted(names)
    assert len(names) == 60


@pytest.mark.parametrize("flags", [["--write-exif"], ["--sidecar"], ["--out", "out"]])
def test_killed_at_any_moment_each_file_is_old_or_new(flags, bundle, tmp_path):
    """The run is killed -9 while it writes; untag then brings every photo back."""
    folder, out = tmp_path / "album", tmp_path / "out"
    folder.mkdir()
    for index in range(60):
        Image.new("RGB", (400, 300), (index, 100, 50)).save(folder / f"{index:03d}.jpg")
    before = hashes(folder)
    command = [sys.executable, "-m", "geotagger", "tag", "-q", str(folder), *flags]
    command += ["--model", str(bundle.path), "--report", str(tmp_path / "r.csv")]
    command += ["--min-confidence", "0.05", "--batch-size", "4", "--no-read-text"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(command, cwd=tmp_path, env=environment) as process:
        while process.poll() is None and hashes(folder) == before and not any(out.glob("*.jpg")):
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    for path in (*folder.glob("*.jpg"), *out.glob("*.jpg")):
        with Image.open(path) as image:
            image.load()
    assert all(prediction_in(path.read_bytes()) for path in folder.glob("[0-9]*.xmp"))
    untag([folder, *out.parent.glob("out")], lambda _: None)
    assert hashes(folder) == before
    if out.exists():
        assert hashes(out).items() <= before.items()


def test_status_of_every_outcome_is_counted(album, bundle, tmp_path):
    (album / "empty.jpg").write_bytes(b"")
    summary = run(
        RunOptions(
            paths=(album,),
            reports=(tmp_path / "r.csv",),
            models=(str(bundle.path),),
            read_text=False,
        )
    )
    assert summary.photos == 6
    assert summary.failed == summary.statuses[Status.FAILED] == 1
