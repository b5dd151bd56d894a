"""Reading what a photo says of itself: every container, wrong position and hostile file."""

import io
import os
import struct
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, features

from geotagger.metadata import read_file as reading
from geotagger.metadata.containers.locate import exif_block, metadata_blocks
from geotagger.metadata.read import read, read_gps
from geotagger.metadata.read_file import read_head
from geotagger.metadata.xmp.prediction import with_prediction
from geotagger.metadata.xmp.tags import XmpTags
from geotagger.types import PhotoMetadata, Point
from tests.fixtures import jpegs
from tests.fixtures.jpegs import ASCII, LONG, RATIONAL, SRATIONAL, UNDEFINED

HELSINKI = Point(60 + 10 / 60 + 5 / 3600, -(24 + 56 / 60 + 42 / 3600))
BLOCK = jpegs.tiff("<", exif_ifd=jpegs.TAKEN, gps=jpegs.position())
EXPECTED = PhotoMetadata(HELSINKI, "", False, "2019-07-14T18:03:22+02:00", "Canon EOS 40D")


def saved(kind):
    file = io.BytesIO()
    Image.new("RGB", (16, 16)).save(file, kind, exif=b"Exif\0\0" + BLOCK)
    return file.getvalue()


def box(name, *content):
    body = b"".join(content)
    return struct.pack(">L", len(body) + 8) + name + body


def heif(
    block=BLOCK, version=0, method=0, items=b"\0\1", extents=1, claimed_extents=0, offset_delta=0
):
    """A HEIF file of one Exif item, in `extents` pieces: boxes only, there is no picture."""
    content = b"\0\0\0\6Exif\0\0" + block
    wide = version == 2
    number = struct.pack(">L" if wide else ">H", 7)
    infe = box(b"infe", b"\3\0\0\0" if wide else b"\2\0\0\0", number, b"\0\0Exif\0")
    iinf = box(b"iinf", bytes(4), items, infe)
    piece = -(-len(content) // extents)

    def meta(start):
        spans = [(at, min(piece, len(content) - at)) for at in range(0, len(content), piece)]
        iloc = box(
            b"iloc",
            struct.pack(">L", version << 24) + b"\x44\x40",
            struct.pack(">L" if wide else ">H", 1),
            number + (struct.pack(">H", method) if version else b"") + bytes(2),
            struct.pack(">LH", start + offset_delta, claimed_extents or len(spans)),
            *(struct.pack(">LL", at, size) for at, size in spans),
        )
        data = box(b"idat", content) if method == 1 else b""
        return box(b"meta", bytes(4), box(b"hdlr", bytes(24)), iinf, iloc, data)

    head = box(b"ftyp", b"heic", bytes(4), b"mif1heic")
    if method == 1:
        return head + meta(0)
    return head + meta(len(head + meta(0)) + 8) + box(b"mdat", content)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF", "PNG", "WEBP", "AVIF"])
def test_every_container(kind):
    if kind in ("WEBP", "AVIF") and not features.check(kind.lower()):
        pytest.skip(f"Pillow without {kind}")
    assert read(saved(kind)) == EXPECTED


@pytest.mark.parametrize("extents", [1, 3])
@pytest.mark.parametrize(("version", "method"), [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1)])
def test_every_way_to_place_an_item_in_heif(version, method, extents):
    assert read(heif(version=version, method=method, extents=extents)) == EXPECTED


def test_bare_tiff_block_and_big_endian():
    assert read(BLOCK) == EXPECTED
    block = jpegs.tiff(">", exif_ifd=jpegs.TAKEN, gps=jpegs.position(">"))
    assert read(block) == EXPECTED


@pytest.mark.parametrize(
    "data",
    [
        jpegs.photo(jpegs.JFIF, b"junk", jpegs.exif(BLOCK)),
        jpegs.photo(jpegs.exif(BLOCK), jpegs.exif(jpegs.tiff())),
        jpegs.photo(jpegs.exif(BLOCK, fill=4)),
        jpegs.photo(jpegs.exif(BLOCK))[: len(BLOCK) + 30],
    ],
    ids=["junk", "two EXIF segments", "fill bytes", "truncated"],
)
def test_a_sloppy_jpeg_is_read_all_the_same(data):
    assert read(data) == EXPECTED


