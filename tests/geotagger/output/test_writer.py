"""A run that writes: into photos, into copies, into sidecars; and what it must never touch."""

import csv
import hashlib
import json
import os
import shutil
import stat
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, features

from geotagger.config import RunOptions
from geotagger.errors import UsageError
from geotagger.metadata.read import read
from geotagger.metadata.xmp.prediction import gps_in, prediction_in
from geotagger.output.copies import CopyTree
from geotagger.output.untag import run as untag
from geotagger.pipeline.run import run
from geotagger.printable import printable_path
from geotagger.types import Photo
from tests.fixtures import drawer, jpegs
from tests.fixtures.bundles import make_bundle

FOREIGN = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="5"/>
 </rdf:RDF>
</x:xmpmeta>
"""
WITH_GPS = FOREIGN.replace(
    b'xmp:Rating="5"',
    b'xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:GPSLatitude="48,51.5N"'
    b' exif:GPSLongitude="2,17.6E"',
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return make_bundle(tmp_path_factory.mktemp("bundles") / "tiny")


@pytest.fixture
def album(tmp_path):
    return fill(tmp_path / "album")


def fill(folder):
    (folder / "deep").mkdir(parents=True)
    for name, colour in (("a.jpg", "red"), ("b.png", "lime"), ("deep/c.jpg", "blue")):
        Image.new("RGB", (64, 48), colour).save(folder / name)
    Image.new("RGB", (64, 48), "red").save(folder / "d.bmp")
    return folder


@pytest.fixture
def tag(bundle, tmp_path):
    def tag(*paths, **more):
        """Run; the rows by file name."""
        options = RunOptions(
            paths=paths,
            reports=(tmp_path / "r.jsonl",),
            models=(str(bundle.path),),
            read_text=False,
            workers=2,
            min_confidence=0.05,
            max_radius_km=20_000,
        )
        run(replace(options, **more))
        lines = (tmp_path / "r.jsonl").read_text("utf-8").splitlines()
        return {Path(cells["path"]).name: cells for cells in map(json.loads, lines)}

    return tag


def tree(folder):
    """Everything under a folder that a write could change."""
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest(),
            path.stat().st_mtime_ns,
            path.stat().st_ino,
            path.stat().st_mode,
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def contents(folder):
    return {name: state[0] for name, state in tree(folder).items()}


def untagged(*paths):
    lines = []
    return untag(paths, lines.append), lines


# Embedded.


def test_exif_and_xmp_say_the_same(album, tag):
    rows = tag(album, write_exif=True)
    data = (album / "a.jpg").read_bytes()
    assert read(data).gps_is_prediction
    start, end = data.index(b"<x:xmpmeta"), data.index(b"</x:xmpmeta>") + 12
    found = prediction_in(data[start:end])
    assert found.country == rows["a.jpg"]["country"]
    assert found.source_sha256 == rows["a.jpg"]["sha256"]
    assert found.model == rows["a.jpg"]["model"]
    assert rows["b.png"]["status"] == "tagged"


def test_tags_chooses_what_is_written(album, tag):
    tag(album, write_exif=True, tags=("keywords",))
    data = (album / "a.jpg").read_bytes()
    assert b"Predicted place" in data
    assert b"LocationCreated" not in data
    assert b"PREDICTED by" not in data


def test_where_nothing_is_deserved_nothing_is_written(album, tag):
    before = tree(album)
    rows = tag(album, write_exif=True, tags=("gps",), max_radius_km=0.001)
    assert tree(album) == before
    assert "no position is trusted at level" in rows["a.jpg"]["note"]
    assert rows["a.jpg"]["status"] == "predicted"


def test_a_second_run_a_second_later_rewrites_nothing(album, tag):
    tag(album, write_exif=True)
    before = tree(album)
    time.sleep(1.1)
    tag(album, write_exif=True, overwrite="predicted")
    assert tree(album) == before


def test_untag_takes_back_photos_and_sidecars(album, tag):
    before = contents(album)
    tag(album, write_exif=True)
    assert contents(album).keys() - before.keys() == {"d.bmp.xmp"}
    counts, lines = untagged(album)
    assert counts == {"restored": 4}
    assert len(lines) == 4
    assert contents(album) == before


def test_what_another_program_wrote_since_is_kept(album, tag):
    tag(album, write_exif=True)
    data = (album / "a.jpg").read_bytes()
    at = data.index(b"\xff\xdb")
    comment = b"\xff\xfe\0\x09another"
    (album / "a.jpg").write_bytes(data[:at] + comment + data[at:])
    counts, lines = untagged(album)
    assert counts == {"restored": 3, "cleaned": 1}
    assert any("another program has changed it since" in line for line in lines)
    left = (album / "a.jpg").read_bytes()
    assert comment in left
    assert not read(left).gps_is_prediction
    assert b"geotagger" not in left


def test_what_cannot_be_embedded_whole_gets_a_sidecar_besides(album, tag):
    """EXIF takes the position; the packet that is there is damaged, so that XMP goes beside it."""
    data = (album / "a.jpg").read_bytes()
    packet = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta"
    app1 = b"\xff\xe1" + (len(packet) + 2).to_bytes(2) + packet
    at = data.index(b"\xff\xdb")
    (album / "a.jpg").write_bytes(data[:at] + app1 + data[at:])
    before = contents(album)
    rows = tag(album, write_exif=True)
    assert rows["a.jpg"]["status"] == "tagged"
    assert "XMP not written: " in rows["a.jpg"]["note"]
    assert "sidecar written: a.jpg.xmp" in rows["a.jpg"]["note"]
    assert read((album / "a.jpg").read_bytes()).gps_is_prediction
    found = prediction_in((album / "a.jpg.xmp").read_bytes())
    assert found.source_sha256 == before["a.jpg"]
    once = tree(album)
    tag(album, write_exif=True)
    assert tree(album) == once
    untagged(album)
    assert contents(album) == before


# Sidecars.


@pytest.mark.parametrize(("style", "name"), [("darktable", "a.jpg.xmp"), ("adobe", "a.xmp")])
def test_sidecars_leave_the_photos_untouched(album, tag, style, name):
    before = tree(album)
    rows = tag(album, sidecar=True, sidecar_style=style)
    after = tree(album)
    assert {path: after[path] for path in before} == before
    assert len(after) == 2 * len(before)
    found = prediction_in((album / name).read_bytes())
    assert (found.country, found.source_sha256) == (
        rows["a.jpg"]["country"],
        rows["a.jpg"]["sha256"],
    )
    once = tree(album)
    time.sleep(1.1)
    assert "already" in tag(album, sidecar=True, sidecar_style=style)["a.jpg"]["note"]
    assert tree(album) == once
    counts, _ = untagged(album)
    assert counts == {"restored": 4}
    assert tree(album) == before


def test_a_foreign_sidecar_is_extended_and_comes_back(album, tag):
    (album / "a.jpg.xmp").write_bytes(FOREIGN)
    tag(album, sidecar=True)
    merged = (album / "a.jpg.xmp").read_bytes()
    assert b'xmp:Rating="5"' in merged
    assert prediction_in(merged)
    untagged(album)
    assert (album / "a.jpg.xmp").read_bytes() == FOREIGN


def test_what_another_program_wrote_into_a_sidecar_since_is_kept(album, tag):
    (album / "a.jpg.xmp").write_bytes(FOREIGN)
    tag(album, sidecar=True)
    merged = (album / "a.jpg.xmp").read_bytes()
    (album / "a.jpg.xmp").write_bytes(merged.replace(b'Rating="5"', b'Rating="1"'))
    counts, lines = untagged(album)
    assert counts["cleaned"] == 1
    assert any("a.jpg.xmp: cleaned" in line for line in lines)
    left = (album / "a.jpg.xmp").read_bytes()
    assert b'Rating="1"' in left
    assert b"geotagger" not in left


@pytest.mark.parametrize("foreign", [b"<not XML", b"", FOREIGN[:-20]])
def test_a_foreign_sidecar_that_cannot_be_extended_is_refused(album, tag, foreign):
    (album / "a.jpg.xmp").write_bytes(foreign)
    rows = tag(album, sidecar=True)
    assert (album / "a.jpg.xmp").read_bytes() == foreign
    assert rows["a.jpg"]["status"] == "predicted"
    assert "no sidecar: " in rows["a.jpg"]["note"]
    assert untagged(album)[0]["failed"] == 0
    assert (album / "a.jpg.xmp").read_bytes() == foreign


def test_a_sidecar_with_a_measured_position_is_kept(album, tag):
    (album / "a.jpg.xmp").write_bytes(WITH_GPS)
    rows = tag(album, sidecar=True)
    assert "GPS position of its own" in rows["a.jpg"]["note"]
    assert (album / "a.jpg.xmp").read_bytes() == WITH_GPS
    rows = tag(album, sidecar=True, overwrite="always")
    assert rows["a.jpg"]["status"] == "tagged"
    assert b'exif:GPSLatitude="48,51.5N"' in (album / "a.jpg.xmp").read_bytes()


@pytest.mark.parametrize("name", ["a.jpg.xmp", "a.xmp"])
@pytest.mark.parametrize("overwrite", ["never", "predicted"])
def test_a_position_that_only_a_sidecar_holds_is_kept(album, tag, tmp_path, name, overwrite):
    (album / name).write_bytes(WITH_GPS)
    before = tree(album)
    for where in ({"write_exif": True}, {"sidecar": True}, {"out": tmp_path / "out"}):
        rows = tag(album / "a.jpg", overwrite=overwrite, **where)
        assert rows["a.jpg"]["status"] == "predicted"
        assert rows["a.jpg"]["note"] == (
            f"not written: its sidecar {name} has a GPS position of its own, which is kept"
        )
        assert rows["a.jpg"]["gps_check"] in ("agree", "far")
        assert rows["a.jpg"]["gps_lat"] == pytest.approx(48.858333)
    assert tree(album) == before
    assert not (tmp_path / "out").exists()
    rows = tag(album / "a.jpg", overwrite="always", write_exif=True)
    assert rows["a.jpg"]["status"] == "tagged"
    assert f"its sidecar {name} keeps another position" in rows["a.jpg"]["note"]
    assert (album / name).read_bytes() == WITH_GPS


@pytest.mark.parametrize("where", [{"write_exif": True}, {"sidecar": True}])
def test_a_place_corrected_in_a_sidecar_is_kept(album, tag, where):
    """As Immich does it: the sidecar gets the position, whatever geotagger wrote before."""
    tag(album, tags=("keywords",), **where)
    sidecar = album / "a.jpg.xmp"
    packet = sidecar.read_bytes() if sidecar.exists() else FOREIGN
    position = b' xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:GPSLatitude="48,51.5N"'
    position += b' exif:GPSLongitude="2,17.6E"'
    sidecar.write_bytes(packet.replace(b' rdf:about=""', b' rdf:about=""' + position, 1))
    before = tree(album)
    rows = tag(album / "a.jpg", overwrite="predicted", **where)
    assert tree(album) == before
    assert "its sidecar a.jpg.xmp has a GPS position of its own" in rows["a.jpg"]["note"]
    assert rows["a.jpg"]["gps_lat"] == pytest.approx(48.858333)


def test_a_position_in_the_sidecar_of_a_copy_is_kept(album, tag, tmp_path):
    out = tmp_path / "out"
    tag(album, out=out)
    (out / "a.jpg.xmp").write_bytes(WITH_GPS)
    before = tree(out)
    note = tag(album, out=out, overwrite="predicted", tags=("keywords",))["a.jpg"]["note"]
    assert "its sidecar a.jpg.xmp has a GPS position of its own" in note
    assert tree(out)["a.jpg"] == before["a.jpg"]


@pytest.mark.parametrize("where", [{"write_exif": True}, {"sidecar": True}])
def test_a_position_in_a_sidecar_that_cannot_be_read_is_kept(album, tag, where):
    unread = WITH_GPS.replace(b"48,51.5N", b"somewhere")
    (album / "a.jpg.xmp").write_bytes(unread)
    (album / "b.png.xmp").write_bytes(WITH_GPS[:-30])
    before = tree(album)
    for name in ("a.jpg", "b.png"):
        cells = tag(album / name, overwrite="predicted", **where)[name]
        assert f"its sidecar {name}.xmp has GPS tags that other programs may read" in cells["note"]
        assert cells["gps_check"] == "invalid"
    assert tree(album) == before


def test_another_prediction_is_replaced_only_with_the_overwrite_flag(album, tag):
    tag(album, sidecar=True)
    once = contents(album)
    Image.new("RGB", (64, 48), "blue").save(album / "a.jpg")
    rows = tag(album, sidecar=True)
    assert "earlier prediction" in rows["a.jpg"]["note"]
    assert contents(album)["a.jpg.xmp"] == once["a.jpg.xmp"]
    assert tag(album, sidecar=True, overwrite="predicted")["a.jpg"]["status"] == "tagged"
    assert contents(album)["a.jpg.xmp"] != once["a.jpg.xmp"]
    untagged(album)
    assert not (album / "a.jpg.xmp").exists()


@pytest.mark.parametrize("style", ["darktable", "adobe"])
def test_a_sidecar_gives_way_to_the_photo_itself(album, tag, style):
    before = contents(album)
    tag(album, sidecar=True, sidecar_style=style)
    rows = tag(album, write_exif=True)
    kept = {"d.bmp.xmp", "d.xmp"} if style == "adobe" else {"d.bmp.xmp"}
    assert contents(album).keys() - before.keys() == kept
    assert "taken out of its earlier sidecar" in rows["a.jpg"]["note"]
    assert rows["a.jpg"]["status"] == "tagged"
    untagged(album)
    assert contents(album) == before


def test_a_foreign_sidecar_is_as_it_was_once_the_photo_is_tagged(album, tag):
    (album / "a.jpg.xmp").write_bytes(FOREIGN)
    tag(album, sidecar=True)
    tag(album, write_exif=True)
    assert (album / "a.jpg.xmp").read_bytes() == FOREIGN
    assert read((album / "a.jpg").read_bytes()).gps_is_prediction
    again = tree(album)
    assert "sidecar" not in tag(album, write_exif=True)["a.jpg"]["note"]
    assert tree(album) == again


def test_another_prediction_in_a_sidecar_stays_unless_it_may_be_replaced(album, tag):
    tag(album, sidecar=True, tags=("keywords",))
    once = (album / "a.jpg.xmp").read_bytes()
    rows = tag(album, write_exif=True)
    assert rows["a.jpg"]["status"] == "tagged"
    assert "keeps an earlier prediction" in rows["a.jpg"]["note"]
    assert (album / "a.jpg.xmp").read_bytes() == once
    tag(album, write_exif=True, overwrite="predicted")
    assert not (album / "a.jpg.xmp").exists()


def test_the_sidecar_of_another_photo_stays(album, tag):
    tag(album / "a.jpg", sidecar=True, sidecar_style="adobe")
    once = (album / "a.xmp").read_bytes()
    Image.new("RGB", (64, 48), "blue").save(album / "a.png")
    tag(album / "a.png", write_exif=True, overwrite="predicted")
    assert (album / "a.xmp").read_bytes() == once


def test_a_sidecar_that_cannot_be_changed_is_left_with_a_reason(album, tag):
    tag(album, sidecar=True)
    (album / "a.jpg.xmp").chmod(0o444)
    rows = tag(album, write_exif=True)
    assert rows["a.jpg"]["status"] == "tagged"
    assert "its sidecar keeps an earlier prediction: it is read-only" in rows["a.jpg"]["note"]
    assert (album / "a.jpg.xmp").exists()


def test_untag_finds_sidecars_whose_photo_is_gone(album, tag):
    tag(album, sidecar=True)
    for name in ("a.jpg", "deep/c.jpg", "d.bmp"):
        (album / name).unlink()
    (album / "other.xmp").write_bytes(FOREIGN)
    counts, lines = untagged(album)
    assert counts == {"restored": 4}
    assert len(lines) == 4
    assert contents(album).keys() == {"b.png", "other.xmp"}
    assert (album / "other.xmp").read_bytes() == FOREIGN


def test_untag_of_a_sidecar_by_name(album, tag):
    tag(album, sidecar=True)
    assert untagged(album / "a.jpg.xmp")[0] == {"restored": 1}
    assert not (album / "a.jpg.xmp").exists()


def test_two_photos_do_not_share_a_sidecar(album, tag):
    Image.new("RGB", (64, 48), "red").save(album / "a.png")
    rows = tag(album, sidecar=True, sidecar_style="adobe")
    assert "darktable" in rows["a.jpg"]["note"]
    assert not (album / "a.xmp").exists()


# Copies.


def test_copies_mirror_the_tree_and_the_originals_are_only_read(album, tag, tmp_path):
    before = tree(album)
    out, manifest = tmp_path / "out", tmp_path / "m.csv"
    rows = tag(album, out=out, manifest=manifest)
    assert tree(album) == before
    assert contents(out).keys() == {*before, "d.bmp.xmp"}
    assert {cells["status"] for cells in rows.values()} == {"tagged"}
    assert read((out / "deep/c.jpg").read_bytes()).gps_is_prediction
    assert contents(out)["d.bmp"] == before["d.bmp"][0]
    assert (out / "a.jpg").stat().st_mtime_ns == before["a.jpg"][1]

    with manifest.open(encoding="utf-8", newline="") as file:
        listed = {Path(cells["path"]).name: cells for cells in csv.DictReader(file)}
    assert len(listed) == 4
    for name, cells in listed.items():
        assert cells["sha256_before"] == cells["sha256_after"] == rows[name]["sha256"]
        written = Path(cells["out_path"])
        assert hashlib.sha256(written.read_bytes()).hexdigest() == cells["out_sha256"]
    assert Path(listed["d.bmp"]["sidecar_path"]).name == "d.bmp.xmp"
    assert listed["a.jpg"]["sidecar_path"] == ""
    assert int(listed["a.jpg"]["size_bytes"]) == (album / "a.jpg").stat().st_size
    assert listed["a.jpg"]["mtime"].startswith("20")

    once = tree(out)
    tag(album, out=out)
    assert tree(out) == once
    untagged(out)
    assert contents(out) == {name: state[0] for name, state in before.items()}


def test_sidecars_are_next_to_plain_copies(album, tag, tmp_path):
    before = contents(album)
    tag(album, out=tmp_path / "out", sidecar=True)
    after = contents(tmp_path / "out")
    assert {name: after[name] for name in before} == before
    assert after.keys() - before.keys() == {f"{name}.xmp" for name in before}


def test_an_earlier_copy_is_renewed_as_overwrite_says(album, tag, tmp_path):
    tag(album, out=tmp_path / "out")
    once = tree(tmp_path / "out")
    rows = tag(album, out=tmp_path / "out", tags=("region",))
    assert "earlier prediction" in rows["a.jpg"]["note"]
    assert tree(tmp_path / "out") == once
    tag(album, out=tmp_path / "out", tags=("region",), overwrite="predicted")
    assert contents(tmp_path / "out") != {name: state[0] for name, state in once.items()}


def test_another_file_in_the_place_of_a_copy_is_kept(album, tag, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.jpg").write_bytes(b"somebody else's")
    (tmp_path / "out" / "deep").write_bytes(b"a file, not a folder")
    rows = tag(album, out=tmp_path / "out")
    assert rows["a.jpg"]["status"] == rows["c.jpg"]["status"] == "failed"
    assert "another file" in rows["a.jpg"]["note"]
    assert "a file is where" in rows["c.jpg"]["note"]
    assert (tmp_path / "out" / "a.jpg").read_bytes() == b"somebody else's"
    assert rows["b.png"]["status"] == "tagged"


def test_several_roots_do_not_clash(tag, tmp_path):
    one, two = fill(tmp_path / "1" / "x"), fill(tmp_path / "2" / "x")
    single = tmp_path / "x"
    Image.new("RGB", (64, 48), "red").save(single, "JPEG")
    tag(one, two, two / "a.jpg", one / "a.jpg", out=tmp_path / "out")
    names = {name for name in contents(tmp_path / "out") if name.endswith(".jpg")}
    assert names == {"x/deep/c.jpg", "x-2/deep/c.jpg", "a.jpg", "a-2.jpg"}


@pytest.mark.parametrize("out", ["album", "album/deep/out", "."])
def test_copies_and_originals_may_not_lie_in_each_other(album, tag, tmp_path, out):
    before = tree(tmp_path)
    with pytest.raises(UsageError, match="overlap"):
        tag(album, out=tmp_path / out)
    assert tree(tmp_path) == before


def test_the_place_of_a_copy_does_not_depend_on_what_is_there(tmp_path):
    root = tmp_path / "album"
    root.mkdir()
    photo = Photo(root / "deep" / "c.jpg", root)
    assert CopyTree(tmp_path / "out", [root]).target(photo) == tmp_path / "out" / "deep" / "c.jpg"
    (tmp_path / "out" / "deep").mkdir(parents=True)
    assert CopyTree(tmp_path / "out", [root]).target(photo) == tmp_path / "out" / "deep" / "c.jpg"


def test_a_source_that_changes_meanwhile_breaks_the_chain(album, tag, tmp_path, monkeypatch):
    import geotagger.output.writer as writing

    real = writing.tag_copy

    def meanwhile(path, *arguments):
        result = real(path, *arguments)
        path.write_bytes(path.read_bytes() + b"!")
        return result

    monkeypatch.setattr(writing, "tag_copy", meanwhile)
    rows = tag(album, out=tmp_path / "out", manifest=tmp_path / "m.jsonl")
    assert rows["a.jpg"]["status"] == "failed"
    assert "the source changed during the run" in rows["a.jpg"]["note"]


def test_the_manifest_of_a_run_in_place_tells_both_hashes(album, tag, tmp_path):
    rows = tag(album, write_exif=True, manifest=tmp_path / "m.jsonl")
    lines = (tmp_path / "m.jsonl").read_text("utf-8").splitlines()
    listed = {Path(cells["path"]).name: cells for cells in map(json.loads, lines)}
    assert listed["a.jpg"]["sha256_before"] == rows["a.jpg"]["sha256"]
    assert listed["a.jpg"]["sha256_after"] == contents(album)["a.jpg"]
    assert listed["a.jpg"]["sha256_after"] != listed["a.jpg"]["sha256_before"]
    assert listed["d.bmp"]["sha256_after"] == listed["d.bmp"]["sha256_before"]
    assert rows["a.jpg"]["status"] == "tagged"


# Links, rights, disks.


def test_a_photo_reached_twice_is_written_once(album, tag):
    (album / "e.jpg").symlink_to(album / "a.jpg")
    rows = tag(album, write_exif=True)
    assert rows["a.jpg"]["status"] == rows["e.jpg"]["status"] == "tagged"
    assert "another name" in rows["e.jpg"]["note"] or "already" in rows["e.jpg"]["note"]
    assert (album / "e.jpg").is_symlink()
    untagged(album)
    assert not read((album / "a.jpg").read_bytes()).gps_is_prediction


def test_hard_links_are_refused_and_may_be_copied(album, tag, tmp_path):
    os.link(album / "a.jpg", tmp_path / "twin.jpg")
    before = tree(album)["a.jpg"]
    rows = tag(album, write_exif=True)
    assert rows["a.jpg"]["status"] == "failed"
    assert "--out" in rows["a.jpg"]["note"]
    assert tree(album)["a.jpg"] == before
    rows = tag(album / "a.jpg", out=tmp_path / "out")
    assert rows["a.jpg"]["status"] == "tagged"


def test_attributes_of_copies(album, tag, tmp_path):
    (album / "a.jpg").chmod(0o640)
    os.utime(album / "a.jpg", ns=(1_500_000_000_123_456_700,) * 2)
    if os.geteuid() == 0:
        os.chown(album / "a.jpg", 12345, 54321)
    xattr = True
    try:
        os.setxattr(album / "a.jpg", "user.rating", b"5")
    except (OSError, AttributeError):
        xattr = False
    tag(album, out=tmp_path / "out")
    was, now = (album / "a.jpg").stat(), (tmp_path / "out" / "a.jpg").stat()
    assert (now.st_mode, now.st_mtime_ns) == (was.st_mode, was.st_mtime_ns)
    assert os.geteuid() != 0 or (now.st_uid, now.st_gid) == (12345, 54321)
    assert not xattr or os.getxattr(tmp_path / "out" / "a.jpg", "user.rating") == b"5"


def test_a_read_only_folder_is_a_reason_and_copies_are_possible(album, tag, tmp_path):
    if os.geteuid() == 0:
        mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(tmp_path / "ro")]
        (tmp_path / "ro").mkdir()
        if subprocess.run(mount, capture_output=True, check=False).returncode:
            pytest.skip("needs a file system that can be mounted, or another user")
        album = fill(tmp_path / "ro" / "album")
        subprocess.run(["mount", "-o", "remount,ro", str(tmp_path / "ro")], check=True)
    else:
        for folder in (album, album / "deep"):
            folder.chmod(0o555)
    try:
        before = tree(album)
        expected = tag(album, write_exif=True, dry_run=True)
        rows = tag(album, write_exif=True)
        assert {name: verdict(cells) for name, cells in expected.items()} == {
            name: verdict(cells) for name, cells in rows.items()
        }
        assert {cells["status"] for cells in rows.values()} == {"failed"}
        assert all("--out" in c["note"] or "no permission" in c["note"] for c in rows.values())
        rows = tag(album, out=tmp_path / "out")
        assert {cells["status"] for cells in rows.values()} == {"tagged"}
        assert tree(album) == before
    finally:
        if os.geteuid() == 0:
            subprocess.run(["umount", str(tmp_path / "ro")], check=True)
        else:
            for folder in (album, album / "deep"):
                folder.chmod(0o755)


def test_a_full_disk_for_copies_and_sidecars(album, tag, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        before = tree(album)
        rows = tag(album, out=disk / "out")
        assert tree(album) == before
        assert any("disk is full" in cells["note"] for cells in rows.values())
        assert not [p for p in disk.rglob("*") if p.suffix == ".tmp"]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_new_sidecar_has_the_rights_of_any_new_file(album, tag):
    umask = os.umask(0o027)
    try:
        tag(album, sidecar=True)
    finally:
        os.umask(umask)
    assert stat.S_IMODE((album / "a.jpg.xmp").stat().st_mode) == 0o640


# Usage.


@pytest.mark.parametrize(
    ("flags", "word"),
    [
        ({"sidecar": True, "write_exif": True}, "choose one"),
        ({"tags": ("gps", "colour"), "write_exif": True}, "gps,keywords,region"),
        ({"tags": ("",), "write_exif": True}, "name some of"),
    ],
)
def test_flags_that_cannot_be(album, tag, flags, word):
    with pytest.raises(UsageError, match=word):
        tag(album, **flags)


def test_a_dry_run_writes_nothing_but_the_report(album, tag, tmp_path):
    before = tree(album)
    for flags in ({"write_exif": True}, {"sidecar": True}, {"out": tmp_path / "out"}):
        rows = tag(album, dry_run=True, **flags)
        assert "would write GPS, region and keywords tags" in rows["a.jpg"]["note"] or (
            "would write region and keywords tags" in rows["a.jpg"]["note"]
        )
    assert tree(album) == before
    assert not (tmp_path / "out").exists()


# A dry run says of each photo what the real run does.


def awkward(folder, tag):
    """Photos that are written, refused, kept, or written elsewhere, each for another reason."""
    drawer.fill(folder)
    for name in ("earlier", "older", "kept", "retired", "stuck", "shared", "linked", "locked"):
        Image.new("RGB", (64, 48), "red").save(folder / f"{name}.jpg")
    tag(folder / "earlier.jpg", write_exif=True)
    tag(folder / "older.jpg", write_exif=True, tags=("keywords",))
    for name in ("retired", "stuck"):
        tag(folder / f"{name}.jpg", sidecar=True)
    (folder / "stuck.jpg.xmp").chmod(0o444)
    tag(folder / "shared.jpg", sidecar=True, sidecar_style="adobe")
    (folder / "kept.jpg.xmp").write_bytes(WITH_GPS)
    for name, packet in (("foreign", FOREIGN), ("broken", b"<not XML"), ("empty", b"")):
        for suffix in ("jpg", "bmp"):
            Image.new("RGB", (64, 48), "lime").save(folder / f"{name}.{suffix}")
            (folder / f"{name}.{suffix}.xmp").write_bytes(packet)
    (folder / "measured.jpg").write_bytes(photo_at({}))
    (folder / "words.jpg").write_bytes(photo_at(ODD_POSITIONS["words"]))
    data = (folder / "linked.jpg").read_bytes()
    packet = jpegs.segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta")
    at = data.index(b"\xff\xdb")
    (folder / "damaged-xmp.jpg").write_bytes(data[:at] + packet + data[at:])
    (folder / "two-names.jpg").hardlink_to(folder / "linked.jpg")
    (folder / "two-names-of-one.jpg").symlink_to("retired.jpg")
    (folder / "locked.jpg").chmod(0o444)
    (folder / f"{'long' * 62}.bmp").write_bytes((folder / "empty.bmp").read_bytes())


needs_exiftool = pytest.mark.skipif(not shutil.which("exiftool"), reason="needs ExifTool")


def slow(options, *marks):
    return pytest.param(options, marks=[pytest.mark.slow, *marks])


CODES_OF_WRITES = {"dry_run", "sidecar_written", "old_sidecar_cleared", "sidecar_untagged"}


def verdict(cells):
    """What the run did with a photo, or would have done: status, and reasons without the writes."""
    codes = {reason["code"]: reason["detail"] for reason in cells["reasons"]}
    status = "tagged" if "dry_run" in codes and cells["status"] != "failed" else cells["status"]
    if "written_under_other_name" in codes:  # which depends on how far the run reads ahead
        codes = {"already_written": ""}
    return status, {code: text for code, text in codes.items() if code not in CODES_OF_WRITES}


@pytest.mark.parametrize(
    "options",
    [
        {"write_exif": True, "overwrite": "predicted"},
        {"sidecar": True, "sidecar_style": "adobe", "overwrite": "predicted"},
        {"out": "out"},
        slow({"write_exif": True}),
        slow({"write_exif": True, "overwrite": "always", "compat_tags": True}),
        slow({"write_exif": True, "backend": "exiftool"}, needs_exiftool),
        slow({"sidecar": True}),
        slow({"out": "out", "sidecar": True, "sidecar_style": "adobe"}),
    ],
    ids=str,
)
def test_a_dry_run_and_the_real_run_agree_on_every_photo(tmp_path, tag, options):
    folder, state = tmp_path / "awkward", Path(os.environ["GEOTAGGER_STATE"])
    folder.mkdir()
    awkward(folder, tag)
    if "out" in options:
        options = {**options, "out": tmp_path / "out"}
    before, journal = tree(folder), (state / "writes.sqlite").read_bytes()
    expected = tag(folder, dry_run=True, **options)
    assert tree(folder) == before
    assert (state / "writes.sqlite").read_bytes() == journal
    assert not (tmp_path / "out").exists()
    rows = tag(folder, **options)
    assert {name: verdict(cells) for name, cells in expected.items()} == {
        name: verdict(cells) for name, cells in rows.items()
    }
    after = tree(tmp_path / "out" if "out" in options else folder)
    changed = {name for name, state in after.items() if before.get(name) != state}
    if "out" not in options:
        changed |= before.keys() - after.keys()
        changed -= {path.name for path in folder.iterdir() if path.is_symlink()}
    changed = {printable_path(Path(name)) for name in changed}
    for name, cells in expected.items():
        names = {name, f"{name}.xmp", f"{name.rpartition('.')[0]}.xmp"}
        assert ("would write" in cells["note"]) == bool(names & changed), (name, cells["note"])
    assert any("would write" in cells["note"] for cells in expected.values())
    assert any("not written" in cells["note"] for cells in expected.values())


def test_a_second_dry_run_sees_that_nothing_is_left_to_write(album, tag):
    tag(album, write_exif=True)
    rows = tag(album, write_exif=True, dry_run=True, overwrite="predicted")
    assert not any("would write" in cells["note"] for cells in rows.values())
    assert all("already" in cells["note"] for cells in rows.values())


# Positions that other programs write.

ODD_POSITIONS = {
    "no direction": {1: None, 3: None},
    "text": {2: (jpegs.ASCII, b"60 10 5\0"), 4: (jpegs.ASCII, b"24,93333\0")},
    "seconds unknown": {2: (jpegs.RATIONAL, jpegs.rationals("<", 60, 10) + bytes(8))},
    "whole numbers": {2: (jpegs.LONG, jpegs.rationals("<", 60)[:4])},
    "words": {2: (jpegs.ASCII, b"in the north\0")},
    "out of range": {2: (jpegs.RATIONAL, jpegs.rationals("<", 160, 10, 5))},
    "latitude only": {3: None, 4: None},
    "wrong direction": {1: (jpegs.ASCII, b"E\0")},
}


def photo_at(changes):
    gps = {key: tag for key, tag in {**jpegs.position(), **changes}.items() if tag}
    return jpegs.photo(jpegs.exif(jpegs.tiff("<", gps=gps)))


@pytest.mark.parametrize("overwrite", ["never", "predicted"])
def test_whatever_could_be_a_position_is_kept(overwrite, tmp_path, tag):
    folder = tmp_path / "odd"
    folder.mkdir()
    for name, changes in ODD_POSITIONS.items():
        (folder / f"{name}.jpg").write_bytes(photo_at(changes))
    for name, position in {
        "xmp signed": b'exif:GPSLatitude="-33.45" exif:GPSLongitude="-70.66"',
        "xmp words": b'exif:GPSLatitude="north" exif:GPSLongitude="east"',
    }.items():
        packet = WITH_GPS.replace(
            b'exif:GPSLatitude="48,51.5N" exif:GPSLongitude="2,17.6E"', position
        )
        segment = jpegs.segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet)
        (folder / f"{name}.jpg").write_bytes(jpegs.photo(segment))
    before = tree(folder)
    for options in ({"write_exif": True}, {"sidecar": True}):
        rows = tag(folder, overwrite=overwrite, **options)
        assert len(rows) == len(before)
        assert {row["status"] for row in rows.values()} == {"predicted"}
        assert all("kept" in row["note"] for row in rows.values()), rows
        assert tree(folder) == before
    rows = tag(folder, only_missing=True)
    assert {row["status"] for row in rows.values()} == {"skipped"}


@pytest.mark.parametrize(
    "changes",
    [
        {2: (jpegs.RATIONAL, bytes(24))},
        {2: (jpegs.RATIONAL, jpegs.rationals("<", 0)), 4: (jpegs.RATIONAL, b"\0\0\0\0\1\0\0\0")},
        {2: None, 4: None},
    ],
    ids=["0/0", "0, 0", "nothing"],
)
def test_an_empty_fix_is_filled(changes, tmp_path, tag):
    folder = tmp_path / "empty"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(photo_at(changes))
    before = contents(folder)
    assert tag(folder, write_exif=True, only_missing=True)["a.jpg"]["status"] == "tagged"
    assert read((folder / "a.jpg").read_bytes()).gps_is_prediction
    untagged(folder)
    assert contents(folder) == before


@pytest.mark.skipif(not features.check("avif"), reason="Pillow without AVIF")
def test_the_position_of_a_photo_that_can_hold_none_is_in_its_sidecar(tmp_path, tag):
    folder = tmp_path / "avif"
    folder.mkdir()
    Image.new("RGB", (64, 48), "red").save(folder / "a.avif")
    Image.new("RGB", (64, 48), "red").save(folder / "a.jpg")
    before = contents(folder)
    rows = tag(folder, write_exif=True, min_confidence=1e-6, max_radius_km=1e5)
    assert rows["a.avif"]["level"] == "city"
    note = rows["a.avif"]["note"]
    assert "--backend exiftool" in note
    assert "--compat-tags" in note
    packet = (folder / "a.avif.xmp").read_bytes()
    gps = gps_in(packet)
    assert gps.is_prediction
    assert gps.point == pytest.approx(prediction_in(packet).point, abs=1e-5)
    assert b"<exif:GPSStatus>V<" in packet
    assert b"exif:GPSLatitude" not in (folder / "a.jpg").read_bytes()  # it is in EXIF
    again = tag(folder, write_exif=True, min_confidence=1e-6, max_radius_km=1e5)
    assert "already" in again["a.avif"]["note"]
    untagged(folder)
    assert contents(folder) == before
    tag(folder, sidecar=True, min_confidence=1e-6, max_radius_km=1e5)
    assert b"exif:GPSLatitude" not in (folder / "a.avif.xmp").read_bytes()
