"""Embedding: nothing but the EXIF block changes, others can read it, and it can be taken back."""

import hashlib
import io
import re
import struct
from dataclasses import replace

import exifread
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.ExifTags import GPS as TAG

from geotagger.errors import CannotEmbedError
from geotagger.metadata import embed as embedding
from geotagger.metadata.embed import embed, original, undo_record
from geotagger.metadata.exif import patch as exif
from geotagger.metadata.exif.gps_tags import GpsTags
from geotagger.metadata.exif.ifd import GPS_IFD, Tiff
from geotagger.metadata.read import read
from geotagger.metadata.safe_write.verify import verify
from geotagger.metadata.undo.edits import Edit, apply
from geotagger.types import Point
from tests.fixtures import jpegs
from tests.fixtures.jpegs import GPS, SHORT
from tests.fixtures.metadata import COUNTRY, NOTE, PARIS, SANTIAGO, block, is_exif, parts

MEASURED = ["big endian, GPS", "GPS"]
sound = pytest.mark.parametrize("data", jpegs.SOUND.values(), ids=jpegs.SOUND.keys())


def gps(data):
    with Image.open(io.BytesIO(data), formats=["JPEG", "MPO"]) as image:
        return image.getexif().get_ifd(0x8825)


def tagged_as(data, tags):
    return embed(data, tags).data


def restored(data):
    return undo_record(data).restore(data)


@sound
@pytest.mark.parametrize("tags", [PARIS, SANTIAGO])
def test_only_the_exif_segment_changes(data, tags):
    written = embed(data, tags)
    tagged = written.data
    assert [p for p in parts(tagged) if not is_exif(p)] == [
        p for p in parts(data) if not is_exif(p)
    ]
    assert sum(map(is_exif, parts(tagged))) == 1
    verify(written)


@sound
def test_the_old_block_stays_in_place_but_for_one_entry(data):
    old, new = block(data), block(tagged_as(data, PARIS))
    if old is not None:
        changed = [i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b]
        assert not changed or changed[-1] - changed[0] < 12
        assert new[len(old) : len(old) + 4] == bytes(4)
    assert len(new) - len(old or b"") < 700


@sound
def test_the_picture_and_the_other_tags_are_the_same_to_pillow(data):
    tagged = tagged_as(data, PARIS)
    with Image.open(io.BytesIO(data)) as before, Image.open(io.BytesIO(tagged)) as after:
        assert before.format == after.format
        old, new = before.getexif(), after.getexif()
        added = {0x8825} if old else {0x8825, 0x11A, 0x11B, 0x128, 0x213}
        assert {k: v for k, v in old.items() if k != 0x8825} == {
            k: v for k, v in new.items() if k not in added
        }
        assert old.get_ifd(0x8769) == new.get_ifd(0x8769)
        assert old.get_ifd(1) == new.get_ifd(1)
        if data != jpegs.SOUND["no end marker"]:
            assert before.tobytes() == after.tobytes()


@sound
@pytest.mark.parametrize("tags", [PARIS, SANTIAGO])
def test_other_readers_find_the_position(data, tags):
    tagged = tagged_as(data, tags)
    if b"\xff\xff\xff\xe1" not in data:  # exifread knows no fill bytes
        theirs = exifread.utils.get_gps_coords(exifread.process_file(io.BytesIO(tagged)))
        assert theirs == pytest.approx((tags.point.lat, tags.point.lon), abs=1e-6)
    ours = read(tagged)
    assert (ours.gps.lat, ours.gps.lon) == pytest.approx((tags.point.lat, tags.point.lon), abs=1e-7)
    assert ours.gps_is_prediction
    assert (ours.taken_at, ours.camera) == (read(data).taken_at, read(data).camera)


@sound
def test_undo_gives_the_very_file_back(data):
    assert restored(tagged_as(data, PARIS)) == data


@sound
def test_tagging_again_starts_from_the_original(data):
    once = tagged_as(data, PARIS)
    assert tagged_as(once, PARIS) == once
    assert tagged_as(tagged_as(once, SANTIAGO), PARIS) == once


