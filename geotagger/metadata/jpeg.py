"""The segments of a JPEG file up to its first scan (ITU-T T.81, annex B).

This is the strict reader that writing relies on: whatever is odd is refused, never repaired.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import NamedTuple

from geotagger.errors import CannotEmbedError

EXIF_HEADER = b"Exif\0\0"
MAX_TIFF_BYTES = 0xFFFF - 2 - len(EXIF_HEADER)
"""What an APP1 segment can hold besides its length field and the EXIF header."""

APP0, APP1, APP2, APP11 = 0xE0, 0xE1, 0xE2, 0xEB
_SOS = 0xDA
_SOI, _EOI = re.compile(rb"\xff\xd8\xff"), re.compile(rb"\xff\xd9")  # twice as fast as find()
_WITHOUT_LENGTH = frozenset({0x00, 0x01, *range(0xD0, 0xDA)})
_MAX_SEGMENTS = 20_000
_MAX_TRAILER_PICTURES = 64


class Segment(NamedTuple):
    """One marker segment; positions in bytes from the start of the file."""

    marker: int
    start: int
    """Of the first 0xFF, fill bytes included."""
    payload: int
    """Of the first byte after the length field."""
    end: int


def segments(data: bytes) -> list[Segment]:
    """The segments between SOI and the first scan; the last one is SOS.

    Raises CannotEmbedError where the file does not follow the standard to the letter.
    """
    if data[:2] != b"\xff\xd8":
        raise CannotEmbedError("it is not a JPEG file")
    found: list[Segment] = []
    pos = 2
    while not found or found[-1].marker != _SOS:
        if len(found) >= _MAX_SEGMENTS:
            raise CannotEmbedError("the JPEG has too many segments")
        found.append(_segment_at(data, pos))
        pos = found[-1].end
    return found


def _segment_at(data: bytes, start: int) -> Segment:
    if data[start : start + 1] not in (b"\xff", b""):
        raise CannotEmbedError(f"there is junk between the JPEG segments (byte {start})")
    code = start + 1
    while data[code : code + 1] == b"\xff":  # fill bytes, T.81 B.1.1.2
        code += 1
    payload = code + 3
    if payload > len(data):
        raise CannotEmbedError("the JPEG ends before its picture begins")
    marker = data[code]
    if marker in _WITHOUT_LENGTH:
        raise CannotEmbedError(f"the JPEG has a marker out of place (FF{marker:02X}, byte {start})")
    length = int.from_bytes(data[code + 1 : payload])
    end = code + 1 + length
    if length < 2 or end > len(data):
        raise CannotEmbedError(f"a JPEG segment has a wrong length (byte {start})")
    return Segment(marker, start, payload, end)


def exif_segment(data: bytes, found: list[Segment]) -> Segment | None:
    """The one EXIF segment, or None. Raises CannotEmbedError when there are several or it is odd.

    ExifTool also reads headers that are misspelt or stand after a few stray bytes; those are EXIF
    to the user, so they are refused here and not taken for "no EXIF".
    """
    exif = [
        s
        for s in found
        if s.marker == APP1 and b"exif\0" in data[s.payload : min(s.payload + 9, s.end)].lower()
    ]
    if len(exif) > 1:
        raise CannotEmbedError("the JPEG has more than one EXIF segment")
    if exif and data[exif[0].payload : exif[0].payload + len(EXIF_HEADER)] != EXIF_HEADER:
        raise CannotEmbedError("the EXIF segment has an unknown header")
    return exif[0] if exif else None


def exif_block(data: bytes, exif: Segment | None) -> bytes | None:
    """The TIFF block in the EXIF segment."""
    return data[exif.payload + len(EXIF_HEADER) : exif.end] if exif else None


def with_exif(data: bytes, tiff: bytes | None) -> bytes:
    """`data` with `tiff` as its EXIF block (None: without one); every other byte as it was.

    A new segment goes behind JFIF, where there is one. Raises CannotEmbedError.
    """
    found = segments(data)
    old = exif_segment(data, found)
    if tiff is None:
        return _spliced(data, old.start, b"", old.end) if old else data
    if len(tiff) > MAX_TIFF_BYTES:
        raise CannotEmbedError("the EXIF segment is full (64 KB)")
    content = (len(EXIF_HEADER) + len(tiff) + 2).to_bytes(2) + EXIF_HEADER + tiff
    if old:
        return _spliced(data, old.payload - 2, content, old.end)
    at = 2
    for segment in found:
        if segment.marker != APP0:
            break
        at = segment.end
    return _spliced(data, at, b"\xff\xe1" + content, at)


def _spliced(data: bytes, start: int, new: bytes, end: int) -> bytes:
    view = memoryview(data)  # no copy of the picture but the one that is wanted
    return b"".join((view[:start], new, view[end:]))


def trailer_starts(data: bytes, scan: Segment) -> list[int]:
    """Where something may begin behind the picture: the byte after EOI, and each SOI from there.

    0xFFD9 cannot occur in coded data (T.81 B.1.1.5). In the tables between two scans it could;
    then the answer holds a few positions too many.
    """
    eoi = _EOI.search(data, scan.end)
    if eoi is None or eoi.end() == len(data):
        return []
    pictures = islice(_SOI.finditer(data, eoi.end()), _MAX_TRAILER_PICTURES)
    return [eoi.end(), *(soi.start() for soi in pictures)]
