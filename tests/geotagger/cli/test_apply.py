"""`geotagger apply`: what was approved, and nothing else; read back by ExifTool."""

import hashlib
import json
import shutil
import subprocess

import pytest
from click.testing import CliRunner

from geotagger.cli.main import cli
from geotagger.errors import UsageError
from geotagger.metadata.read import read
from geotagger.review.decisions import Decision, Decisions, PhotoKey
from geotagger.types import Point
from tests.fixtures.reviewing import drawn_outcomes
from tests.fixtures.samples import BERLIN, write_report

needs_exiftool = pytest.mark.skipif(shutil.which("exiftool") is None, reason="needs ExifTool")
MOVED = Decision("corrected", BERLIN.point, 0.4)


@pytest.fixture
def reviewed(tmp_path):
    rows = drawn_outcomes(tmp_path / "photos")
    report = write_report(tmp_path / "r.csv", rows)
    tower, tower2, gate, island, _ = (PhotoKey(str(r.photo.path), r.sha256) for r in rows)
    with Decisions(report) as decisions:
        decisions.decide({tower: Decision("approved"), tower2: Decision("rejected")})
        decisions.decide({gate: Decision("approved"), island: MOVED})
    return report


def run(*arguments):
    return CliRunner().invoke(cli, [str(a) for a in arguments], catch_exceptions=False)


def hashes(folder):
    return {
        p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*") if p.is_file()
    }


def tags(path):
    command = ["exiftool", "-json", "-n", "-a", "-G1", str(path)]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)[0]


def test_only_what_was_approved_is_written_and_untag_brings_it_back(reviewed, tmp_path):
    photos = tmp_path / "photos"
    before = hashes(photos)
    done = run("apply", reviewed)
    assert done.exit_code == 0
    assert done.output.splitlines()[-1] == "2 tagged, 1 not written"
    changed = {name for name, sha256 in hashes(photos).items() if before.get(name) != sha256}
    assert changed == {"tower.jpg", "island.jpg"}  # the gate has GPS of its own, which is kept
    assert run("untag", photos).exit_code == 0
    assert hashes(photos) == before


@needs_exiftool
def test_what_is_written_is_marked_as_confirmed_or_corrected(reviewed, tmp_path):
    run("apply", reviewed)
    tower = tags(tmp_path / "photos" / "a" / "tower.jpg")
    assert tower["GPS:GPSLatitude"] == pytest.approx(43.7085, abs=1e-5)
    assert tower["GPS:GPSProcessingMethod"] == "MANUAL"
    assert tower["GPS:GPSStatus"] == "V"
    assert "PREDICTED by geotagger" in tower["GPS:GPSAreaInformation"]
    assert "conf 0.91, CONFIRMED by a person" in tower["GPS:GPSAreaInformation"]
    assert not any("GPSTimeStamp" in name or "GPSDateStamp" in name for name in tower)
    island = tags(tmp_path / "photos" / "b" / "island.jpg")
    assert island["GPS:GPSLongitude"] == pytest.approx(13.4105, abs=1e-5)
    assert island["GPS:GPSHPositioningError"] == 400
    assert "place CORRECTED by a person" in island["GPS:GPSAreaInformation"]
    assert "conf" not in island["GPS:GPSAreaInformation"]


@needs_exiftool
def test_xmp_says_it_too(reviewed, tmp_path):
    run("apply", reviewed)
    text = (tmp_path / "photos" / "a" / "tower.jpg").read_bytes()
    assert b"confirmed</geotagger:Review>" in text
    island = (tmp_path / "photos" / "b" / "island.jpg").read_bytes()
    assert b"corrected</geotagger:Review>" in island
    assert b"geotagger:Confidence" not in island
    assert b"prediction</geotagger:Kind>" in island


def test_again_there_is_nothing_to_do(reviewed):
    run("apply", reviewed, "-q")
    again = run("apply", reviewed, "-q")
    assert again.output.strip() == "1 not written"


def test_a_dry_run_writes_nothing(reviewed, tmp_path):
    before = hashes(tmp_path / "photos")
    done = run("apply", reviewed, "--dry-run")
    assert hashes(tmp_path / "photos") == before
    assert done.output.splitlines()[-1] == "2 would be written, 1 not written"
    assert "dry run: would write GPS" in done.output
    assert "2 tagged" in run("apply", reviewed).output


def test_sidecars_leave_the_photos_untouched(reviewed, tmp_path):
    before = hashes(tmp_path / "photos")
    run("apply", reviewed, "--sidecar")
    after = hashes(tmp_path / "photos")
    assert {name: after[name] for name in before} == before
    assert set(after) - set(before) == {"tower.jpg.xmp", "island.jpg.xmp"}


def test_a_photo_that_changed_since_is_left_alone(reviewed, tmp_path):
    tower = tmp_path / "photos" / "a" / "tower.jpg"
    data = tower.read_bytes() + b"changed"
    tower.write_bytes(data)
    done = run("apply", reviewed)
    assert done.exit_code == 3
    assert "it has changed since the report was made" in done.output
    assert tower.read_bytes() == data


def test_a_missing_photo_fails(reviewed, tmp_path):
    (tmp_path / "photos" / "a" / "tower.jpg").unlink()
    done = run("apply", reviewed)
    assert done.exit_code == 3
    assert "it does not exist any more" in done.output


def test_a_correction_replaces_what_was_approved_before(reviewed, tmp_path):
    run("apply", reviewed)
    tower = tmp_path / "photos" / "a" / "tower.jpg"
    with Decisions(reviewed) as decisions:
        key = next(key for key, _ in decisions if key.path == str(tower))
        decisions.decide({key: Decision("corrected", Point(-33.9, 18.4), 5.0)})
    assert "1 tagged" in run("apply", reviewed).output
    assert read(tower.read_bytes()).gps.lat == pytest.approx(-33.9, abs=1e-5)


def test_a_place_at_sea_is_a_place(tmp_path):
    rows = drawn_outcomes(tmp_path / "photos")
    report = write_report(tmp_path / "r.jsonl", rows)
    with Decisions(report) as decisions:
        key = PhotoKey(str(rows[0].photo.path), rows[0].sha256)
        decisions.decide({key: Decision("corrected", Point(-40.0, -120.0), 1.0)})
    assert "1 tagged" in run("apply", report).output


def test_without_decisions_nothing_is_written(tmp_path):
    report = write_report(tmp_path / "r.csv", drawn_outcomes(tmp_path / "photos"))
    done = run("apply", report)
    assert (done.exit_code, done.output.strip()) == (0, "no approved prediction is left to write")


def test_both_ways_at_once_are_refused(reviewed):
    with pytest.raises(UsageError, match="choose one"):
        run("apply", reviewed, "--sidecar", "--write-exif")