def gps_of(tags, order="<"):
    found = read(jpegs.tiff(order, gps=tags))
    return found.gps, found.gps_problem


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({2: (RATIONAL, bytes(24))}, "0/0"),
        ({4: (RATIONAL, struct.pack("<6L", 24, 1, 56, 1, 42, 0))}, "longitude is no number"),
        ({4: (RATIONAL, struct.pack("<6L", 24, 1, 0, 0, 42, 1))}, "seconds without minutes"),
        ({4: (ASCII, b"somewhere\0")}, "longitude is no number"),
        (
            {2: (RATIONAL, jpegs.rationals("<", 0, 0, 0)), 4: (RATIONAL, b"\0\0\0\0\1\0\0\0")},
            "0, 0",
        ),
        ({2: (RATIONAL, jpegs.rationals("<", 91, 0, 0))}, "out of range"),
        ({4: (RATIONAL, jpegs.rationals("<", 180, 0, 1))}, "out of range"),
        ({2: (RATIONAL, struct.pack("<2L", 2**32 - 1, 1))}, "out of range"),
        ({1: (ASCII, b"E\0")}, "latitude has no N/S"),
        ({2: None}, "no latitude"),
        ({4: None}, "no longitude"),
        ({4: (RATIONAL, b"")}, "no longitude"),
    ],
)
def test_a_wrong_position_is_none_and_says_why(changes, problem):
    tags = {k: v for k, v in {**jpegs.position(), **changes}.items() if v}
    gps, why = gps_of(tags)
    assert gps is None
    assert problem in why


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, HELSINKI),
        ({3: (ASCII, b"e\0")}, Point(HELSINKI.lat, -HELSINKI.lon)),
        ({1: (ASCII, b"South\0")}, Point(-HELSINKI.lat, HELSINKI.lon)),
        ({2: (RATIONAL, struct.pack("<2L", 605, 10))}, Point(60.5, HELSINKI.lon)),
        ({2: (SRATIONAL, struct.pack("<6l", 60, 1, 30, 1, 0, 1))}, Point(60.5, HELSINKI.lon)),
        ({2: (RATIONAL, jpegs.rationals("<", 0, 0, 0))}, Point(0, HELSINKI.lon)),
        ({2: (RATIONAL, jpegs.rationals("<", 90, 0, 0))}, Point(90, HELSINKI.lon)),
        ({1: None}, HELSINKI),
        ({3: None}, Point(HELSINKI.lat, -HELSINKI.lon)),
        ({1: (ASCII, b"\0"), 3: (ASCII, b" \0")}, Point(HELSINKI.lat, -HELSINKI.lon)),
        ({1: None, 2: (SRATIONAL, struct.pack("<2l", -605, 10))}, Point(-60.5, HELSINKI.lon)),
        ({2: (RATIONAL, struct.pack("<6L", 60, 1, 30, 1, 0, 0))}, Point(60.5, HELSINKI.lon)),
        ({2: (RATIONAL, struct.pack("<6L", 60, 1, 0, 0, 0, 0))}, Point(60, HELSINKI.lon)),
        ({2: (LONG, struct.pack("<3L", 60, 30, 0))}, Point(60.5, HELSINKI.lon)),
        ({2: (ASCII, b"60.5\0")}, Point(60.5, HELSINKI.lon)),
        ({2: (ASCII, b"60 30 00\0")}, Point(60.5, HELSINKI.lon)),
        ({2: (ASCII, b"60/1 30/1 0/1\0")}, Point(60.5, HELSINKI.lon)),
        ({2: (ASCII, b"60,00000,30,00000,00,00000\0")}, Point(60.5, HELSINKI.lon)),
        ({2: (ASCII, b"-60.5\0"), 1: None}, Point(-60.5, HELSINKI.lon)),
        ({2: (UNDEFINED, b"60 30.0 S\0")}, Point(-60.5, HELSINKI.lon)),
    ],
)
def test_a_right_position_in_any_spelling(changes, expected):
    gps, why = gps_of({k: v for k, v in {**jpegs.position(), **changes}.items() if v})
    assert (gps.lat, gps.lon) == pytest.approx((expected.lat, expected.lon))
    assert why == ""


def test_a_gps_block_without_any_position_is_no_problem():
    assert gps_of(jpegs.WITHOUT_POSITION) == (None, "")
    assert gps_of({}) == (None, "")