@pytest.mark.parametrize(
    ("jfif", "density"),
    [
        (b"\0\0\1\0\1", (2, 72, 72)),
        (b"\1\1\x2c\0\x96", (2, 300, 150)),
        (b"\2\0\x30\0\x30", (3, 48, 48)),
        (b"\1\0\0\0\0", (2, 72, 72)),
        (b"\1", (2, 72, 72)),
    ],
)
def test_new_block_claims_nothing_but_the_position_and_the_density_that_jfif_told(jfif, density):
    data = jpegs.photo(jpegs.segment(0xE0, b"JFIF\0\1\1" + jfif))
    unit, x, y = density
    block = Image.Exif()
    with Image.open(
        io.BytesIO(tagged_as(jpegs.photo() if jfif == b"\1" else data, PARIS))
    ) as image:
        block.load(image.info["exif"])
    position = block.pop(0x8825)
    assert position > 0
    assert dict(block) == {0x11A: x, 0x11B: y, 0x128: unit, 0x213: 1}


def test_new_segment_stands_behind_jfif():
    markers = [marker for marker, _ in parts(tagged_as(jpegs.SOUND["JFIF, JFXX, comment"], PARIS))]
    assert markers[:4] == [0xE0, 0xE0, 0xE1, 0xFE]


def test_a_prediction_is_marked_as_one():
    tags = gps(tagged_as(jpegs.SOUND["bare"], PARIS))
    assert set(tags) == {
        *(TAG.GPSVersionID, TAG.GPSLatitudeRef, TAG.GPSLatitude, TAG.GPSLongitudeRef),
        *(TAG.GPSLongitude, TAG.GPSStatus, TAG.GPSMapDatum, TAG.GPSProcessingMethod),
        *(TAG.GPSAreaInformation, TAG.GPSHPositioningError),
    }
    assert tags[TAG.GPSVersionID] == b"\2\3\0\0"
    assert tags[TAG.GPSStatus] == "V"
    assert tags[TAG.GPSMapDatum] == "WGS-84"
    assert tags[TAG.GPSProcessingMethod] == b"ASCII\0\0\0MANUAL"
    area = b"ASCII\0\0\0Paris, Ile-de-France, France; " + NOTE.encode()
    assert tags[TAG.GPSAreaInformation] == area
    assert tags[TAG.GPSHPositioningError] == 12_500
    assert tags[TAG.GPSLatitude][:2] == (48, 51)


def test_southern_and_western_halves():
    tags = gps(tagged_as(jpegs.SOUND["bare"], SANTIAGO))
    assert (tags[TAG.GPSLatitudeRef], tags[TAG.GPSLongitudeRef]) == ("S", "W")


def test_text_beyond_ascii_is_utf8_under_an_undefined_code():
    area = gps(tagged_as(jpegs.SOUND["bare"], SANTIAGO))[TAG.GPSAreaInformation]
    assert area == bytes(8) + f"Región Metropolitana, Chile; {NOTE}".encode()


def test_control_characters_and_endless_names_are_tamed():
    tags = GpsTags(PARIS.point, None, "a\0b\nc\x1b[31m" + "x" * 5000, NOTE)
    data = tagged_as(jpegs.SOUND["bare"], tags)
    area = gps(data)[TAG.GPSAreaInformation]
    assert area.startswith(b"ASCII\0\0\0a b c [31mxxx")
    assert NOTE.encode() in area
    assert read(data).gps_is_prediction
    assert len(area) < 600


def test_the_mark_is_not_optional():
    with pytest.raises(ValueError, match="PREDICTED"):
        GpsTags(PARIS.point, 1.0, "Paris", "seen by a person")


def test_region_names_alone_give_no_position():
    data = tagged_as(jpegs.SOUND["GPS without a position"], COUNTRY)
    tags = gps(data)
    assert not {TAG.GPSLatitude, TAG.GPSLongitude, TAG.GPSStatus, TAG.GPSMapDatum} & set(tags)
    assert b"France; PREDICTED" in tags[TAG.GPSAreaInformation]
    assert (read(data).gps, read(data).gps_is_prediction) == (None, True)
    assert restored(data) == jpegs.SOUND["GPS without a position"]


