"""JPEG files that would lose something if their EXIF block grew by even one byte."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from geotagger.errors import CannotEmbedError
from geotagger.metadata import jpeg
from geotagger.metadata.tiff import EXIF_IFD, Tiff

if TYPE_CHECKING:
    from geotagger.metadata.jpeg import Segment

_MAKER_NOTE = 0x927C
_LEICA_FILE_OFFSETS = b"LEICA\0\x02\xff"  # S2, M (Typ 240), M Monochrom (Typ 246)


def refuse_fragile(data: bytes, segments: list[Segment], exif: Segment | None) -> None:
    """Raises CannotEmbedError with the reason; TiffError when the EXIF block is damaged."""
    for segment in segments:
        payload = data[segment.payload : segment.payload + 4]
        if segment.marker == jpeg.APP11 and payload[:2] == b"JP":
            raise CannotEmbedError("it carries signed content credentials (C2PA/JUMBF)")
        # Offsets of the Multi-Picture Format (CIPA DC-007) count from a place inside this segment.
        if (
            segment.marker == jpeg.APP2
            and payload == b"MPF\0"
            and exif
            and segment.start < exif.start
        ):
            raise CannotEmbedError("its picture index (MPF) stands before the EXIF block")
    _refuse_trailer(data, segments[-1], exif)
    if exif:
        _refuse_leica(jpeg.exif_block(data, exif) or b"")


def _refuse_trailer(data: bytes, scan: Segment, exif: Segment | None) -> None:
    """What stands behind the picture moves; that is well unless an offset into it is kept."""
    starts = jpeg.trailer_starts(data, scan)
    if not starts:
        return
    # AXS File Concatenation Protocol: its directory holds offsets from the start of the file.
    if b"AXS" in (data[starts[0] : starts[0] + 3], data[-12:-9]):
        raise CannotEmbedError("it has an AFCP trailer, whose offsets count from the file's start")
    if exif is None:
        return
    tiff_at = exif.payload + len(jpeg.EXIF_HEADER)
    block = data[tiff_at : exif.end]
    # Some maker notes (Sony, Pentax, Olympus, Leica) keep a preview there.
    offsets = [at - base for at in starts for base in (0, tiff_at)]
    if any(struct.pack(f"{order}L", at) in block for at in offsets for order in "<>"):
        raise CannotEmbedError("its EXIF block points to data behind the picture")


def _refuse_leica(block: bytes) -> None:
    tiff = Tiff(block)
    exif = tiff.child(tiff.ifd(tiff.first), EXIF_IFD)
    if exif and tiff.value(exif.entry(_MAKER_NOTE)).startswith(_LEICA_FILE_OFFSETS):
        raise CannotEmbedError("its Leica maker note holds offsets from the file's start")
