"""`exiftool -geotag` places photos where we do: on our own files, and on its own test files.

Set GEOTAGGER_TEST_CORPUS to a folder with those; skipped when there is none.
"""

import json
import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from geotagger.geography.sphere import haversine_km
from geotagger.tracks.load import load_tracks
from tests.fixtures import jpegs
from tests.fixtures.tracks import FORMATS

CORPUS = Path(
    os.environ.get("GEOTAGGER_TEST_CORPUS") or Path(__file__).parents[4] / "shared" / "corpus"
)
THEIRS = sorted(CORPUS.rglob("Geotag.gpx")) + sorted(CORPUS.rglob("Geotag.kml"))
THEIRS += [*sorted(CORPUS.rglob("Geotag.log")), *sorted(CORPUS.rglob("Geotag2.log"))]
PHOTOS = 25
pytestmark = pytest.mark.skipif(not shutil.which("exiftool"), reason="exiftool is not installed")


def exiftool(folder, *arguments):
    (folder / "arguments.txt").write_text("\n".join(arguments), "utf-8")
    command = ["exiftool", "-q", "-q", "-@", str(folder / "arguments.txt")]
    return subprocess.run(command, capture_output=True, check=False).stdout


def by_exiftool(track, times, folder):
    """Where exiftool puts photos of these times: (lat, lon), or None."""
    photos = folder / "photos"
    photos.mkdir()
    arguments = []
    for number, utc_s in enumerate(times):
        file = photos / f"{number}.jpg"
        file.write_bytes(jpegs.picture())
        taken = datetime.fromtimestamp(utc_s, UTC).strftime("%Y:%m:%d %H:%M:%S")
        arguments += [f"-DateTimeOriginal={taken}", "-overwrite_original", str(file), "-execute"]
    exiftool(folder, *arguments)
    time = "-geotime<${DateTimeOriginal}+00:00"
    exiftool(folder, "-overwrite_original", "-geotag", str(track), time, str(photos))
    found = json.loads(exiftool(folder, "-j", "-n", "-GPSLatitude", "-GPSLongitude", str(photos)))
    by_number = {int(Path(tags["SourceFile"]).stem): tags for tags in found}
    return [
        (tags["GPSLatitude"], tags["GPSLongitude"]) if "GPSLatitude" in tags else None
        for _, tags in sorted(by_number.items())
    ]


def compare(track, folder):
    """Between all fixes, at them, and before and after them, also beyond the largest gap."""
    index = load_tracks([track])
    first_s, last_s = index.span_s
    step_s = (last_s - first_s + 1200) / PHOTOS
    times = [float(int(first_s - 600 + step_s * number)) for number in range(PHOTOS)]
    times += [first_s - 3700.0, last_s + 3700.0]
    theirs = by_exiftool(track, times, folder)
    assert len(theirs) == len(times)
    assert theirs[-2:] == [None, None]
    for utc_s, place in zip(times, theirs, strict=True):
        position = index.at(utc_s)
        if position is None:  # what moved fast may be far away some minutes after its last fix
            assert place is None or not first_s <= utc_s <= last_s, utc_s
        else:
            assert place is not None, utc_s
            km = haversine_km(position.point.lat, position.point.lon, *place)
            assert km < 0.0005, utc_s


@pytest.mark.parametrize("name", ["walk.gpx", "walk.nmea"])
def test_our_own_files(name, tmp_path):
    file = tmp_path / name
    file.write_bytes(FORMATS[name])
    compare(file, tmp_path)


@pytest.mark.skipif(not THEIRS, reason="no test files of ExifTool here")
@pytest.mark.parametrize("track", THEIRS, ids=lambda path: path.name)
def test_its_own_test_files(track, tmp_path):
    compare(track, tmp_path)