@pytest.mark.parametrize("name", MEASURED)
def test_region_names_alone_never_hide_a_measurement(name):
    with pytest.raises(CannotEmbedError, match="region names"):
        tagged_as(jpegs.SOUND[name], COUNTRY)
    with pytest.raises(CannotEmbedError, match="region names"):
        tagged_as(tagged_as(jpegs.SOUND[name], PARIS), COUNTRY)


def test_a_gps_block_without_position_keeps_its_time_but_no_claim_of_a_fix():
    tags = gps(tagged_as(jpegs.SOUND["GPS without a position"], PARIS))
    assert tags[TAG.GPSTimeStamp] == (16, 3, 22)
    assert tags[TAG.GPSDateStamp] == "2019:07:14"
    assert TAG.GPSSatellites not in tags


@pytest.mark.parametrize("name", MEASURED)
def test_nothing_of_a_replaced_measurement_is_passed_off_as_ours(name):
    data = tagged_as(jpegs.SOUND[name], PARIS)
    assert not {TAG.GPSDateStamp, TAG.GPSSatellites} & set(gps(data))
    old = jpegs.position("<" if name == "GPS" else ">")
    assert old[2][1] in data  # the bytes are still there, for undo


def test_a_prediction_that_lost_its_record_is_still_ours():
    data = tagged_as(jpegs.SOUND["GPS without a position"], PARIS)
    headless = data.replace(b"GTagUndo", b"XXXXXXXX")
    assert undo_record(headless) is None
    again = embed(headless, SANTIAGO)
    assert gps(again.data)[TAG.GPSDateStamp] == "2019:07:14"
    assert restored(again.data) == headless
    verify(again)


def test_second_picture_is_found_where_the_index_says():
    for name in ("second picture", "second picture, no EXIF"):
        with Image.open(io.BytesIO(tagged_as(jpegs.SOUND[name], PARIS))) as image:
            assert image.n_frames == 2
            image.seek(1)
            assert image.convert("L").getextrema()[1] > 200


@pytest.mark.parametrize(("data", "reason"), jpegs.REFUSED.values(), ids=jpegs.REFUSED.keys())
def test_odd_files_are_refused_with_the_reason(data, reason):
    with pytest.raises(CannotEmbedError) as refused:
        tagged_as(data, PARIS)
    assert re.search(reason, str(refused.value))
    assert undo_record(data) is None


def test_a_full_segment_is_refused_and_an_almost_full_one_is_not():
    room = len(block(tagged_as(jpegs.photo(jpegs.exif(jpegs.tiff())), PARIS))) - len(jpegs.tiff())
    padding = 0xFFFF - 2 - 6 - room - len(jpegs.tiff()) - 3
    data = jpegs.photo(jpegs.exif(jpegs.tiff(tail=bytes(padding))))
    assert restored(tagged_as(data, PARIS)) == data
    with pytest.raises(CannotEmbedError, match="full"):
        tagged_as(jpegs.photo(jpegs.exif(jpegs.tiff(tail=bytes(padding + 8)))), PARIS)


@given(
    st.floats(-90, 90, allow_subnormal=False),
    st.floats(-180, 180, allow_subnormal=False),
    st.sampled_from("<>"),
)
def test_positions_read_back_to_a_millimetre(lat, lon, order):
    data = jpegs.photo(jpegs.exif(jpegs.tiff(order)))
    found = read(tagged_as(data, GpsTags(Point(lat, lon), 1, "", NOTE)))
    if found.gps:
        assert (found.gps.lat, found.gps.lon) == pytest.approx((lat, lon), abs=2e-8)
    else:
        assert "0, 0" in found.gps_problem
        assert max(abs(lat), abs(lon)) < 1e-7


