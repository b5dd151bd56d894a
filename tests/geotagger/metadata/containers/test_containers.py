"""PNG, TIFF and WebP: only metadata changes, others read it, and the very file comes back."""

import io
import re
import struct
import zlib
from contextlib import suppress

import exifread
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from geotagger.errors import CannotEmbedError
from geotagger.metadata.containers.jpeg import strict_segments
from geotagger.metadata.containers.locate import xmp_packet
from geotagger.metadata.containers.tiff import TiffFile
from geotagger.metadata.embed import embed, open_container, original, undo_record
from geotagger.metadata.exif.gps_tags import GpsTags
from geotagger.metadata.read import read
from geotagger.metadata.safe_write.verify import verify
from geotagger.metadata.undo.edits import Edit, apply
from geotagger.metadata.undo.removal import without_own
from geotagger.metadata.xmp.packet import GEOTAGGER
from tests.fixtures import jpegs, photo_files
from tests.fixtures.jpegs import LONG, SHORT
from tests.fixtures.metadata import (
    NOTE,
    PARIS,
    SANTIAGO,
    chunks,
    kind,
    others,
    parts,
)
from tests.fixtures.photo_files import PACKET, chunk, png, png_xmp, tiff

OURS = b"<!-- ours -->"
EVERY = jpegs.SOUND | photo_files.SOUND
NEW_PACKET = PACKET.replace(b"holiday", b"geotagger")
every = pytest.mark.parametrize("name", EVERY)
each = pytest.mark.parametrize("name", photo_files.SOUND)


def with_ours(packet):
    """As small a change of a packet as can be."""
    if packet is None:
        return NEW_PACKET
    at = packet.rfind(b"</x:xmpmeta>")
    return packet[:at] + OURS + packet[at:] if at >= 0 else packet + OURS


def without_ours(packet):
    return None if packet == NEW_PACKET else packet.replace(OURS, b"")


@every
@pytest.mark.parametrize("change", [None, with_ours], ids=["EXIF", "EXIF and XMP"])
def test_only_metadata_changes_and_the_file_comes_back(name, change):
    data = EVERY[name]
    written = embed(data, PARIS, change)
    verify(written)
    assert written.xmp_problem == ""
    assert others(written.data) == others(data)
    assert undo_record(written.data) == written.record
    assert undo_record(written.data).restore(written.data) == data
    assert embed(written.data, PARIS, change).data == written.data
    assert embed(embed(written.data, SANTIAGO).data, PARIS, change).data == written.data
    if change:
        assert xmp_packet(written.data) == with_ours(xmp_packet(data))
    else:
        assert xmp_packet(written.data) == xmp_packet(data)


@every
def test_xmp_alone(name):
    data = EVERY[name]
    written = embed(data, None, with_ours)
    verify(written)
    assert xmp_packet(written.data) == with_ours(xmp_packet(data))
    assert read(written.data) == read(data)
    assert original(written.data) == data


@each
def test_every_frame_looks_the_same(name):
    data = photo_files.SOUND[name]
    assert photo_files.frames(embed(data, PARIS, with_ours).data) == photo_files.frames(data)


@each
@pytest.mark.parametrize("tags", [PARIS, SANTIAGO])
def test_other_readers_find_the_position(name, tags):
    data = embed(photo_files.SOUND[name], tags, with_ours).data
    with Image.open(io.BytesIO(data)) as image:
        gps = image.getexif().get_ifd(0x8825)
    assert NOTE.encode() in gps[0x1C]
    assert gps[1] == ("S" if tags.point.lat < 0 else "N")
    found = read(data)
    assert found.gps_is_prediction
    assert (found.gps.lat, found.gps.lon) == pytest.approx((tags.point.lat, tags.point.lon))
    if kind(data) == "TIFF":  # in WebP, exifread wants the header of JPEG before the block
        lat, lon = exifread.utils.get_gps_coords(exifread.process_file(io.BytesIO(data)))
        assert (lat, lon) == pytest.approx((tags.point.lat, tags.point.lon), abs=1e-6)


