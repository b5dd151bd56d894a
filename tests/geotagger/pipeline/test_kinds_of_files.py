"""Whole runs over the kinds of files that people have: RAW, twins, Live Photos, odd names."""

import csv
import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from geotagger.config import RunOptions
from geotagger.evidence.vision import VisionSource
from geotagger.metadata.xmp.prediction import prediction_in
from geotagger.output.untag import run as untag
from geotagger.pipeline.run import run
from tests.fixtures import drawer, jpegs, raws
from tests.fixtures.bundles import make_bundle

EXIF = jpegs.exif(raws.tiff_block(raw=False))


def coloured(colour, size=(160, 120)):
    return drawer.encode(Image.new("RGB", size, colour), "JPEG")


def taken(jpeg):
    """The JPEG with the time and camera of the RAW files."""
    return jpegs.photo(EXIF, body=jpeg[20:])


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return make_bundle(tmp_path_factory.mktemp("bundles") / "tiny")


@pytest.fixture
def rows_of(tmp_path, bundle):
    def rows(folder, **more):
        report = tmp_path / "report.csv"
        options = RunOptions(
            paths=(folder,),
            reports=(report,),
            models=(str(bundle.path),),
            read_text=False,
            batch_size=8,
            workers=2,
            min_confidence=0.05,
        )
        run(replace(options, **more))
        with report.open(encoding="utf-8", newline="") as file:
            return {Path(cells["path"]).name: cells for cells in csv.DictReader(file)}

    return rows


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "photos").mkdir()
    return tmp_path / "photos"


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("kind", ["dng", "orf", "rw2", "cr3", "raf"])
def test_raw_is_judged_by_its_preview_and_written_as_a_sidecar(folder, rows_of, kind):
    blue = coloured("blue")
    data = {
        "dng": raws.tiff_like(blue),
        "orf": raws.tiff_like(blue, magic=b"IIRO", raw=False),
        "rw2": raws.tiff_like(blue, magic=b"IIU\0", raw=False),
        "cr3": raws.cr3(blue),
        "raf": raws.fuji(taken(blue)),
    }[kind]
    raw = folder / f"a.{kind}"
    raw.write_bytes(data)
    (folder / "as.jpg").write_bytes(taken(blue))
    rows = rows_of(folder, write_exif=True, album=False)
    cells = rows[raw.name]
    assert cells["status"] == "tagged"
    assert "camera RAW, judged by the preview inside (160 x 120)" in cells["note"]
    assert f"sidecar written: a.{kind}.xmp" in cells["note"]
    assert cells["sha256"] == hashlib.sha256(data).hexdigest()
    assert cells["taken_at"] == "2024-05-05T10:00:00"
    assert [cells[name] for name in ("lat", "lon", "level")] == [
        rows["as.jpg"][name] for name in ("lat", "lon", "level")
    ]
    assert raw.read_bytes() == data
    assert prediction_in((folder / f"a.{kind}.xmp").read_bytes()) is not None
    untag([folder], lambda _: None)
    assert contents(folder).keys() == {raw.name, "as.jpg"}


@pytest.mark.parametrize(
    ("name", "lay_out"),
    [
        ("a.dng", raws.tiff_like),
        ("a.cr3", raws.cr3),
        ("a.orf", lambda jpeg, gps: raws.tiff_like(jpeg, magic=b"IIRO", gps=gps, raw=False)),
    ],
)
def test_measured_gps_in_raw_is_kept(folder, rows_of, name, lay_out):
    (folder / name).write_bytes(lay_out(coloured("blue"), gps=True))
    cells = rows_of(folder, write_exif=True)[name]
    assert cells["status"] == "predicted"
    assert cells["gps_lat"].startswith("60.1")
    assert contents(folder).keys() == {name}
    assert rows_of(folder, only_missing=True)[name]["status"] == "skipped"


@pytest.mark.parametrize("twin", ["IMG_1.JPG", "IMG_1.jpg"])
def test_raw_and_jpeg_share_one_place_and_one_inference(folder, rows_of, twin, monkeypatch):
    inferred = []
    infer = VisionSource.infer
    monkeypatch.setattr(
        VisionSource, "infer", lambda self, batch: inferred.extend(batch) or infer(self, batch)
    )
    (folder / "IMG_1.CR3").write_bytes(raws.cr3(coloured("red")))
    (folder / twin).write_bytes(taken(coloured("blue")))
    later = raws.tiff_like(coloured("red")).replace(b"10:00:00", b"12:00:00")
    (folder / "IMG_2.dng").write_bytes(later)
    rows = rows_of(folder, write_exif=True)
    raw, jpeg = rows["IMG_1.CR3"], rows[twin]
    assert f"camera RAW, judged by {twin} beside it" in raw["note"]
    for name in ("lat", "lon", "confidence", "radius_km", "country", "alternatives"):
        assert raw[name] == jpeg[name]
    assert raw["country"] != rows["IMG_2.dng"]["country"]
    assert raw["sha256"] != jpeg["sha256"]
    assert len(inferred) == 2
    assert (folder / "IMG_1.CR3.xmp").exists()
    assert not (folder / f"{twin}.xmp").exists()