def test_a_gps_pointer_to_nowhere_is_named_and_costs_nothing_else():
    block = bytearray(BLOCK)
    at = BLOCK.index(struct.pack("<HHL", jpegs.GPS, LONG, 1)) + 8
    block[at : at + 4] = b"\xff\xff\xff\0"
    found = read(bytes(block))
    assert "damaged" in found.gps_problem
    assert (found.gps, found.taken_at, found.camera) == (None, EXPECTED.taken_at, EXPECTED.camera)


@pytest.mark.parametrize(
    ("method", "area", "expected"),
    [
        (b"ASCII\0\0\0MANUAL", b"ASCII\0\0\0Paris; PREDICTED by geotagger 0.1.0", True),
        (b"ASCII\0\0\0MANUAL", b"UNICODE\0" + "é PREDICTED by geotagger".encode("utf-16-le"), True),
        (b"ASCII\0\0\0MANUAL", b"UNICODE\0" + "é PREDICTED by geotagger".encode("utf-16-be"), True),
        (b"ASCII\0\0\0MANUAL", b"ASCII\0\0\0Paris", False),
        (b"ASCII\0\0\0GPS", b"ASCII\0\0\0PREDICTED by geotagger", False),
        (b"", b"", False),
    ],
)
def test_only_the_whole_mark_makes_a_prediction(method, area, expected):
    tags = {**jpegs.position(), 0x1B: (UNDEFINED, method), 0x1C: (UNDEFINED, area)}
    found = read(jpegs.tiff("<", gps=tags))
    assert (found.gps, found.gps_is_prediction) == (HELSINKI, expected)


@pytest.mark.parametrize(
    ("date", "offset", "expected"),
    [
        (b"2019:07:14 18:03:22\0", b"+02:00\0", "2019-07-14T18:03:22+02:00"),
        (b"2019:07:14 18:03:22\0", b"-09:30\0", "2019-07-14T18:03:22-09:30"),
        (b"2019:07:14 18:03:22\0", b"   :  \0", "2019-07-14T18:03:22"),
        (b"2019:07:14 18:03:22\0", b"+25:00\0", "2019-07-14T18:03:22"),
        (b"2019-07-14T18:03:22Z\0", b"", "2019-07-14T18:03:22"),
        (b"2019/07/14 18:03:22\0", b"", "2019-07-14T18:03:22"),
        (b"0000:00:00 00:00:00\0", b"+02:00\0", ""),
        (b"    :  :     :  :  \0", b"", ""),
        (b"2019:13:14 18:03:22\0", b"", ""),
        (b"2019:02:30 18:03:22\0", b"", ""),
        (b"2019:07:14\0", b"", ""),
        (b"\xff\xfe\0", b"", ""),
        (b"", b"", ""),
    ],
)
def test_date_taken(date, offset, expected):
    block = jpegs.tiff(exif_ifd={0x9003: (ASCII, date), 0x9011: (ASCII, offset)})
    assert read(block).taken_at == expected


@pytest.mark.parametrize(
    ("make", "model", "expected"),
    [
        (b"Canon\0", b"Canon EOS 40D\0", "Canon EOS 40D"),
        (b"NIKON CORPORATION\0", b"NIKON D70\0", "NIKON D70"),
        (b"EASTMAN KODAK COMPANY\0", b"KODAK CX7530\0", "KODAK CX7530"),
        (b"Apple\0", b"iPhone 13 mini\0", "Apple iPhone 13 mini"),
        (b"  OLYMPUS  \0\0", b"E-1   \0", "OLYMPUS E-1"),
        (b"SONY\0", b"", "SONY"),
        (b"", b"E-1\0", "E-1"),
        (b"", b"", ""),
        (b"\x1b[31mEvil\0", b"\xff\xff\n\0", "[31mEvil \ufffd\ufffd"),
        (b"x" * 5000, b"", "x" * 100),
    ],
)
def test_camera(make, model, expected):
    assert read(jpegs.tiff(ifd0={0x010F: (ASCII, make), 0x0110: (ASCII, model)})).camera == expected


@pytest.mark.parametrize("data", [case[0] for case in jpegs.REFUSED.values()])
def test_odd_files_do_not_raise(data):
    assert isinstance(read(data), PhotoMetadata)


