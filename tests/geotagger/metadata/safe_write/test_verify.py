"""The check of a written file sees each part that changed, and each position that is missing."""

import struct
from dataclasses import replace

import pytest
from PIL import Image

from geotagger.metadata.containers.tiff import TiffFile
from geotagger.metadata.embed import embed, open_container
from geotagger.metadata.exif.gps_tags import GpsTags
from geotagger.metadata.safe_write.verify import _agrees, _gps_tags, _only_metadata_changed
from geotagger.metadata.undo.edits import Edit
from geotagger.types import Point
from tests.fixtures import jpegs
from tests.fixtures.metadata import PARIS
from tests.fixtures.photo_files import SIMPLE, chunk, png, tiff


def test_in_a_tiff_nothing_longer_than_an_entry_is_replaced():
    file = TiffFile(tiff("<"))
    assert _only_metadata_changed(file, file, [Edit(10, 22, bytes(12))])
    assert not _only_metadata_changed(file, file, [Edit(10, 23, bytes(13))])


@pytest.mark.parametrize("left", [2, 4])
def test_half_a_position_is_seen_where_none_was_written(left):
    note = "PREDICTED by geotagger"
    tags = GpsTags(None, None, "Norway", note)
    area = {0x1C: note.encode()}
    assert _agrees(area, tags)
    assert not _agrees({**area, left: (1.0, 2.0, 3.0)}, tags)


OTHERS = {
    "JPEG": (jpegs.photo(), jpegs.photo(jpegs.COMMENT)),
    "PNG": (png(), png(chunk(b"tEXt", b"Comment\0x"))),
    "WebP": (SIMPLE, SIMPLE[:4] + struct.pack("<L", len(SIMPLE)) + SIMPLE[8:] + b"ABCD" + bytes(4)),
}


@pytest.mark.parametrize(("before", "after"), OTHERS.values(), ids=OTHERS)
def test_a_part_more_or_less_is_a_change(before, after):
    before, after = open_container(before), open_container(after)
    assert _only_metadata_changed(before, before, ())
    assert not _only_metadata_changed(before, after, ())
    assert not _only_metadata_changed(after, before, ())


AREA = {0x1C: b"PREDICTED by geotagger"}


POSITION = {**AREA, 1: "N", 2: (48.0, 51.0, 30.132), 3: "E", 4: (2.0, 17.0, 40.1316)}


@pytest.mark.parametrize(
    "gps",
    [
        {},
        AREA,
        {**POSITION, 2: (48.0, 51.0)},
        {**POSITION, 2: ("north", 0, 0)},
        {**POSITION, 1: "S"},
        {**POSITION, 4: (2.0, 17.0, 40.2)},
        {key: value for key, value in POSITION.items() if key != 0x1C},
    ],
)
def test_a_position_that_another_reader_does_not_find_is_not_there(gps):
    tags = replace(PARIS, note="PREDICTED by geotagger")
    assert _agrees(POSITION, tags)
    assert not _agrees(gps, tags)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("tags", [PARIS, replace(PARIS, point=Point(-33.5, -70.25))])
def test_the_reader_of_the_check_finds_what_pillow_finds(order, tags):
    written = embed(tiff(order), tags).data
    exif = Image.Exif()
    exif.load(written)
    pillow, found = exif.get_ifd(0x8825), _gps_tags(written)
    assert found == {tag: pillow[tag] for tag in (1, 2, 3, 4, 0x1C)}
    assert found == _gps_tags(b"Exif\0\0" + written)
    assert _gps_tags(tiff(order)) == _gps_tags(b"") == {}