@each
def test_region_names_alone(name):
    if "GPS" in name or name == "WebP, EXIF and XMP":
        return
    written = embed(photo_files.SOUND[name], GpsTags(None, None, "France", NOTE))
    verify(written)
    assert (read(written.data).gps, read(written.data).gps_is_prediction) == (None, True)


@pytest.mark.parametrize(
    ("data", "reason"), photo_files.REFUSED.values(), ids=photo_files.REFUSED.keys()
)
def test_odd_files_are_refused_with_the_reason(data, reason):
    with pytest.raises(CannotEmbedError) as refused:
        verify(embed(data, PARIS, with_ours))
    assert re.search(reason, str(refused.value))
    assert undo_record(data) is None
    read(data)
    xmp_packet(data)


XMP_REFUSED = {
    "JPEG, two packets": (jpegs.photo(jpegs.XMP, jpegs.XMP), "more than one"),
    "JPEG, index before": (
        jpegs.photo(jpegs.segment(0xE2, b"MPF\0" + jpegs.header("<") + bytes(40)), jpegs.XMP),
        "MPF",
    ),
    "JPEG, odd header": (
        jpegs.photo(jpegs.segment(0xE1, b"http://ns.adobe.com/xap/1.0/ <x/>")),
        "unknown header",
    ),
    "PNG, two packets": (png(png_xmp(), png_xmp()), "more than one"),
    "PNG, compressed": (png(png_xmp(compressed=True)), "compressed"),
    "PNG, hexadecimal": (png(chunk(b"zTXt", b"Raw profile type xmp\0\0x")), "hexadecimal"),
    "TIFF, odd type": (photo_files.tiff("<", {700: (3, PACKET + b" ")}), "odd XMP tag"),
}


@pytest.mark.parametrize(("data", "reason"), XMP_REFUSED.values(), ids=XMP_REFUSED.keys())
def test_where_xmp_cannot_be_written_exif_is(data, reason):
    written = embed(data, PARIS, with_ours)
    verify(written)
    assert written.packet is None
    assert re.search(reason, written.xmp_problem)
    assert read(written.data).gps_is_prediction
    assert xmp_packet(written.data) == xmp_packet(data)
    assert original(written.data) == data
    with pytest.raises(CannotEmbedError, match=reason):
        embed(data, None, with_ours)


@pytest.mark.parametrize("name", ["JFIF", "XMP before EXIF", "PNG", "TIFF, XMP", "WebP, lossy"])
def test_a_packet_too_large_or_that_may_not_be_changed(name):
    for change, reason in ((lambda _: bytes(65_503), "too large"), (_refuse, "not mine")):
        written = embed(EVERY[name], PARIS, change)
        verify(written)
        assert re.search(reason, written.xmp_problem)
        assert xmp_packet(written.data) == xmp_packet(EVERY[name])


def _refuse(_):
    raise CannotEmbedError("not mine to change")


def test_a_packet_that_is_replaced_wholly_is_kept_for_undo_up_to_a_size():
    for size, well in ((10_000, True), (30_000, False)):
        data = png(png_xmp(bytes(i * i % 251 for i in range(size))))
        written = embed(data, PARIS, lambda _: NEW_PACKET)
        verify(written)
        assert original(written.data) == data
        assert (written.xmp_problem == "") is well


def test_an_unchanged_packet_is_no_change():
    data = photo_files.SOUND["PNG, XMP"]
    written = embed(data, PARIS, lambda packet: packet)
    assert (written.packet, written.xmp_problem) == (None, "")
    with pytest.raises(CannotEmbedError, match="nothing to write"):
        embed(data, None, lambda packet: packet)