HOSTILE = {
    "empty": b"",
    "tiff header only": b"II*\0",
    "directory of 65535 entries": jpegs.header("<") + b"\xff\xff" + bytes(12 * 0xFFFF + 4),
    "values of 4 GB": jpegs.tiff(ifd0={0x010F: (ASCII, b"Canon\0")}).replace(
        b"\2\0\6\0\0\0", b"\2\0\xff\xff\xff\xff"
    ),
    "JPEG of nothing but markers": b"\xff\xd8" + b"\xff\x01" * 1_000_000,
    "JPEG of nothing but empty segments": b"\xff\xd8" + b"\xff\xe1\0\2" * 1_000_000,
    "JPEG of nothing but fill bytes": b"\xff\xd8" + b"\xff" * 2_000_000,
    "PNG of empty chunks": b"\x89PNG\r\n\x1a\n" + b"\0\0\0\0teXt\0\0\0\0" * 500_000,
    "PNG with an endless chunk": b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffeXIf",
    "WebP of empty chunks": b"RIFF\0\0\0\0WEBP" + b"VP8X\0\0\0\0" * 500_000,
    "boxes of no size": box(b"ftyp") + b"\0\0\0\1meta" + bytes(8) + bytes(1000),
    "boxes without end": box(b"ftyp") + box(b"free") * 500_000,
    "box of 16 EB": box(b"ftyp") + b"\0\0\0\1meta" + b"\xff" * 8 + bytes(1000),
    "HEIF item outside": heif(offset_delta=1 << 30),
    "HEIF cut in its directory": heif()[:100],
    "HEIF with a meta box of one byte": box(b"ftyp") + box(b"meta", b"\0"),
    "HEIF with its item in hundreds of pieces": heif(extents=500),
    "HEIF that claims 65535 pieces": heif(claimed_extents=0xFFFF, offset_delta=1),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_files_say_nothing_and_take_no_memory(data):
    assert read(data).gps is None
    assert len(exif_block_or_none(data) or b"") <= max(len(data), 1 << 24)


@pytest.mark.parametrize("name", [*jpegs.SOUND, *jpegs.REFUSED])
def test_the_position_alone_is_that_of_all(name):
    data = jpegs.SOUND[name] if name in jpegs.SOUND else jpegs.REFUSED[name][0]
    names = ("gps", "gps_problem", "gps_is_prediction", "gps_is_unread", "gps_is_from_track")
    whole = read(data)
    assert read_gps(metadata_blocks(data)) == PhotoMetadata(
        **{name: getattr(whole, name) for name in names}
    )


def exif_block_or_none(data):
    try:
        return exif_block(data)
    except (struct.error, IndexError):
        return None


STARTS = [
    b"II*\0",
    b"MM\0*",
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"RIFF\0\0\0\0WEBP",
    heif()[:90],
]


@given(st.sampled_from(STARTS), st.binary(max_size=400))
def test_random_bytes_do_not_raise(start, rest):
    assert isinstance(read(start + rest), PhotoMetadata)


@given(st.data(), st.sampled_from([heif(), heif(version=2, method=1), BLOCK, saved("PNG")]))
def test_changed_bytes_do_not_raise(data, original):
    changed = bytearray(original)
    for _ in range(data.draw(st.integers(1, 8))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    found = read(bytes(changed[: data.draw(st.integers(0, len(changed)))]))
    assert found.gps is None or (abs(found.gps.lat) <= 90 and abs(found.gps.lon) <= 180)


# The receiver's time, and the number of the camera.

TIME = {7: (RATIONAL, jpegs.rationals("<", 16, 3, 22)), 0x1D: (ASCII, b"2019:07:14\0")}


@pytest.mark.parametrize("block", [TIME, jpegs.WITHOUT_POSITION, {**jpegs.position(), **TIME}])
def test_gps_time_with_and_without_a_position(block):
    found = read(jpegs.tiff(gps=block))
    assert found.gps_time == "2019-07-14T16:03:22Z"
    assert datetime.fromisoformat(found.gps_time) == datetime(2019, 7, 14, 16, 3, 22, tzinfo=UTC)
    order = {7: (RATIONAL, jpegs.rationals(">", 16, 3, 22)), 0x1D: TIME[0x1D]}
    assert read(jpegs.tiff(">", gps=order)).gps_time == found.gps_time


def six(*numbers):
    return {7: (RATIONAL, struct.pack("<6L", *numbers))}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (six(16, 1, 3, 1, 2299, 100), "2019-07-14T16:03:22Z"),
        (six(16, 1, 363, 100, 0, 1), "2019-07-14T16:03:37Z"),
        (six(0, 1, 0, 1, 0, 1), "2019-07-14T00:00:00Z"),
        ({0x1D: (ASCII, b"2019-07-14\0")}, "2019-07-14T16:03:22Z"),
        (six(24, 1, 0, 1, 0, 1), ""),
        (six(16, 1, 60, 1, 0, 1), ""),
        (six(16, 1, 0, 1, 60, 1), ""),
        (six(16, 0, 3, 1, 22, 1), ""),
        (six(2**32 - 1, 1, 3, 1, 22, 1), ""),
        ({7: (RATIONAL, struct.pack("<4L", 16, 1, 3, 1))}, ""),
        ({7: (ASCII, b"16:03:22\0")}, ""),
        ({7: None}, ""),
        ({0x1D: None}, ""),
        ({0x1D: (ASCII, b"0000:00:00\0")}, ""),
        ({0x1D: (ASCII, b"2019:02:30\0")}, ""),
        ({0x1D: (ASCII, b"2019\0")}, ""),
        ({0x1D: (ASCII, b"\xff\xfe\0")}, ""),
    ],
)
def test_gps_time_in_any_spelling_or_none(changes, expected):
    tags = {k: v for k, v in {**TIME, **changes}.items() if v}
    assert read(jpegs.tiff(gps=tags)).gps_time == expected


