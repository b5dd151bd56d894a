"""A drawer of awkward JPEG files, built byte by byte, and not with the code that is under test.

`SOUND` holds files into which tags can be written, `REFUSED` files that must be left alone and a
word of the reason. Every one is a few kilobytes and shows a real 48 x 32 picture.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping

from PIL import Image

BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED, SRATIONAL = 1, 2, 3, 4, 5, 7, 10
_SIZES = {BYTE: 1, ASCII: 1, SHORT: 2, LONG: 4, RATIONAL: 8, UNDEFINED: 1, SRATIONAL: 8, 13: 4}
Tags = Mapping[int, tuple[int, bytes]]

EXIF, GPS, MAKER_NOTE = 0x8769, 0x8825, 0x927C
SOI, EOI = b"\xff\xd8", b"\xff\xd9"


def picture(mode: str = "RGB", **options: object) -> bytes:
    """A JPEG from Pillow, with its JFIF header."""
    image = Image.linear_gradient("L").resize((48, 32)).convert(mode)
    file = io.BytesIO()
    image.save(file, "JPEG", **options)  # type: ignore[arg-type]
    return file.getvalue()


def segment(marker: int, payload: bytes, fill: int = 0) -> bytes:
    return b"\xff" * fill + bytes((0xFF, marker)) + struct.pack(">H", len(payload) + 2) + payload


JFIF = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
BODY = picture()[2 + len(JFIF) :]


def photo(*segments: bytes, body: bytes = BODY, trailer: bytes = b"") -> bytes:
    return SOI + b"".join(segments) + body + trailer


def exif(block: bytes, header: bytes = b"Exif\0\0", fill: int = 0) -> bytes:
    return segment(0xE1, header + block, fill)


def rationals(order: str, *numbers: int) -> bytes:
    return struct.pack(f"{order}{2 * len(numbers)}L", *(x for n in numbers for x in (n, 1)))


def directory(order: str, at: int, tags: Tags, next_ifd: int = 0) -> bytes:
    """A directory at byte `at` with its values behind it."""
    table, values = struct.pack(f"{order}H", len(tags)), b""
    values_at = at + 2 + 12 * len(tags) + 4
    for tag, (kind, value) in sorted(tags.items()):
        field = value.ljust(4, b"\0")
        if len(value) > 4:
            field = struct.pack(f"{order}L", values_at + len(values))
            values += value + b"\0" * (len(value) % 2)
        table += struct.pack(f"{order}HHL", tag, kind, len(value) // _SIZES[kind]) + field
    return table + struct.pack(f"{order}L", next_ifd) + values


def header(order: str, first: int = 8) -> bytes:
    return (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}L", first)


def tiff(
    order: str = "<",
    ifd0: Tags | None = None,
    exif_ifd: Tags | None = None,
    gps: Tags | None = None,
    thumbnail: bytes = b"",
    tail: bytes = b"",
) -> bytes:
    """An EXIF block: IFD0, Exif, GPS and IFD1, in this order, where they are wanted."""

    def long(number: int) -> tuple[int, bytes]:
        return LONG, struct.pack(f"{order}L", number)

    tags = dict(CAMERA if ifd0 is None else ifd0)
    for pointer, wanted in ((EXIF, exif_ifd), (GPS, gps)):
        if wanted is not None:
            tags[pointer] = long(0)
    blocks, at = [], 8 + len(directory(order, 8, tags))
    for pointer, wanted in ((EXIF, exif_ifd), (GPS, gps)):
        if wanted is not None:
            tags[pointer] = long(at)
            blocks.append(directory(order, at, wanted))
            at += len(blocks[-1])
    ifd1 = 0
    if thumbnail:
        ifd1, size = at, 2 + 3 * 12 + 4
        entries = {0x0103: (SHORT, struct.pack(f"{order}H", 6)), 0x0202: long(len(thumbnail))}
        blocks.append(directory(order, at, {**entries, 0x0201: long(at + size)}) + thumbnail)
    return header(order) + directory(order, 8, tags, ifd1) + b"".join(blocks) + tail


CAMERA: Tags = {0x010F: (ASCII, b"Canon\0"), 0x0110: (ASCII, b"Canon EOS 40D\0")}
TAKEN: Tags = {
    0x9003: (ASCII, b"2019:07:14 18:03:22\0"),
    0x9011: (ASCII, b"+02:00\0"),
    MAKER_NOTE: (UNDEFINED, b"SECRET\0\1" + bytes(range(200))),
}


def position(order: str = "<") -> dict[int, tuple[int, bytes]]:
    """The GPS tags of a measurement at 60.168 N 24.945 W."""
    return {
        0: (BYTE, b"\2\2\0\0"),
        1: (ASCII, b"N\0"),
        2: (RATIONAL, rationals(order, 60, 10, 5)),
        3: (ASCII, b"W\0"),
        4: (RATIONAL, rationals(order, 24, 56, 42)),
        8: (ASCII, b"07\0"),
        0x1D: (ASCII, b"2019:07:14\0"),
    }


WITHOUT_POSITION: Tags = {
    0: (BYTE, b"\2\2\0\0"),
    7: (RATIONAL, rationals("<", 16, 3, 22)),
    8: (ASCII, b"07\0"),
    0x1D: (ASCII, b"2019:07:14\0"),
}
XMP = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
MORE_XMP = segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 32 + bytes(8) + b"<x/>")
ICC = segment(0xE2, b"ICC_PROFILE\0\1\1" + bytes(128))
IPTC = segment(0xED, b"Photoshop 3.0\x008BIM\4\4\0\0\0\0\0\6\x1c\2\x78\0\1A")
COMMENT = segment(0xFE, b"caf\xe9")
EXTRA_JFIF = segment(0xE0, b"JFXX\0\x13\1\1\0\0\0")
SIGNED = segment(0xEB, b"JP\0\1\0\0\0\1\0\0\0\x10jumb" + bytes(8))
LEICA_NOTE = {MAKER_NOTE: (UNDEFINED, b"LEICA\0\x02\xff" + bytes(40))}


def with_second_picture(exif_segment: bytes) -> bytes:
    """A Multi-Picture file (CIPA DC-007): an index in APP2, whose offset counts from itself."""
    second = picture(quality=20)

    def index(first_bytes: int, offset: int) -> bytes:
        entries = struct.pack("<LLLHH", 0x30000, first_bytes, 0, 0, 0)
        entries += struct.pack("<LLLHH", 0, len(second), offset, 0, 0)
        tags = {
            0xB000: (UNDEFINED, b"0100"),
            0xB001: (LONG, struct.pack("<L", 2)),
            0xB002: (UNDEFINED, entries),
        }
        return segment(0xE2, b"MPF\0" + header("<") + directory("<", 8, tags))

    first_bytes = len(photo(exif_segment, index(0, 0)))
    counts_from = 2 + len(exif_segment) + 4 + 4
    return photo(exif_segment, index(first_bytes, first_bytes - counts_from), trailer=second)


def preview_behind(order: str, from_file_start: bool) -> bytes:
    """A maker note that points to a picture behind the first one, as some Sony cameras do."""

    def build(preview_at: int) -> bytes:
        note = b"NOTE" + struct.pack(f"{order}L", preview_at)
        block = tiff(order, exif_ifd={MAKER_NOTE: (UNDEFINED, note)})
        return photo(exif(block), trailer=b"\0\0" + picture(quality=20))

    at = build(0).rindex(SOI)
    return build(at if from_file_start else at - len(SOI) - 4 - 6)


def _patched(block: bytes, at: int, value: bytes) -> bytes:
    return block[:at] + value + block[at + len(value) :]


def _entry_at(block: bytes, order: str, tag: int) -> int:
    return block.index(struct.pack(f"{order}H", tag), 8)


def _looping(order: str) -> bytes:
    block = tiff(order)
    return _patched(block, 8 + 2 + 2 * 12, struct.pack(f"{order}L", 8))


FULL = tiff("<", exif_ifd=TAKEN, thumbnail=picture(quality=10))
_GPS = tiff("<", gps=position())
_AT = _entry_at(_GPS, "<", GPS)

GAIN_MAP_XMP = segment(
    0xE1,
    b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf="
    b"'http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description rdf:about='' xmlns:hdrgm="
    b"'http://ns.adobe.com/hdr-gain-map/1.0/' hdrgm:Version='1.0'/></rdf:RDF></x:xmpmeta>",
)
MOTION_XMP = segment(
    0xE1,
    b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf="
    b"'http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:Description rdf:about='' xmlns:GCamera="
    b"'http://ns.google.com/photos/1.0/camera/' GCamera:MicroVideoOffset='412'/></rdf:RDF>"
    b"</x:xmpmeta>",
)
# A table of contents whose offsets count back from itself (SEFH), and its length and end mark.
_SAMSUNG = (
    b"\0\0\x01\x0a\x0e\0\0\0Image_UTC_Data1563120202000"
    + b"SEFH\x6b\0\0\0\1\0\0\0\0\0\x01\x0a\x23\0\0\0\x23\0\0\0"
    + b"\x18\0\0\0SEFT"
)

SOUND: dict[str, bytes] = {
    "bare": photo(),
    "JFIF": photo(JFIF),
    "JFIF, JFXX, comment": photo(JFIF, EXTRA_JFIF, COMMENT),
    "little endian": photo(exif(tiff("<", exif_ifd=TAKEN))),
    "big endian": photo(exif(tiff(">", exif_ifd=TAKEN))),
    "big endian, GPS": photo(exif(tiff(">", gps=position(">")))),
    "odd length": photo(exif(tiff("<", tail=b"\7"))),
    "empty IFD0": photo(exif(tiff("<", ifd0={}))),
    "GPS": photo(JFIF, exif(_GPS)),
    "GPS without a position": photo(exif(tiff("<", exif_ifd=TAKEN, gps=WITHOUT_POSITION))),
    "GPS 0/0": photo(exif(tiff("<", gps=position() | {2: (RATIONAL, bytes(24))}))),
    "GPS pointer 0": photo(exif(_patched(_GPS, _AT + 8, bytes(4)))),
    "thumbnail and maker note": photo(exif(FULL), XMP, ICC, IPTC),
    "thumbnail, big endian": photo(exif(tiff(">", exif_ifd=TAKEN, thumbnail=picture()))),
    "XMP before EXIF": photo(XMP, MORE_XMP, JFIF, exif(FULL)),
    "XMP, no EXIF": photo(JFIF, XMP, MORE_XMP, ICC, IPTC),
    "fill bytes": photo(JFIF, exif(FULL, fill=3), segment(0xFE, b"x", fill=2)),
    "fill bytes, no EXIF": photo(segment(0xFE, b"x", fill=5)),
    "second picture": with_second_picture(exif(FULL)),
    "second picture, no EXIF": with_second_picture(b""),
    "trailer": photo(exif(FULL), trailer=b"a video, say" * 40),
    "trailer, no EXIF": photo(trailer=b"\xff\xd9\xff\xff\0"),
    "restart markers": picture(restart_marker_blocks=1),
    "progressive": picture(progressive=True),
    "grey": picture("L"),
    "CMYK": picture("CMYK"),
    "gain map": with_second_picture(exif(FULL) + GAIN_MAP_XMP),
    "motion photo": photo(exif(FULL), MOTION_XMP, trailer=b"\0\0\0\x18ftypmp42" + bytes(400)),
    "Samsung trailer": photo(exif(FULL), trailer=_SAMSUNG),
    "maker note of 50 KB": photo(
        exif(tiff(exif_ifd={MAKER_NOTE: (UNDEFINED, bytes(range(250)) * 200)}))
    ),
    "no end marker": photo(exif(FULL))[:-2],
}

REFUSED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "not a JPEG"),
    "HEIF": (b"\0\0\0\x18ftypheic" + bytes(50), "not a JPEG"),
    "only SOI": (SOI, "ends before"),
    "cut in a segment": (photo(exif(FULL))[:100], "wrong length"),
    "cut before the scan": (photo(exif(FULL), body=b""), "ends before"),
    "length 0": (photo(b"\xff\xe4\0\0"), "wrong length"),
    "length 1": (photo(b"\xff\xe4\0\1\0\0"), "wrong length"),
    "junk between segments": (photo(JFIF, b"junk", exif(FULL)), "junk"),
    "one zero between segments": (photo(JFIF, b"\0", exif(FULL)), "junk"),
    "no picture": (photo(exif(FULL), body=EOI), "out of place|ends before"),
    "SOI twice": (SOI + photo(exif(FULL)), "out of place"),
    "two EXIF segments": (photo(exif(FULL), exif(FULL)), "more than one EXIF"),
    "two EXIF segments, one odd": (photo(exif(FULL), exif(FULL, b"EXIF\0\0")), "more than one"),
    "EXIF header misspelt": (photo(exif(FULL, b"EXIF\0\0")), "unknown header"),
    "EXIF header not at the start": (photo(exif(FULL, b"\0\0Exif\0\0")), "unknown header"),
    "bad TIFF header": (photo(exif(b"IM*\0\x08\0\0\0" + bytes(20))), "bad TIFF header"),
    "TIFF header cut": (photo(exif(b"II*\0")), "bad TIFF header"),
    "empty EXIF": (photo(exif(b"")), "bad TIFF header"),
    "IFD0 outside": (photo(exif(header("<", 4000) + bytes(50))), "outside"),
    "IFD0 in the header": (photo(exif(header("<", 2) + bytes(50))), "outside"),
    "IFD0 cut": (photo(exif(header("<") + b"\xff\0" + bytes(50))), "cut off"),
    "IFD1 outside": (photo(exif(_patched(tiff(), 34, b"\xff\xff\0\0"))), "outside"),
    "IFD chain loops": (photo(exif(_looping("<"))), "loop"),
    "IFD chain loops, big endian": (photo(exif(_looping(">"))), "loop"),
    "GPS is IFD0": (photo(exif(_patched(_GPS, _AT + 8, b"\x08\0\0\0"))), "loop"),
    "GPS pointer is SHORT": (photo(exif(_patched(_GPS, _AT + 2, b"\3\0"))), "not one LONG"),
    "GPS pointer is two LONG": (photo(exif(_patched(_GPS, _AT + 4, b"\2\0"))), "not one LONG"),
    "GPS pointer outside": (photo(exif(_patched(_GPS, _AT + 8, b"\0\0\1\0"))), "outside"),
    "GPS pointer twice": (photo(exif(_patched(_GPS, 10, _GPS[_AT : _AT + 12]))), "twice"),
    "value outside": (photo(exif(_patched(tiff(), 10 + 8, b"\0\0\1\0"))), "outside"),
    "64 KB of EXIF": (photo(exif(tiff(tail=bytes(0xFFFF - 2 - 6 - len(tiff()))))), "full"),
    "content credentials": (photo(exif(FULL), SIGNED), "C2PA"),
    "Leica M": (photo(exif(tiff(exif_ifd=LEICA_NOTE))), "Leica"),
    "index before EXIF": (
        photo(segment(0xE2, b"MPF\0" + header("<") + bytes(40)), exif(FULL)),
        "MPF",
    ),
    "AFCP": (photo(trailer=b"AXS!\0\1\0\0\0\0\0\0AXS!\0\0\0\0\0\0\0\0"), "AFCP"),
    "preview behind, TIFF offset": (preview_behind("<", from_file_start=False), "behind"),
    "preview behind, big endian": (preview_behind(">", from_file_start=False), "behind"),
    "preview behind, file offset": (preview_behind("<", from_file_start=True), "behind"),
}