def test_new_chunks_stand_where_readers_look():
    apple = embed(png(photo_files.IDOT), PARIS, with_ours).data
    names = [name for name, _ in chunks(apple)]
    assert names == [b"IHDR", b"eXIf", b"iTXt", b"iDOT", b"IDAT", b"IDAT", b"IEND", b""]
    animated = embed(photo_files.SOUND["PNG, animated"], PARIS).data
    names = [name for name, _ in chunks(animated)]
    assert names.index(b"eXIf") < names.index(b"fcTL")
    names = [name for name, _ in chunks(embed(photo_files.SIMPLE, PARIS, with_ours).data)]
    assert names == [b"VP8X", b"VP8 ", b"EXIF", b"XMP ", b""]
    data = embed(photo_files.SOUND["WebP, XMP"], PARIS, with_ours).data
    assert [name for name, _ in chunks(data)] == [b"VP8X", b"VP8 ", b"EXIF", b"XMP ", b""]


@pytest.mark.parametrize(
    ("name", "has_alpha"),
    [("WebP, lossy", False), ("WebP, lossless", False), ("WebP, lossless, alpha", True)],
)
def test_a_simple_webp_gets_a_true_header(name, has_alpha):
    data = embed(photo_files.SOUND[name], PARIS).data
    with Image.open(io.BytesIO(data)) as image:
        width, height = image.size
    (flags,) = struct.unpack_from("<L", data, 20)
    assert data[12:20] == b"VP8X\x0a\0\0\0"
    # Pillow writes an opaque picture without alpha, whatever its mode
    assert flags == 0x08 | (0x10 if data[34 + 4 : 38] and _vp8l_alpha(data) else 0)
    assert int.from_bytes(data[24:27], "little") + 1 == width
    assert int.from_bytes(data[27:30], "little") + 1 == height
    assert _vp8l_alpha(data) in (has_alpha, False)


def _vp8l_alpha(data):
    at = data.find(b"VP8L")
    return at >= 0 and bool(struct.unpack_from("<L", data, at + 9)[0] >> 28 & 1)


def test_chunk_checksums_are_right():
    data = embed(photo_files.SOUND["PNG, EXIF and XMP"], PARIS, with_ours).data
    for _, raw in chunks(data)[:-1]:
        assert raw[-4:] == zlib.crc32(raw[4:-4]).to_bytes(4)


def test_a_tiff_grows_only_at_its_end():
    for name in ("TIFF, GPS directory", "TIFF, pages, XMP", "TIFF, trailer"):
        data = photo_files.SOUND[name]
        tagged = embed(data, PARIS, with_ours).data
        changed = [i for i, (a, b) in enumerate(zip(data, tagged, strict=False)) if a != b]
        assert len(changed) <= 12


@every
def test_removal_after_the_record_was_lost(name):
    """All that is ours goes, all else stays, whatever became of the record."""
    data = EVERY[name]
    tagged = embed(data, PARIS, with_ours).data.replace(b"GTagUndo", b"XXXXXXXX")
    if kind(tagged) == "PNG":
        tagged = _checksums_right(tagged)
    cleaned, what = without_own(tagged, without_ours)
    assert what == ("GPS tags", "XMP properties")
    assert others(cleaned) == others(data)
    assert not read(cleaned).gps_is_prediction
    assert read(cleaned).taken_at == read(data).taken_at
    assert OURS not in (xmp_packet(cleaned) or b"")
    assert without_own(cleaned, without_ours) == (cleaned, ())
    verify(embed(cleaned, PARIS, with_ours))


def _checksums_right(data):
    fixed = b"".join(raw[:-4] + zlib.crc32(raw[4:-4]).to_bytes(4) for _, raw in chunks(data)[:-1])
    return data[:8] + fixed + chunks(data)[-1][1]


@every
def test_removal_puts_the_exif_block_back_when_only_xmp_was_changed(name):
    data = EVERY[name]
    if kind(data) == "TIFF":
        return  # its packet is in the block
    tagged = embed(data, PARIS, with_ours).data
    changed = _with_packet(tagged, _grown(xmp_packet(tagged)))
    assert original(changed) == changed
    cleaned, _ = without_own(changed, without_ours)
    assert read(cleaned) == read(data)
    if kind(data) == "JPEG":
        assert [p for p in parts(cleaned) if b"Exif\0\0" in p[1][:12]] == [
            p for p in parts(data) if b"Exif\0\0" in p[1][:12]
        ]