def test_a_time_beside_a_prediction_is_none():
    mark = {
        0x1B: (UNDEFINED, b"ASCII\0\0\0MANUAL"),
        0x1C: (UNDEFINED, b"ASCII\0\0\0PREDICTED by geotagger 0.1.0"),
    }
    assert read(jpegs.tiff(gps={**jpegs.position(), **TIME, **mark})).gps_time == ""


@pytest.mark.parametrize(
    ("serial", "expected"),
    [
        (b"1430512345\0", "1430512345"),
        (b"  XA-12 \0\0", "XA-12"),
        (b"0000000000\0", ""),
        (b"-----\0", ""),
        (b"0000-0000\0", ""),
        (b"   \0", ""),
        (b"Unknown\0", ""),
        (b"\0\0\0", ""),
        (b"", ""),
        (b"\xff\xff\xff\0", ""),
    ],
)
def test_camera_serial(serial, expected):
    tags = {**jpegs.TAKEN, 0xA431: (ASCII, serial)}
    assert read(jpegs.tiff(exif_ifd=tags)).camera_serial == expected
    assert read(jpegs.tiff()).camera_serial == ""


# The head of a file alone.


def late(kind):
    """The EXIF behind half a megabyte of picture."""
    noise = Random(3).randbytes(3 * 500 * 400)
    file = io.BytesIO()
    more = {"lossless": True} if kind == "WEBP" else {}
    Image.frombytes("RGB", (500, 400), noise).save(file, kind, exif=b"Exif\0\0" + BLOCK, **more)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP", "HEIF"])
def test_the_head_of_a_large_file_says_what_the_whole_does(kind, tmp_path):
    path = tmp_path / "photo"
    data = (heif() if kind == "HEIF" else late(kind)) + bytes(300_000)
    path.write_bytes(data)
    assert len(data) > 300_000
    assert read_head(path) == read(data) == EXPECTED


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_tiff_whose_directories_stand_at_its_end_is_read_to_there(order, tmp_path):
    first = jpegs.tiff(order, exif_ifd=jpegs.TAKEN, gps=jpegs.position(order))
    path = tmp_path / "a.tif"
    path.write_bytes(moved_back(first, order, 400_000))
    assert read_head(path).camera == "Canon EOS 40D"


def moved_back(block, order, by):
    """IFD0 behind a gap; what it points to stays."""
    (at,) = struct.unpack_from(f"{order}L", block, 4)
    (count,) = struct.unpack_from(f"{order}H", block, at)
    ifd0 = block[at : at + 2 + 12 * count + 4]
    return block[:4] + struct.pack(f"{order}L", by) + block[8:].ljust(by - 8, b"\0") + ifd0


def test_a_head_reads_no_more_than_it_needs(tmp_path, monkeypatch):
    path = tmp_path / "a.jpg"
    path.write_bytes(jpegs.photo(jpegs.exif(BLOCK)) + bytes(1_000_000))
    seen = []
    monkeypatch.setattr(reading, "read_any", lambda data: seen.append(len(data)) or PhotoMetadata())
    read_head(path)
    assert seen == [1 << 18]


