"""What ExifTool and exiv2 make of a packet with a prediction, and what is ours after that."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from geotagger.metadata.xmp.packet import read
from geotagger.metadata.xmp.prediction import prediction_in, with_prediction, without_prediction
from tests.fixtures.xmps import SOUND, TAGS, bag, packet

COMPAT = replace(TAGS, compat=True)
needs_exiftool = pytest.mark.skipif(not shutil.which("exiftool"), reason="needs ExifTool")
needs_exiv2 = pytest.mark.skipif(not shutil.which("exiv2"), reason="needs exiv2")
# It finds nothing in the first, with or without a prediction, and renames the second's prefix.
READ_BY_EXIFTOOL = {
    name: data
    for name, data in SOUND.items()
    if name not in ("default namespace", "our prefix for something else")
}
READ_BY_EXIV2 = [
    name for name, data in SOUND.items() if b"xmpmeta" in data and not name.startswith("UTF")
]


def run(*command: object) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


def exiftool(paths: list[Path]) -> list[dict[str, Any]]:
    options = ("-j", "-n", "-a", "-G1", "-struct", "-validate", "-warning", "-error", "-XMP:all")
    found: list[dict[str, Any]] = json.loads(run("exiftool", *options, *paths))
    return found


def filled(folder: Path, packets: dict[str, bytes]) -> list[Path]:
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{number}.xmp" for number in range(len(packets))]
    for path, data in zip(paths, packets.values(), strict=True):
        path.write_bytes(data)
    return paths


@needs_exiftool
def test_exiftool_reads_all_and_warns_of_nothing_new(tmp_path: Path) -> None:
    tagged = {name: with_prediction(data, COMPAT) for name, data in READ_BY_EXIFTOOL.items()}
    before = exiftool(filled(tmp_path / "before", READ_BY_EXIFTOOL))
    after = exiftool(filled(tmp_path / "after", tagged))
    grown = {"XMP-dc:Subject", "XMP-lr:HierarchicalSubject", "XMP-digiKam:TagsList"}
    for name, old, new in zip(READ_BY_EXIFTOOL, before, after, strict=True):
        for complaint in ("ExifTool:Warning", "ExifTool:Error"):
            assert new.get(complaint) in (None, old.get(complaint)), name
        for key, value in old.items():
            if key.startswith("XMP") and key not in grown:
                assert new[key] == value, (name, key)
        assert new["XMP-geotagger:Latitude"] == 48.8584, name
        assert new["XMP-geotagger:Alternatives"][0]["Name"] == "Lyon, France"
        assert "Predicted place" in str(new["XMP-dc:Subject"]) or "dog" in str(old), name
        if "of another" not in name:
            place = new["XMP-iptcExt:LocationCreated"][0]
            assert place["LocationId"] == ["https://sws.geonames.org/2988507/"]
            assert new["XMP-exif:GPSLatitude"] == pytest.approx(48.8584)
            assert new["XMP-exif:GPSHPositioningError"] == 25300


@needs_exiv2
@pytest.mark.parametrize("name", READ_BY_EXIV2)
def test_exiv2_reads_all(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.xmp"
    path.write_bytes(with_prediction(SOUND[name], COMPAT))
    text = run("exiv2", "-px", path)
    for key in ("geotagger.Latitude", "geotagger.Alternatives[1]/geotagger:Name", "geotagger.Undo"):
        assert f"Xmp.{key}" in text
    assert "48.858400" in text


EDITED = {
    "nothing there": None,
    "keywords there": packet(bag("dc:subject", "dog", "Paris") + "<my:a>kept</my:a>"),
    "attributes there": packet(attributes=' xmp:Rating="4" my:a="kept"'),
}


@needs_exiftool
@pytest.mark.parametrize("before", EDITED.values(), ids=EDITED)
def test_taken_out_of_what_exiftool_rewrote(before: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "a.xmp"
    path.write_bytes(with_prediction(before, COMPAT))
    run("exiftool", "-q", "-overwrite_original", "-XMP-dc:Subject+=cat", "-XMP:Label=red", path)
    check_rewritten(before, path.read_bytes(), ["cat"])


@needs_exiv2
@pytest.mark.parametrize("before", EDITED.values(), ids=EDITED)
def test_taken_out_of_what_exiv2_rewrote(before: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "a.xmp"
    path.write_bytes(with_prediction(before, COMPAT))
    run("exiv2", "-Mset Xmp.xmp.Label red", path)
    check_rewritten(before, path.read_bytes(), [])


def check_rewritten(before: bytes | None, after: bytes, keywords: list[str]) -> None:
    assert prediction_in(after) == COMPAT
    removal = without_prediction(after)
    assert removal.packet is not None
    assert not removal.exact
    expected = dict(read(before).values) if before else {}
    expected["http://ns.adobe.com/xap/1.0/}Label"] = "red"
    there = expected.get("dc:subject", [])
    assert isinstance(there, list)
    if there or keywords:
        expected["dc:subject"] = [*there, *keywords]
    assert read(removal.packet).values == expected