def _grown(packet):
    return packet.replace(OURS, OURS + b"<!-- theirs -->").replace(b"geotagger", b"theirs")


def _with_packet(data, packet):
    """What another program would make of the file."""

    container = open_container(data)
    return apply(data, container.edits([], [Edit(0, len(container.xmp), packet)]))


def test_removal_leaves_alone_what_is_not_ours():
    for data in (*EVERY.values(), jpegs.photo(jpegs.exif(photo_files.GPS_BLOCK))):
        assert without_own(data, lambda packet: packet) == (data, ())


@pytest.mark.parametrize("name", ["XMP, no EXIF", "PNG, XMP", "TIFF, XMP", "WebP, XMP"])
def test_removal_is_not_stopped_by_an_odd_packet_of_another(name):
    tagged = embed(EVERY[name], PARIS).data
    cleaned, what = without_own(tagged, _refuse)
    assert what == ("GPS tags",)
    assert xmp_packet(cleaned) == xmp_packet(EVERY[name])
    ours = embed(EVERY[name], PARIS, lambda _: GEOTAGGER.encode()).data
    with pytest.raises(CannotEmbedError, match="not mine"):
        without_own(ours, _refuse)


def test_removal_keeps_what_another_program_put_beside_our_tags():
    altitude = {6: (5, struct.pack("<LL", 12, 1)), 5: (1, b"\0")}
    from geotagger.metadata.exif import gps_tags

    gps = gps_tags.encode_tags(PARIS, "<") | altitude
    data = jpegs.photo(jpegs.exif(jpegs.tiff("<", exif_ifd=jpegs.TAKEN, gps=gps)))
    cleaned, what = without_own(data, lambda packet: packet)
    assert what == ("GPS tags",)
    with Image.open(io.BytesIO(cleaned)) as image:
        assert image.getexif().get_ifd(0x8825) == {6: 12.0, 5: b"\0"}
    assert len(cleaned) == len(data)
    assert read(cleaned).taken_at == read(data).taken_at


def overlapping_directories(count=300):
    """Each claims 65,535 entries: a small file, and millions of entries for who reads them all."""
    file = bytearray(8 + 14 * count + 2 + 65_535 * 12 + 4)
    file[:8] = jpegs.header("<")
    for number in range(count):
        at = 8 + 14 * number
        file[at : at + 2] = b"\xff\xff"
        next_at = at + 2 + 65_535 * 12
        file[next_at : next_at + 4] = struct.pack("<L", at + 14)
    return bytes(file)


def pages_that_share_a_table(pages=300, strips=100_000):
    file = jpegs.header("<", 8 + 4 * strips) + struct.pack("<L", 8) * strips
    for page in range(pages):
        next_at = len(file) + 30 if page + 1 < pages else 0
        file += struct.pack("<HHHLLHHLLL", 2, *(273, 4, strips, 8), *(279, 4, strips, 8), next_at)
    return file


HOSTILE = {
    "overlapping directories": (overlapping_directories(), "loop, or are too many"),
    "shared strips": (pages_that_share_a_table(), "too many parts"),
    "directories in a chunk": (png(chunk(b"eXIf", overlapping_directories())), "too many"),
    "many chunks": (png(chunk(b"abCd") * 60_000), "junk"),
    "many WebP chunks": (photo_files.webp(*[(b"ABCD", b"")] * 110_000), "junk"),
    "many segments": (jpegs.photo(jpegs.COMMENT * 21_000), "too many segments"),
    "fill bytes without end": (b"\xff\xd8" + b"\xff" * 100_000, "length|ends before"),
}


@pytest.mark.parametrize(("data", "reason"), HOSTILE.values(), ids=HOSTILE.keys())
def test_files_made_to_keep_a_reader_busy_are_refused(data, reason):
    read(data)
    xmp_packet(data)
    with pytest.raises(CannotEmbedError, match=reason):
        embed(data, PARIS, with_ours)
    with suppress(CannotEmbedError):
        without_own(data, without_ours)


