"""Edges of the parsers and patches that the other tests stand back from."""

import random
import struct

import pytest

from geotagger.errors import CannotEmbedError
from geotagger.metadata import embed
from geotagger.metadata.containers.jpeg import segments
from geotagger.metadata.containers.tiff import TiffFile
from geotagger.metadata.embed import open_container
from geotagger.metadata.exif import patch as exif
from geotagger.metadata.exif.gps_tags import GpsTags
from geotagger.metadata.exif.ifd import GPS_IFD, Tiff
from geotagger.metadata.safe_write.verify import _same, _same_but_metadata
from geotagger.metadata.undo import delta as deltas
from geotagger.metadata.undo.delta import MAGIC, NO_FILE, delta, earlier_version, leads_to
from geotagger.metadata.undo.edits import Edit, apply
from geotagger.metadata.undo.record import record_at_end
from geotagger.types import Point
from tests.fixtures import jpegs
from tests.fixtures.jpegs import GPS, LONG, SHORT
from tests.fixtures.photo_files import SIMPLE, chunk, png, tiff

PARIS = GpsTags(Point(48.85837, 2.294481), 12.5, "Paris", "PREDICTED by geotagger")
PICTURE = random.Random(5).randbytes(50_000)


@pytest.mark.parametrize("length", [0, 8, 20, 31])
def test_a_delta_without_its_hash_is_none(length):
    assert leads_to(MAGIC + b"x" * length) is None
    assert earlier_version(b"later", MAGIC + b"x" * length) is None


def test_a_delta_of_zeros_says_that_there_was_no_file():
    assert leads_to(MAGIC + bytes(32)) == NO_FILE
    assert leads_to(MAGIC + bytes(31) + b"\1") == "00" * 31 + "01"


def test_runs_are_found_from_their_first_byte():
    """What was inserted is no multiple of the anchors: the run begins before the next of them."""
    earlier = b"#" + PICTURE
    for inserted in (b"x", b"y" * 7, b"z" * 33):
        packed = delta(inserted + PICTURE, earlier)
        assert deltas.only_in_earlier(packed) == 1
        assert earlier_version(inserted + PICTURE, packed) == earlier


def test_runs_of_every_length_are_found_to_their_end():
    for length in (100, 1 << 16, (1 << 16) + 1, (1 << 17) - 1):
        data = random.Random(length).randbytes(length)
        earlier, later = data + b"old end", data + b"new tail"
        packed = delta(later, earlier)
        assert deltas.only_in_earlier(packed) <= len(b"old end")
        assert earlier_version(later, packed) == earlier


def test_searches_end_where_a_file_was_rewritten(monkeypatch):
    """Else each 32 bytes would be looked for in the whole file."""
    monkeypatch.setattr(deltas, "_MAX_SEARCHES", 3)
    looked = []

    class Later(bytes):
        def find(self, *where):
            looked.append(where)
            return super().find(*where)

    earlier = random.Random(6).randbytes(10_000)
    packed = delta(Later(PICTURE), earlier)
    assert len(looked) == 2 * 3
    assert earlier_version(PICTURE, packed) == earlier


def test_runs_of_one_byte_are_not_looked_for(monkeypatch):
    """They are everywhere, and the first place found is seldom the right one."""
    monkeypatch.setattr(deltas, "_MAX_SEARCHES", 1)
    earlier = b"\0" * 320 + PICTURE
    packed = delta(b"head" + PICTURE, earlier)
    assert deltas.only_in_earlier(packed) == 320
    assert earlier_version(b"head" + PICTURE, packed) == earlier


@pytest.mark.parametrize("marker", [0x00, 0x01, 0xD0, 0xD7, 0xD8, 0xD9])
def test_markers_without_a_length_are_out_of_place(marker):
    photo = jpegs.photo()
    odd = photo[:2] + b"\xff" + bytes([marker]) + b"\0\4ab" + photo[2:]
    with pytest.raises(CannotEmbedError, match=f"FF{marker:02X}"):
        segments(odd)


@pytest.mark.parametrize("length", range(0, 80, 3))
def test_a_block_too_short_for_a_record_has_none(length):
    assert record_at_end(b"\xff" * length) is None
    assert record_at_end(bytes(length)) is None


IFD = 13  # TIFF technical note 1


def with_type(block, tag, kind):
    """The block, with another type in the entry of that tag."""
    block_tiff = Tiff(block)
    entry = block_tiff.ifd(block_tiff.first).entry(tag)
    return block[: entry.at + 2] + struct.pack("<H", kind) + block[entry.at + 4 :]