def test_a_jpeg_of_another_time_or_that_is_damaged_is_no_twin(folder, rows_of):
    other = raws.tiff_block(raw=False).replace(b"10:00:00", b"11:00:00")
    (folder / "a.dng").write_bytes(raws.tiff_like(coloured("red")))
    (folder / "a.jpg").write_bytes(jpegs.photo(jpegs.exif(other), body=coloured("blue")[20:]))
    (folder / "b.dng").write_bytes(raws.tiff_like(coloured("red")))
    (folder / "b.jpg").write_bytes(coloured("blue")[:300])
    rows = rows_of(folder)
    for name in ("a.dng", "b.dng"):
        assert "judged by the preview inside" in rows[name]["note"]


def test_raw_without_a_preview_is_skipped_with_the_remedy(folder, rows_of):
    (folder / "a.nef").write_bytes(raws.tiff_like(b""))
    cells = rows_of(folder)["a.nef"]
    assert cells["status"] == "skipped"
    assert (
        "no preview inside: pip install rawpy, convert it, or put the camera's JPEG beside it"
        in cells["note"]
    )


def test_raw_without_a_preview_is_judged_by_its_sensor_data(folder, rows_of):
    pytest.importorskip("rawpy")
    (folder / "a.dng").write_bytes(raws.sensor_dng())
    cells = rows_of(folder)["a.dng"]
    assert cells["status"] in ("unsure", "predicted")
    assert "judged by its sensor data, developed by rawpy" in cells["note"]


def test_a_live_photo_and_a_motion_photo_stay_whole(folder, rows_of):
    """The film of a Live Photo lies beside the still, that of a motion photo behind the picture."""
    film = raws.box(b"ftyp", b"qt  \0\0\0\0qt  ") + raws.box(b"mdat", raws.NOISE)
    still = folder / "IMG_1.JPG"
    still.write_bytes(taken(coloured("blue")))
    (folder / "IMG_1.MOV").write_bytes(film)
    (folder / "IMG_2.HEIC").write_bytes(drawer.oriented()["orientation-6.heic"])
    (folder / "IMG_2.MOV").write_bytes(film)
    (folder / "PXL.MP.jpg").write_bytes(taken(coloured("red")) + film)
    (folder / "PXL.MP").write_bytes(film)
    before = contents(folder)
    rows = rows_of(folder, write_exif=True)
    assert rows.keys() == {"IMG_1.JPG", "IMG_2.HEIC", "PXL.MP.jpg"}
    assert all(cells["status"] == "tagged" for cells in rows.values())
    after = contents(folder)
    for name in ("IMG_1.MOV", "IMG_2.MOV", "PXL.MP"):
        assert after[name] == before[name]
    assert after["PXL.MP.jpg"] != before["PXL.MP.jpg"]
    assert after["PXL.MP.jpg"].endswith(film)  # readers count from the end of the file
    untag([folder], lambda _: None)
    assert contents(folder) == before


def test_a_file_is_taken_by_its_content_and_the_row_says_so(folder, rows_of):
    jpeg, png = coloured("blue"), drawer.encode(Image.new("RGB", (64, 48), "red"), "PNG")
    for name in ("IMG_0001", "photo.dat", "really.png", "stereo.mpo", "round.insp", "usual.JPG"):
        (folder / name).write_bytes(jpeg)
    (folder / "screenshot.jpg").write_bytes(png)
    (folder / "README").write_text("no picture, and not opened further")
    rows = rows_of(folder, write_exif=True)
    assert rows.keys() == contents(folder).keys() - {"README"}
    by_content = "taken for JPEG by its content, not by its name"
    for name in ("IMG_0001", "photo.dat", "really.png"):
        assert by_content in rows[name]["note"]
    assert "taken for PNG by its content" in rows["screenshot.jpg"]["note"]
    for name in ("stereo.mpo", "round.insp", "usual.JPG"):
        assert "by its content" not in rows[name]["note"]
    assert {cells["status"] for cells in rows.values()} == {"tagged"}


def test_what_is_left_out_is_told_in_the_summary(folder, rows_of, bundle):
    for name in ("1.jpg", "@eaDir/1.jpg", "#recycle/2.jpg", "small/3.jpg"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(coloured("blue"))
    assert len(rows_of(folder)) == 2
    assert rows_of(folder, exclude=("small",)).keys() == {"1.jpg"}
    assert rows_of(folder, default_excludes=False).keys() == {"1.jpg", "2.jpg", "3.jpg"}
    options = RunOptions(paths=(folder,), models=(str(bundle.path),), read_text=False)
    summary = run(replace(options, exclude=("small",)))
    assert summary.left_out == {"@eaDir/": 1, "#recycle/": 1, "small": 1}