def test_a_packet_of_megabytes_is_left_alone():
    data = png(png_xmp(PACKET + b" " * 5_000_000))
    written = embed(data, PARIS, with_ours)
    verify(written)
    assert "too large" in written.xmp_problem


def mutated(draw, data):
    """`data` with a few bytes changed, removed or added, mostly near its ends."""
    data = bytearray(data)
    for _ in range(draw(st.integers(1, 3))):
        near = draw(st.integers(0, min(len(data), 400)))
        at = near if draw(st.booleans()) else len(data) - near
        change = draw(st.sampled_from(["set", "cut", "insert", "end"]))
        if change == "set":
            data[at : at + 1] = draw(st.sampled_from([b"\0", b"\1", b"\x7f", b"\x80", b"\xff"]))
        elif change == "cut":
            del data[at : at + draw(st.integers(1, 12))]
        elif change == "insert":
            data[at:at] = draw(st.binary(min_size=1, max_size=12))
        elif draw(st.booleans()):
            del data[at:]
    return bytes(data)


@given(st.data(), st.sampled_from(sorted(EVERY)), st.booleans())
def test_a_damaged_file_is_refused_or_written_without_loss(draw, name, tagged_before):
    data = embed(EVERY[name], SANTIAGO, with_ours).data if tagged_before else EVERY[name]
    damaged = mutated(draw.draw, data)
    read(damaged)
    xmp_packet(damaged)
    before = original(damaged)
    try:
        without_own(damaged, lambda packet: packet)
        written = embed(damaged, PARIS, with_ours)
        verify(written)
    except CannotEmbedError:
        return
    assert written.original == before
    assert undo_record(written.data).restore(written.data) == before
    assert read(written.data).gps_is_prediction


@pytest.mark.parametrize("marker", [0x00, 0x01, 0xD0, 0xD7, 0xD8, 0xD9])
def test_markers_without_a_length_are_out_of_place(marker):
    photo = jpegs.photo()
    odd = photo[:2] + b"\xff" + bytes([marker]) + b"\0\4ab" + photo[2:]
    with pytest.raises(CannotEmbedError, match=f"FF{marker:02X}"):
        strict_segments(odd)


@pytest.mark.parametrize("photometric", [32803, 34892])
def test_raw_by_its_colours(photometric):
    with pytest.raises(CannotEmbedError, match="RAW"):
        TiffFile(tiff("<", {262: (SHORT, struct.pack("<H", photometric))})).refuse_fragile()


@pytest.mark.parametrize("number", [32767, 32769, 32770, 34713, 34892, 65000, 65535])
def test_raw_by_its_compression(number):
    with pytest.raises(CannotEmbedError, match="RAW"):
        TiffFile(tiff("<", {259: (SHORT, struct.pack("<H", number))})).refuse_fragile()


@pytest.mark.parametrize("kind", [LONG, 13])  # 13: an IFD, TIFF technical note 1
def test_raw_in_a_directory_below_the_first(kind):
    plain = tiff("<", {330: (kind, bytes(4))})
    raw = jpegs.directory("<", len(plain), {262: (SHORT, struct.pack("<H", 32803))})
    with pytest.raises(CannotEmbedError, match="RAW"):
        TiffFile(tiff("<", {330: (kind, struct.pack("<L", len(plain)))}) + raw).refuse_fragile()
    sound = jpegs.directory("<", len(plain), {262: (SHORT, struct.pack("<H", 1))})
    TiffFile(tiff("<", {330: (kind, struct.pack("<L", len(plain)))}) + sound).refuse_fragile()


@pytest.mark.parametrize("name", photo_files.LARGE_TEXT)
def test_a_png_with_much_packed_text_is_written_and_comes_back(name):
    data = photo_files.LARGE_TEXT[name]
    written = embed(data, PARIS)
    verify(written)
    assert read(written.data).gps_is_prediction
    assert others(written.data) == others(data)
    assert undo_record(written.data).restore(written.data) == data
