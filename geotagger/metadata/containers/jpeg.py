"""JPEG files: their marker segments up to the first scan (ITU-T T.81, annex B; Exif 3.0).

One walker serves the lenient reader, which skips what is odd, and the strict reader that writing
relies on, which refuses it.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

import numpy as np

from geotagger.errors import CannotEmbedError
from geotagger.metadata.exif.ifd import EXIF_IFD, read_tiff
from geotagger.metadata.undo.edits import Edit, growth_of, shifted

SOI, EOI = b"\xff\xd8", b"\xff\xd9"
EXIF_HEADER = b"Exif\0\0"
XMP_HEADER = b"http://ns.adobe.com/xap/1.0/\0"
_MAX_SEGMENT_BYTES = 0xFFFF  # with the length field

APP0, APP1, APP2, APP11, APP13 = 0xE0, 0xE1, 0xE2, 0xEB, 0xED
_EOI, _SOS = 0xD9, 0xDA
_WITHOUT_LENGTH = frozenset({0x00, 0x01, *range(0xD0, 0xDA)})
_FILL = re.compile(rb"\xff+")
_MAX_PARTS, _MAX_FILL_BYTES = 100_000, 1 << 20
_MAX_SEGMENTS, _MAX_STRICT_FILL_BYTES = 20_000, 10_000
_EOI_BYTES = re.compile(re.escape(EOI))  # three times as fast as bytes.find
_MAKER_NOTE = 0x927C
_LEICA_FILE_OFFSETS = b"LEICA\0\x02\xff"  # S2, M (Typ 240), M Monochrom (Typ 246)


class SegmentFullError(CannotEmbedError):
    """The new content does not fit into its segment."""


class EndlessJpegError(ValueError):
    """More precedes the picture than a photo can need: the file is made to keep a reader busy."""


class JpegSegment(NamedTuple):
    """One marker segment; positions in bytes from the start of the file."""

    marker: int
    start: int
    """Of the first 0xFF, fill bytes included."""
    payload: int
    """Of the first byte after the length field; `end` for a marker without one."""
    end: int
    """By the length field; may lie behind the end of the file."""


def walk(data: bytes) -> Iterator[JpegSegment]:
    """Every segment and marker from SOI to the first SOS or EOI, which is the last one.

    Bytes between segments that belong to none are skipped.

    Raises:
        EndlessJpegError: There are too many segments, or too many bytes between them.
    """
    pos = len(SOI)
    for _ in range(_MAX_PARTS):
        fill = _FILL.match(data, pos)
        if fill is None:
            pos = data.find(b"\xff", pos)
            if pos < 0:
                return
            continue
        start, code = fill.span()
        if code - start > _MAX_FILL_BYTES:
            raise EndlessJpegError("the JPEG has too many bytes between its segments")
        if code >= len(data):
            return
        marker, payload = data[code], code + 3
        end = code + 1 + int.from_bytes(data[code + 1 : payload])
        if marker in _WITHOUT_LENGTH:
            payload = end = code + 1
        yield JpegSegment(marker, start, payload, end)
        if marker in (_SOS, _EOI):
            return
        pos = max(end, code + 1)
    raise EndlessJpegError("the JPEG has too many segments")


def find_payload(data: bytes, marker: int, header: bytes) -> bytes | None:
    """What follows the header in the first segment of this kind that starts with it. Lenient."""
    return find_payloads(data, ((marker, header),))[0]


def find_payloads(data: bytes, kinds: Sequence[tuple[int, bytes]]) -> list[bytes | None]:
    """As `find_payload`, for several kinds of segments, each a marker and a header."""
    found: list[bytes | None] = [None] * len(kinds)
    markers = {marker for marker, _ in kinds}
    with suppress(EndlessJpegError):
        for segment in walk(data):
            if segment.marker not in markers:
                continue
            for i, (marker, header) in enumerate(kinds):
                is_kind = segment.marker == marker and data.startswith(header, segment.payload)
                if is_kind and found[i] is None:
                    found[i] = data[segment.payload + len(header) : segment.end]
            if None not in found:
                break
    return found


def strict_segments(data: bytes) -> list[JpegSegment]:
    """The segments between SOI and the first scan; the last one is SOS.

    Raises:
        CannotEmbedError: The file does not follow the standard to the letter.
    """
    if not data.startswith(SOI):
        raise CannotEmbedError("it is not a JPEG file")
    segments: list[JpegSegment] = []
    pos = len(SOI)
    try:
        for segment in walk(data):
            _check_segment(data, segment, pos)
            segments.append(segment)
            pos = segment.end
            if len(segments) > _MAX_SEGMENTS:
                raise CannotEmbedError("the JPEG has too many segments")
    except EndlessJpegError as error:
        raise CannotEmbedError(str(error)) from error
    if not segments or segments[-1].marker != _SOS:
        raise CannotEmbedError("the JPEG ends before its picture begins")
    return segments


def _check_segment(data: bytes, segment: JpegSegment, expected_start: int) -> None:
    marker, start, payload, end = segment
    if start != expected_start:
        raise CannotEmbedError(f"there is junk between the JPEG segments (byte {expected_start})")
    if marker in _WITHOUT_LENGTH:
        raise CannotEmbedError(f"the JPEG has a marker out of place (FF{marker:02X}, byte {start})")
    if payload > len(data):
        raise CannotEmbedError("the JPEG ends before its picture begins")
    if end < payload or end > len(data):
        raise CannotEmbedError(f"a JPEG segment has a wrong length (byte {start})")
    if payload - start > _MAX_STRICT_FILL_BYTES:
        raise CannotEmbedError("the JPEG has too many bytes between its segments")


class JpegFile:
    """A JPEG file whose metadata can be changed.

    Raises:
        CannotEmbedError: The file is odd.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.segments = strict_segments(data)
        self.exif_segment = self._exif_segment()

    @property
    def exif(self) -> bytes | None:
        """The EXIF block, from its TIFF header on."""
        segment = self.exif_segment
        return self.data[segment.payload + len(EXIF_HEADER) : segment.end] if segment else None

    @property
    def xmp(self) -> bytes | None:
        """The standard XMP packet. Raises CannotEmbedError if it cannot be replaced."""
        segment = self._xmp_segment()
        return self.data[segment.payload + len(XMP_HEADER) : segment.end] if segment else None

    @property
    def density(self) -> tuple[int, int, int]:
        """Pixel density by JFIF: (EXIF's unit: 2 inch, 3 cm; horizontal; vertical).

        72 per inch if JFIF gives none: in EXIF that means unknown.
        """
        for segment in self.segments:
            start = segment.payload
            if segment.marker == APP0 and self.data.startswith(b"JFIF\0", start):
                unit, x, y = struct.unpack(
                    ">BHH", self.data[start + 7 : start + 12].ljust(5, b"\0")
                )
                return (unit + 1, x, y) if unit in (1, 2) and x and y else (2, 72, 72)
        return 2, 72, 72

    def edits(self, exif: list[Edit] | None, xmp: list[Edit] | None) -> list[Edit]:
        """Turns edits of the EXIF block and of the XMP packet into edits of the file.

        Args:
            exif: One insertion at 0 if there is no block yet; empty: no change; None: remove it.
            xmp: The same for the packet.

        Raises:
            CannotEmbedError: The content does not fit, or cannot be replaced.
        """
        segment = self.exif_segment
        new_at = segment.end if segment else self._after_jfif()
        edits = []
        if exif != []:
            edits += self._payload_edits(segment, new_at, EXIF_HEADER, exif, "EXIF")
        if xmp != []:
            edits += self._payload_edits(self._xmp_segment(), new_at, XMP_HEADER, xmp, "XMP")
        return sorted(edits, key=lambda edit: edit.start)

    def refuse_fragile(self) -> None:
        """Refuses files that would lose something if their EXIF block grew by even one byte.

        Raises:
            CannotEmbedError: The text says what would be lost.
            TiffError: The EXIF block is damaged.
        """
        exif = self.exif_segment
        for segment in self.segments:
            if segment.marker == APP11 and self.data.startswith(b"JP", segment.payload):
                raise CannotEmbedError("it carries signed content credentials (C2PA/JUMBF)")
            if exif and segment.start < exif.start and self._is_picture_index(segment):
                raise CannotEmbedError("its picture index (MPF) comes before the EXIF block")
        self._refuse_trailer()
        if exif:
            self._refuse_leica()

    def _exif_segment(self) -> JpegSegment | None:
        """The only EXIF segment; None if there is none.

        ExifTool also reads headers that are misspelt or follow a few stray bytes. To the user they
        are EXIF, so they are refused here and not taken for "no EXIF".
        """
        candidates = [
            segment
            for segment in self.segments
            if segment.marker == APP1 and b"exif\0" in self._payload_start(segment, 9).lower()
        ]
        if len(candidates) > 1:
            raise CannotEmbedError("the JPEG has more than one EXIF segment")
        if candidates and not self.data.startswith(EXIF_HEADER, candidates[0].payload):
            raise CannotEmbedError("the EXIF segment has an unknown header")
        return candidates[0] if candidates else None

    def _xmp_segment(self) -> JpegSegment | None:
        """The segment of the standard packet (XMP part 3, 1.1.3), not of an extended one.

        Raises:
            CannotEmbedError: There are several, or its header is odd, or it must not move.
        """
        candidates = [
            segment
            for segment in self.segments
            if segment.marker == APP1 and b"ns.adobe.com/xap/" in self._payload_start(segment, 40)
        ]
        if len(candidates) > 1:
            raise CannotEmbedError("the JPEG has more than one XMP packet")
        if not candidates:
            return None
        (xmp,) = candidates
        if not self.data.startswith(XMP_HEADER, xmp.payload, xmp.end):
            raise CannotEmbedError("the XMP segment has an unknown header")
        if any(s.start < xmp.start for s in self.segments if self._is_picture_index(s)):
            raise CannotEmbedError("its picture index (MPF) comes before the XMP packet")
        return xmp

    def _payload_start(self, segment: JpegSegment, max_bytes: int) -> bytes:
        return self.data[segment.payload : min(segment.payload + max_bytes, segment.end)]

    def _is_picture_index(self, segment: JpegSegment) -> bool:
        """Whether it is a Multi-Picture index (CIPA DC-007), whose offsets count from itself."""
        return segment.marker == APP2 and self.data.startswith(b"MPF\0", segment.payload)

    def _after_jfif(self) -> int:
        at = len(SOI)
        for segment in self.segments:
            if segment.marker != APP0:
                break
            at = segment.end
        return at

    def _payload_edits(
        self,
        old: JpegSegment | None,
        new_at: int,
        header: bytes,
        edits: list[Edit] | None,
        name: str,
    ) -> list[Edit]:
        """Changes a segment, removes it, or inserts it at byte `new_at`."""
        if edits is None:
            return [Edit(old.start, old.end, b"")] if old else []
        size = growth_of(edits) + (old.end - old.payload + 2 if old else 2 + len(header))
        if size > _MAX_SEGMENT_BYTES:
            raise SegmentFullError(f"the {name} segment is full (64 KB)")
        length = size.to_bytes(2)
        if old is None:
            return [Edit(new_at, new_at, b"\xff\xe1" + length + header + edits[0].new)]
        content_at = old.payload + len(header)
        return [Edit(old.payload - 2, old.payload, length), *shifted(edits, content_at)]

    def _refuse_trailer(self) -> None:
        """What follows the picture moves; that is harmful only if an offset into it is stored."""
        data, scan_end = self.data, self.segments[-1].end
        # AXS File Concatenation Protocol: its directory holds offsets from the start of the file.
        if not data.endswith(EOI):
            eoi = _EOI_BYTES.search(data, scan_end)
            if eoi and data.find(b"AXS", eoi.end()) >= 0:
                raise CannotEmbedError(
                    "it has an AFCP trailer, whose offsets count from the file's start"
                )
        exif = self.exif_segment
        if exif:
            tiff_at = exif.payload + len(EXIF_HEADER)
            # Some maker notes (Sony, Pentax, Olympus, Leica) keep a preview there.
            if _points_behind(data, scan_end, tiff_at, exif.end):
                raise CannotEmbedError("its EXIF block points to data behind the picture")

    def _refuse_leica(self) -> None:
        block = self.exif or b""
        if _LEICA_FILE_OFFSETS not in block:
            return
        tiff = read_tiff(block)
        exif = tiff.child(tiff.ifd(tiff.first), EXIF_IFD)
        if exif and tiff.value(exif.entry(_MAKER_NOTE)).startswith(_LEICA_FILE_OFFSETS):
            raise CannotEmbedError("its Leica maker note holds offsets from the file's start")


def _points_behind(data: bytes, scan_end: int, tiff_at: int, tiff_end: int) -> bool:
    """Whether any four bytes of the EXIF block are an offset to where a trailer may begin.

    That is a byte after EOI, or an SOI. Neither marker can occur in coded data (T.81 B.1.1.5).
    """
    count = max(0, tiff_end - tiff_at - 3)
    numbers = [np.ndarray(count, f"{order}u4", data, tiff_at, strides=(1,)) for order in "<>"]
    far = np.concatenate([n[(n > scan_end - tiff_at) & (n < len(data))] for n in numbers])
    at = np.concatenate((far, far + np.int64(tiff_at)))
    at = at[(at > scan_end) & (at < len(data) - 2)]
    whole = np.frombuffer(data, np.uint8)
    likely = at[(whole[at - 1] == EOI[1]) | (whole[at + 1] == SOI[1])].tolist()  # mostly none
    return any(
        data.startswith(EOI, start - 2) or data.startswith(SOI + b"\xff", start) for start in likely
    )