def test_pointers_may_be_of_the_type_that_is_for_them():
    block = with_type(jpegs.tiff("<", gps=jpegs.position("<")), GPS, IFD)
    found = Tiff(block)
    found.check()
    assert found.child(found.ifd(found.first), GPS_IFD).entry(2)
    for kind in (SHORT, 14):
        odd = Tiff(with_type(block, GPS, kind))
        with pytest.raises(ValueError, match="not one LONG"):
            odd.check()


def test_what_is_appended_ends_within_reach_of_offsets():
    most = exif._MAX_FILE_BYTES + embed._MAX_PACKET_BYTES + embed._MAX_UNDO_BYTES + (1 << 16)
    assert most < 1 << 32


@pytest.mark.parametrize("photometric", [32803, 34892])
def test_raw_by_its_colours(photometric):
    with pytest.raises(CannotEmbedError, match="RAW"):
        TiffFile(tiff("<", {262: (SHORT, struct.pack("<H", photometric))})).refuse_fragile()


@pytest.mark.parametrize("number", [32767, 32769, 32770, 34713, 34892, 65000, 65535])
def test_raw_by_its_compression(number):
    with pytest.raises(CannotEmbedError, match="RAW"):
        TiffFile(tiff("<", {259: (SHORT, struct.pack("<H", number))})).refuse_fragile()


@pytest.mark.parametrize("kind", [LONG, IFD])
def test_raw_in_a_directory_below_the_first(kind):
    plain = tiff("<", {330: (kind, bytes(4))})
    raw = jpegs.directory("<", len(plain), {262: (SHORT, struct.pack("<H", 32803))})
    with pytest.raises(CannotEmbedError, match="RAW"):
        TiffFile(tiff("<", {330: (kind, struct.pack("<L", len(plain)))}) + raw).refuse_fragile()
    sound = jpegs.directory("<", len(plain), {262: (SHORT, struct.pack("<H", 1))})
    TiffFile(tiff("<", {330: (kind, struct.pack("<L", len(plain)))}) + sound).refuse_fragile()


def test_in_a_tiff_nothing_longer_than_an_entry_is_replaced():
    file = TiffFile(tiff("<"))
    assert _same_but_metadata(file, file, [Edit(10, 22, bytes(12))])
    assert not _same_but_metadata(file, file, [Edit(10, 23, bytes(13))])


@pytest.mark.parametrize("left", [2, 4])
def test_half_a_position_is_seen_where_none_was_written(left):
    note = "PREDICTED by geotagger"
    tags = GpsTags(None, None, "Norway", note)
    area = {0x1C: note.encode()}
    assert _same(area, tags)
    assert not _same({**area, left: (1.0, 2.0, 3.0)}, tags)


SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, IFD: 4}
"""Bytes of a value of each type (TIFF 6.0, page 15; TIFF technical note 1)."""


@pytest.mark.parametrize(("kind", "size"), SIZES.items())
def test_values_that_end_with_the_block_are_inside_it(kind, size):
    at = 8 + 2 + 12 + 4
    entry = struct.pack("<HHLL", 0x9999, kind, 9, at)
    block = jpegs.header("<") + b"\1\0" + entry + bytes(4) + bytes(9 * size)
    whole = Tiff(block)
    assert whole.value_range(whole.ifd(8).entries[0]) == (at, len(block))
    with pytest.raises(ValueError, match="value of tag 0x9999 is outside"):
        Tiff(block[:-1]).check()


OTHERS = {
    "JPEG": (jpegs.photo(), jpegs.photo(jpegs.COMMENT)),
    "PNG": (png(), png(chunk(b"tEXt", b"Comment\0x"))),
    "WebP": (SIMPLE, SIMPLE[:4] + struct.pack("<L", len(SIMPLE)) + SIMPLE[8:] + b"ABCD" + bytes(4)),
}


@pytest.mark.parametrize(("before", "after"), OTHERS.values(), ids=OTHERS)
def test_a_part_more_or_less_is_a_change(before, after):
    before, after = open_container(before), open_container(after)
    assert _same_but_metadata(before, before, ())
    assert not _same_but_metadata(before, after, ())
    assert not _same_but_metadata(after, before, ())


@pytest.mark.parametrize("length", range(101, 109))
def test_directories_begin_on_word_boundaries(length):
    """As TIFF 6.0 demands (page 14), however long the packet is that stands before them."""
    block = jpegs.tiff("<")
    patched = Tiff(apply(block, exif.patch(Tiff(block), PARIS, b"x" * length)))
    assert patched.first % 2 == 0
    ifd0 = patched.ifd(patched.first)
    assert patched.child(ifd0, GPS_IFD).at % 2 == 0
    assert patched.value(ifd0.entry(700)) == b"x" * length


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
    assert _same(POSITION, PARIS)
    assert not _same(gps, PARIS)