def mutated(draw, data):
    """`data` with a few bytes of its header changed, removed or added."""
    data = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, min(len(data), 900)))
        change = draw(st.sampled_from(["set", "cut", "insert", "end"]))
        if change == "set":
            data[at : at + 1] = draw(
                st.sampled_from([b"\0", b"\1", b"\2", b"\x7f", b"\xe1", b"\xfe", b"\xff"])
            )
        elif change == "cut":
            del data[at : at + draw(st.integers(1, 12))]
        elif change == "insert":
            data[at:at] = draw(st.binary(min_size=1, max_size=12))
        else:
            del data[draw(st.integers(0, len(data))) :]
    return bytes(data)


@given(st.data(), st.sampled_from(sorted(jpegs.SOUND)))
def test_a_damaged_file_is_refused_or_written_without_loss(data, name):
    damaged = mutated(data.draw, jpegs.SOUND[name])
    read(damaged)
    try:
        tagged = tagged_as(damaged, PARIS)
    except CannotEmbedError:
        return
    if damaged[:2] == jpegs.SOUND[name][:2]:  # else the TIFF block alone is left, which is a photo
        assert [p for p in parts(tagged) if not is_exif(p)] == [
            p for p in parts(damaged) if not is_exif(p)
        ]
    assert restored(tagged) == damaged
    assert read(tagged).gps_is_prediction


@given(st.data(), st.sampled_from(sorted(jpegs.SOUND)))
def test_a_tagged_file_that_changed_is_never_restored_wrongly(data, name):
    as_it_was = jpegs.SOUND[name]
    damaged = mutated(data.draw, tagged_as(as_it_was, PARIS))
    record = undo_record(damaged)
    if record and (found := record.restore(damaged)) is not None:
        assert hashlib.sha256(found).hexdigest() == record.sha256
        assert found == as_it_was
    original(damaged)


def test_verify_notices_what_it_is_there_for():
    written = embed(jpegs.SOUND["thumbnail and maker note"], PARIS)
    tagged = written.data
    for wrong, reason in (
        (tagged.replace(jpegs.ICC, jpegs.ICC[:-1] + b"\1"), "restored"),
        (tagged[:-3] + b"\x55" + tagged[-2:], "restored"),
        (tagged.replace(b"SECRET", b"secret"), "restored"),
        (tagged + b"x", "restored"),
        (tagged.replace(b"GTagUndo", b"XXXXXXXX"), "from the photo alone"),
        (tagged.replace(b"N\0\0\0", b"S\0\0\0"), "another EXIF reader"),
    ):
        assert wrong != tagged
        with pytest.raises(CannotEmbedError, match=reason):
            verify(written._replace(data=wrong))
    with pytest.raises(CannotEmbedError, match="another EXIF reader"):
        verify(written._replace(tags=SANTIAGO))
    at = len(tagged) - 3
    picture = Edit(at, at + 1, tagged[at : at + 1])
    record = replace(written.record, edits=(*written.record.edits, picture))
    with pytest.raises(CannotEmbedError, match="more than EXIF and XMP"):
        verify(written._replace(data=tagged[:at] + b"\x55" + tagged[at + 1 :], record=record))
    with pytest.raises(CannotEmbedError, match="XMP packet does not read back"):
        verify(written._replace(packet=b"<x/>"))


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
    most = (
        exif._MAX_FILE_BYTES + embedding._MAX_PACKET_BYTES + embedding._MAX_UNDO_BYTES + (1 << 16)
    )
    assert most < 1 << 32


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


@pytest.mark.parametrize("length", range(101, 109))
def test_directories_begin_on_word_boundaries(length):
    """As TIFF 6.0 demands (page 14), however long the packet is that stands before them."""
    block = jpegs.tiff("<")
    patched = Tiff(apply(block, exif.patch(Tiff(block), PARIS, b"x" * length)))
    assert patched.first % 2 == 0
    ifd0 = patched.ifd(patched.first)
    assert patched.child(ifd0, GPS_IFD).at % 2 == 0
    assert patched.value(ifd0.entry(700)) == b"x" * length