@pytest.mark.parametrize("name", ["", "gone.jpg", "pipe.jpg", "n" * 300, "locked.jpg"])
def test_what_has_no_head_says_nothing(name, tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "locked.jpg").symlink_to("locked.jpg")
    assert read_head(tmp_path / name) == PhotoMetadata()


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_the_heads_of_hostile_files(data, tmp_path):
    (tmp_path / "x").write_bytes(data)
    assert isinstance(read_head(tmp_path / "x"), PhotoMetadata)


# GPS that stands only in XMP.

XMP_GPS = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:GPSLatitude="%s" exif:GPSLongitude="2,17.6E"/>
</rdf:RDF></x:xmpmeta>"""


def with_xmp(packet, *segments):
    xmp = jpegs.segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + packet)
    return jpegs.photo(jpegs.JFIF, *segments, xmp)


def test_gps_in_xmp_alone_is_seen():
    found = read(with_xmp(XMP_GPS % b"48,51.5N"))
    assert (found.gps.lat, found.gps.lon) == pytest.approx((48 + 51.5 / 60, 2 + 17.6 / 60))
    assert not found.gps_is_prediction


def test_gps_in_exif_counts_more():
    found = read(with_xmp(XMP_GPS % b"48,51.5N", jpegs.exif(jpegs.tiff(gps=jpegs.position()))))
    assert found.gps.lat == pytest.approx(60.168, abs=1e-3)


def test_gps_in_xmp_that_is_none_is_told():
    found = read(with_xmp(XMP_GPS % b"48,51.5E"))
    assert "reference" in found.gps_problem
    assert found.gps_is_unread


def moved_gps(pointer_type=LONG, parent=jpegs.EXIF, order="<"):
    """A block whose Exif directory, or IFD0, holds the GPS pointer, of that type."""
    gps = {**jpegs.position(order), 1: (ASCII, b"N\0")}
    pointer = (LONG, bytes(4))
    exif_ifd = {**jpegs.TAKEN, **({jpegs.GPS: pointer} if parent == jpegs.EXIF else {})}
    ifd0 = {**jpegs.CAMERA, **({jpegs.GPS: pointer} if parent == 0 else {})}
    block = bytearray(jpegs.tiff(order, ifd0=ifd0, exif_ifd=exif_ifd))
    at = block.index(struct.pack(f"{order}HHL", jpegs.GPS, LONG, 1))
    new = struct.pack(f"{order}HHLL", jpegs.GPS, pointer_type, 1, len(block))
    block[at : at + 12] = new
    return bytes(block) + jpegs.directory(order, len(block), gps)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(("pointer_type", "parent"), [(9, 0), (13, 0), (LONG, jpegs.EXIF)])
def test_a_gps_directory_that_the_standard_does_not_know(pointer_type, parent, order):
    assert read(moved_gps(pointer_type, parent, order)).gps == HELSINKI


@pytest.mark.parametrize(
    ("gps", "unread"),
    [
        (jpegs.position(), False),
        ({**jpegs.position(), 2: (RATIONAL, jpegs.rationals("<", 91, 0, 0))}, True),
        ({**jpegs.position(), 2: (ASCII, b"somewhere\0")}, True),
        ({2: jpegs.position()[2]}, True),
        ({**jpegs.position(), 2: (RATIONAL, bytes(24))}, False),
        ({2: (RATIONAL, bytes(24)), 4: (RATIONAL, bytes(24))}, False),
        ({2: (RATIONAL, jpegs.rationals("<", 0)), 4: (RATIONAL, jpegs.rationals("<", 0))}, False),
        (jpegs.WITHOUT_POSITION, False),
        (None, False),
    ],
)
def test_what_another_program_could_take_for_a_position_is_marked(gps, unread):
    assert read(jpegs.tiff("<", gps=gps)).gps_is_unread is unread


def test_a_damaged_packet_may_hold_a_position():
    found = read(with_xmp((XMP_GPS % b"48,51.5N") + b"<<"))
    assert found.gps_is_unread
    assert "damaged" in found.gps_problem


@pytest.mark.parametrize("compat", [False, True])
def test_a_prediction_in_xmp_is_a_prediction(compat):
    tags = XmpTags(Point(48.5, 2.5), 5.0, 0.9, "city", "Europe", "France", compat=compat)
    found = read(with_xmp(with_prediction(None, tags)))
    assert found.gps_is_prediction
    assert (found.gps is not None) == compat
    beside_a_fix = read(with_xmp(with_prediction(XMP_GPS % b"48,51.5N", tags)))
    assert beside_a_fix.gps is not None
    assert not beside_a_fix.gps_is_prediction
