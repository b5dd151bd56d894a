"""Edits and undo records: packed, unpacked and applied; damaged records restore nothing."""

import struct
import zlib
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geotagger.metadata.containers.jpeg import JpegFile
from geotagger.metadata.embed import embed, original, undo_record
from geotagger.metadata.undo import edits
from geotagger.metadata.undo import record as undo
from geotagger.metadata.undo.edits import Edit
from geotagger.metadata.undo.record import record_at_end
from geotagger.metadata.undo.removal import without_own
from geotagger.metadata.undo.untag import untag_file
from geotagger.metadata.undo.write_journal import WriteJournal
from geotagger.metadata.xmp.prediction import with_prediction
from geotagger.metadata.xmp.tags import XmpTags
from tests.fixtures import jpegs, photo_files
from tests.fixtures.metadata import PARIS

RECORD = undo.EditRecord("ab" * 32, (Edit(2, 4, b"xyz"), Edit(9, 9, b""), Edit(9, 50, b"1")), 50)


@st.composite
def changed(draw):
    """Two texts, where the second is the first with a few pieces put in and taken out."""
    old = draw(st.binary(max_size=400))
    new = old
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(new)))
        new = new[:at] + draw(st.binary(max_size=60)) + new[at + draw(st.integers(0, 30)) :]
    return old, new


@given(changed())
def test_difference_leads_from_one_to_the_other_and_back(texts):
    old, new = texts
    found = edits.difference(old, new)
    assert edits.apply(old, found) == new
    assert edits.results_in(old, found, new)
    assert not edits.results_in(old, found, new + b"x")
    back = edits.inverse(old, found)
    assert edits.apply(new, back) == old
    assert edits.results_in(new, back, old)
    for before, after in pairwise(found):
        assert before.end <= after.start


def test_difference_is_short_where_text_was_put_in():
    old = bytes(range(32, 127)) * 20
    new = old[:100] + b"<new>" * 9 + old[100:700] + b"[more]" + old[720:]
    assert edits.difference(old, new) == [Edit(100, 100, b"<new>" * 9), Edit(700, 720, b"[more]")]


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_makes_agrees_with_apply(data, wanted):
    change = [Edit(0, min(3, len(data)), b"abc")]
    assert edits.results_in(data, change, wanted) == (edits.apply(data, change) == wanted)


def test_record_survives_packing_and_nothing_else():
    packed = RECORD.pack()
    assert undo.record_at_end(b"anything" + packed) == RECORD
    for at in range(len(packed)):
        flipped = packed[:at] + bytes((packed[at] ^ 1,)) + packed[at + 1 :]
        assert undo.record_at_end(flipped) is None
    for cut in range(len(packed)):
        assert undo.record_at_end(packed[:cut]) is None


@pytest.mark.parametrize(
    "wrong",
    [
        (Edit(5, 4, b""),),
        (Edit(2, 4, b""), Edit(3, 5, b"")),
    ],
)
def test_a_record_of_edits_that_cannot_be_is_none(wrong):
    assert undo.record_at_end(replace(RECORD, edits=wrong).pack()) is None


def test_a_record_of_a_later_version_is_none():
    packed = RECORD.pack()[:-4].replace(b"GTagUndo\2", b"GTagUndo\3")
    assert undo.record_at_end(packed + struct.pack("<L", zlib.crc32(packed))) is None


def test_a_record_for_a_longer_file_restores_nothing():
    assert RECORD.restore(b"short") is None


def test_a_record_of_version_1_is_none():
    """No release wrote it: its photos lose only the tags, as photos of unknown origin do."""
    body = struct.pack("<8sBB2xLL4s32s", b"GTagUndo", 1, 1, 0, 0, bytes(4), bytes(32))
    assert undo.record_at_end(bytes(90) + body + struct.pack("<L", zlib.crc32(body))) is None


def test_the_block_alone_goes_back_where_only_it_is_ours():
    for name in ("little endian", "bare"):
        data = jpegs.SOUND[name]
        tagged = embed(data, PARIS).data
        foreign = tagged[:-2] + b"\0\0"  # in the picture, which is no concern of ours
        assert original(foreign) == foreign
        cleaned, what = without_own(foreign, lambda packet: packet)
        assert cleaned == data[:-2] + b"\0\0"
        assert what == ("GPS tags",)


@pytest.mark.parametrize("name", ["little endian", "bare", "GPS", "PNG", "WebP, lossy"])
def test_the_record_of_xmp_goes_with_it(name):
    data = (jpegs.SOUND | photo_files.SOUND)[name]
    tagged = embed(data, None, lambda _: photo_files.PACKET).data
    foreign = tagged.replace(b"holiday", b"HOLIDAY")
    if name == "PNG":
        foreign = tagged + b"a trailer"
    cleaned, what = without_own(foreign, lambda _: None)
    assert what == ("undo record", "XMP properties")
    assert undo_record(cleaned) is None
    assert cleaned == {"PNG": data + b"a trailer"}.get(name, data) or name == "WebP, lossy"


def without_exif(data):
    """As another program leaves it that drops EXIF and keeps XMP."""
    photo = JpegFile(data)
    place = photo.exif_segment
    return data[: place.start] + data[place.end :]


TAGS = XmpTags(None, None, 0.9, "country", "Europe", "France")
MEASURED = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:GPSLatitude="48,51.5N"
 exif:GPSLongitude="2,17.6E"/></rdf:RDF></x:xmpmeta>"""


@pytest.mark.parametrize("packet", [None, MEASURED], ids=["none", "measured GPS in XMP"])
def test_our_xmp_goes_also_where_our_exif_is_gone(packet, tmp_path):
    data = jpegs.photo(jpegs.JFIF, jpegs.exif(jpegs.tiff("<")))
    if packet:
        data = jpegs.photo(
            jpegs.JFIF,
            jpegs.exif(jpegs.tiff("<")),
            jpegs.segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet),
        )
    tagged = embed(data, PARIS, lambda found: with_prediction(found, TAGS)).data
    path = tmp_path / "a.jpg"
    path.write_bytes(without_exif(tagged))
    with WriteJournal(tmp_path / "writes.sqlite") as journal:
        assert untag_file(path, journal).result == "cleaned"
        assert path.read_bytes() == without_exif(data)
        assert untag_file(path, journal).result == "untouched"


@pytest.mark.parametrize("name", [*jpegs.REFUSED, "no photo"])
def test_an_odd_file_without_anything_of_ours_is_no_failure(name, tmp_path):
    data = jpegs.REFUSED.get(name, (b"GIF89a",))[0]
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    with WriteJournal(tmp_path / "writes.sqlite") as journal:
        assert untag_file(path, journal).result == "untouched"
    assert path.read_bytes() == data


def test_the_record_is_small():
    sizes = {}
    for name, data in (jpegs.SOUND | photo_files.SOUND).items():
        written = embed(data, PARIS, lambda packet: packet or photo_files.PACKET)
        sizes[name] = len(written.record.pack())
    assert max(sizes.values()) < 200, sizes


@pytest.mark.parametrize("length", range(0, 80, 3))
def test_a_block_too_short_for_a_record_has_none(length):
    assert record_at_end(b"\xff" * length) is None
    assert record_at_end(bytes(length)) is None
