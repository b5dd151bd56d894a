"""The segments of a JPEG file up to its first scan (ITU-T T.81, annex B).

This is the strict reader that writing relies on: whatever is odd is refused, never repaired.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from geotagger.errors import CannotEmbedError
from geotagger.metadata.undo.edits import Edit, moved

EXIF_HEADER = b"Exif\0\0"
XMP_HEADER = b"http://ns.adobe.com/xap/1.0/\0"
_MAX_SEGMENT_BYTES = 0xFFFF  # with the length field

APP0, APP1, APP2, APP11 = 0xE0, 0xE1, 0xE2, 0xEB
_SOS = 0xDA
_WITHOUT_LENGTH = frozenset({0x00, 0x01, *range(0xD0, 0xDA)})
_MAX_SEGMENTS, _MAX_FILL_BYTES = 20_000, 10_000


class SegmentFullError(CannotEmbedError):
    """A segment cannot hold what is to be put into it."""


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
    while data[code : code + 1] == b"\xff" and code - start < _MAX_FILL_BYTES:  # T.81 B.1.1.2
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


def xmp_segment(data: bytes, found: list[Segment]) -> Segment | None:
    """The segment with the standard packet (XMP part 3, 1.1.3), not those of an extended one.

    Raises CannotEmbedError when there are several or the header is odd.
    """
    xmp = [
        s
        for s in found
        if s.marker == APP1 and b"ns.adobe.com/xap/" in data[s.payload : min(s.payload + 40, s.end)]
    ]
    if len(xmp) > 1:
        raise CannotEmbedError("the JPEG has more than one XMP packet")
    if xmp and not data.startswith(XMP_HEADER, xmp[0].payload, xmp[0].end):
        raise CannotEmbedError("the XMP segment has an unknown header")
    if xmp and any(s.start < xmp[0].start for s in found if is_picture_index(data, s)):
        raise CannotEmbedError("its picture index (MPF) stands before the XMP packet")
    return xmp[0] if xmp else None


def is_picture_index(data: bytes, segment: Segment) -> bool:
    """Whether it is a Multi-Picture index (CIPA DC-007): its offsets count from inside itself."""
    return segment.marker == APP2 and data.startswith(b"MPF\0", segment.payload)


class Jpeg:
    """Where the metadata of a JPEG file stands. Raises CannotEmbedError when the file is odd."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.segments = segments(data)
        self.exif_segment = exif_segment(data, self.segments)

    @property
    def exif(self) -> bytes | None:
        found = self.exif_segment
        return self.data[found.payload + len(EXIF_HEADER) : found.end] if found else None

    @property
    def xmp(self) -> bytes | None:
        """The standard packet. Raises CannotEmbedError when no other may stand in its place."""
        found = xmp_segment(self.data, self.segments)
        return self.data[found.payload + len(XMP_HEADER) : found.end] if found else None

    def edits(self, exif: list[Edit] | None, xmp: list[Edit] | None) -> list[Edit]:
        """Edits of the EXIF block and of the packet, as edits of the file.

        Each is one insertion at 0 where there was none, empty to change nothing, and None to take
        all of it out. Raises CannotEmbedError.
        """
        place = self.exif_segment
        at = place.end if place else self._behind_jfif()
        found = [] if exif == [] else self._block_edits(place, at, EXIF_HEADER, exif, "EXIF")
        if xmp != []:
            place = xmp_segment(self.data, self.segments)
            found += self._block_edits(place, at, XMP_HEADER, xmp, "XMP")
        return sorted(found, key=lambda edit: edit.start)

    @property
    def density(self) -> tuple[int, int, int]:
        """(EXIF's unit, 2 inch or 3 cm; pixels across; pixels down). 72 per inch means unknown."""
        for segment in self.segments:
            start = segment.payload
            if segment.marker == APP0 and self.data[start : start + 5] == b"JFIF\0":
                unit, x, y = struct.unpack(
                    ">BHH", self.data[start + 7 : start + 12].ljust(5, b"\0")
                )
                return (unit + 1, x, y) if unit in (1, 2) and x and y else (2, 72, 72)
        return 2, 72, 72

    def _behind_jfif(self) -> int:
        at = 2
        for segment in self.segments:
            if segment.marker != APP0:
                break
            at = segment.end
        return at

    def _block_edits(
        self, old: Segment | None, at: int, header: bytes, edits: list[Edit] | None, name: str
    ) -> list[Edit]:
        if edits is None:
            return [Edit(old.start, old.end, b"")] if old else []
        growth = sum(len(new) - (end - start) for start, end, new in edits)
        size = growth + (old.end - old.payload + 2 if old else 2 + len(header))
        if size > _MAX_SEGMENT_BYTES:
            raise SegmentFullError(f"the {name} segment is full (64 KB)")
        length = size.to_bytes(2)
        if old is None:
            return [Edit(at, at, b"\xff\xe1" + length + header + edits[0].new)]
        block_at = old.payload + len(header)
        return [Edit(old.payload - 2, old.payload, length), *moved(edits, block_at)]
