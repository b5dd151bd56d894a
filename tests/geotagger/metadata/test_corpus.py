"""Real camera files, where they are at hand: nothing but the position may be new in them.

Set GEOTAGGER_TEST_CORPUS to a folder of photos; skipped when there is none. ExifTool and Exiv2
give their opinion where they are installed.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from geotagger.errors import CannotEmbedError
from geotagger.metadata.file_tags import FileTags
from geotagger.metadata.safe_write.write import WriteContext, tag_file
from geotagger.metadata.undo.untag import untag_file
from geotagger.metadata.undo.write_journal import WriteJournal
from tests.fixtures.metadata import PARIS, others

CORPUS = Path(
    os.environ.get("GEOTAGGER_TEST_CORPUS") or Path(__file__).parents[4] / "shared" / "corpus"
)
SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".btf", ".dng", ".webp")
FILES = sorted(path for path in CORPUS.rglob("*") if path.suffix.lower() in SUFFIXES)
pytestmark = pytest.mark.skipif(not FILES, reason="no corpus of camera files here")
NEW_BLOCK = rb"Exif.Image.(XResolution|YResolution|ResolutionUnit|YCbCrPositioning) "
KNOWN_REASONS = (
    "not a JPEG|ends before|junk|wrong length|out of place|too many|more than one|unknown header|"
    "EXIF block is damaged|full|C2PA|MPF|AFCP|points to data behind|Leica|RAW|BigTIFF|behind the|"
    "hexadecimal|after its picture|cut off|another EXIF reader|another reader"
)


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def tagged(tmp_path_factory):
    """Two folders of the same names: the originals and the tagged files, and an open journal."""
    root = tmp_path_factory.mktemp("corpus")
    before, after = root / "before", root / "after"
    refused = Counter()
    for folder in (before, after):
        folder.mkdir()
    with WriteJournal(root / "writes.sqlite") as journal:
        for i, source in enumerate(FILES):
            name = f"{i:04}_{source.name}"
            shutil.copyfile(source, before / name)
            shutil.copyfile(source, after / name)
            try:
                tag_file(
                    after / name, sha256(source), FileTags(PARIS), WriteContext(journal, "always")
                )
            except CannotEmbedError as error:
                refused[str(error)] += 1
                assert sha256(after / name) == sha256(source)
                (before / name).unlink()
                (after / name).unlink()
        yield before, after, journal, refused


def pairs(tagged):
    return [(path, tagged[1] / path.name) for path in sorted(tagged[0].iterdir())]


def test_most_are_written_and_the_others_have_a_reason(tagged):
    refused = tagged[3]
    written = len(pairs(tagged))
    print(f"\n{written:6} written")
    for reason, count in refused.most_common():
        print(f"{count:6} {reason}")
        assert re.search(KNOWN_REASONS, reason)
    assert written > 0.9 * len(FILES)


def test_all_but_the_exif_segment_is_the_same(tagged):
    for old, new in pairs(tagged):
        assert others(old.read_bytes()) == others(new.read_bytes()), new


def test_pillow_finds_the_position(tagged):
    for _, new in pairs(tagged):
        with Image.open(new) as image:
            gps = image.getexif().get_ifd(0x8825)
        assert (gps[1], gps[3]) == ("N", "E"), new
        assert gps[2] == pytest.approx((48, 51, 30.132)), new
        assert b"PREDICTED by geotagger" in gps[0x1C], new


def exiftool(folder):
    """File name -> tag -> value, binary values and warnings included."""
    command = ["exiftool", "-q", "-j", "-a", "-b", "-G1:4", "-api", "ImageHashType=SHA256"]
    wanted = ["-all", "-ImageDataHash", "--System:all"]
    done = subprocess.run([*command, *wanted, folder], capture_output=True, check=False)
    return {Path(tags["SourceFile"]).name: tags for tags in json.loads(done.stdout)}


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("exiftool"), reason="no ExifTool")
def test_exiftool_sees_nothing_but_a_new_position(tagged):
    """Maker notes, previews, warnings: all as before. An absolute offset is shown as it now is."""
    before, after = exiftool(tagged[0]), exiftool(tagged[1])
    about_gps = re.compile(r"(GPS|Composite)(:Copy\d+)?:GPS|SourceFile|MPImage\d+:MPImageStart")
    density = ("XResolution", "YResolution", "ResolutionUnit", "YCbCrPositioning")
    for name, old in before.items():
        new = after[name]
        changed = {tag for tag in old.keys() | new.keys() if old.get(tag) != new.get(tag)}
        # A file without EXIF has a byte order and an EXIF group now; what XMP says of the same
        # may get another name for that.
        new_block = {"File:ExifByteOrder"} if "File:ExifByteOrder" not in old else set()
        changed = {t for t in changed if not about_gps.match(t)} - new_block
        if new_block:
            changed = {t for t in changed if t.split(":")[-1] not in density}
            assert not [t for t in changed if t in old and t not in new], name
        # A simple WebP file has a header that tells its size a second time.
        assert changed <= {"RIFF:WebP_Flags"}, name
        positions = [new[tag] for tag in new if re.fullmatch(r"GPS(:Copy\d+)?:GPSLatitude", tag)]
        assert positions == ["48 deg 51' 30.13\""], name
        assert new["Composite:GPSLatitude"] == "48 deg 51' 30.13\" N", name


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("exiv2"), reason="no Exiv2")
def test_exiv2_sees_nothing_but_a_new_position(tagged):
    def lines(path):
        command = ["exiv2", "-PEIXkyv", str(path)]
        return subprocess.run(command, capture_output=True, check=False).stdout.splitlines()

    for old, new in pairs(tagged):
        was = lines(old)
        changed = set(was) ^ set(lines(new))
        if not any(line.startswith(b"Exif") for line in was):
            changed = {line for line in changed if not re.match(NEW_BLOCK, line)}
        assert [line for line in changed if not re.match(rb".*(GPSInfo|GPSTag)", line)] == [], new
        assert any(re.match(rb"Exif.GPSInfo.GPSLatitude .*48/1 51/1", line) for line in changed)


def test_untag_gives_every_file_back(tagged):
    journal = tagged[2]
    for old, new in pairs(tagged):
        assert untag_file(new, journal).result == "restored"
        assert sha256(new) == sha256(old), new
