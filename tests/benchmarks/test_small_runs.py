"""The benchmarks run, on a few photos. Their figures mean nothing here."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import TABLES
from benchmarks.fixtures.photos import make_photo

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
WITH_TABLES = {
    "throughput": ("--photos", "8", "--rounds", "1"),
    "memory": ("--photos", "4", "--photos", "8", "--megapixels", "0.3"),
    "walk": ("--files", "300", "--per-folder", "100"),
    "resume": ("--photos", "40", "--per-folder", "20"),
    "startup": ("--rounds", "1"),
}


def output(module, *arguments):
    """What a benchmark prints."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for index in range(2):
        make_photo(folder / f"{index}.jpg", index, (800, 600))
    return folder


@pytest.mark.parametrize("name", WITH_TABLES)
def test_a_run_fills_its_table(name):
    figures = json.loads(output(f"speed.{name}", *WITH_TABLES[name], "--json").splitlines()[-1])
    head, rows = TABLES[name](figures)
    rows = list(rows)
    assert rows
    assert {len(row) for row in rows} <= {len(head), 2}


@pytest.mark.cluster
def test_the_cluster_engine():
    pytest.importorskip("ray")
    assert "ray / local" in output("speed.ray", "--photos", "4", "--rounds", "1")


@pytest.mark.browser
def test_the_page():
    pytest.importorskip("playwright")
    assert "load, ready after" in output("speed.page", "--rows", "50")


def test_many_photos():
    printed = output("speed.many_photos", "--photos", "60", "--killed", "60")
    assert "the reports are the same" in printed


def test_decoding(folder):
    assert "mean error" in output("speed.decode", "--rounds", "1", "--photo", folder / "0.jpg")


def test_reading_text(folder):
    assert "photos/s" in output("speed.text", "--photos", "1", "--rounds", "1", "--folder", folder)


def test_writing(folder):
    assert "tag over rewrite" in output("speed.write_speed", folder, "--turns", "1")


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="needs ExifTool")
def test_writing_beside_others(folder):
    printed = output("speed.peer_writers", folder, "--photos", "2", "--fixes", "90")
    ways = [line.split() for line in printed.splitlines() if line.startswith("  ")]
    assert [way[-1] for way in ways] == ["0", *["2"] * 6]  # photos with the right position


def test_what_becomes_of_files(folder):
    assert "2 files, 0 problems" in output("quality.metadata_corpus", folder, "--slow", "600")
