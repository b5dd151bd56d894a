"""JPEG files that would lose something if their EXIF block grew by even one byte."""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from geotagger.errors import CannotEmbedError
from geotagger.metadata.containers import jpeg
from geotagger.metadata.exif.ifd import EXIF_IFD, Tiff

if TYPE_CHECKING:
    from geotagger.metadata.containers.jpeg import Jpeg

_EOI = b"\xff\xd9"
_EOI_SEARCH = re.compile(re.escape(_EOI))  # three times as fast as find()
_MAKER_NOTE = 0x927C
_LEICA_FILE_OFFSETS = b"LEICA\0\x02\xff"  # S2, M (Typ 240), M Monochrom (Typ 246)


def refuse_fragile(photo: Jpeg) -> None:
    """Raises CannotEmbedError with the reason; TiffError when the EXIF block is damaged."""
    exif = photo.exif_segment
    for segment in photo.segments:
        if segment.marker == jpeg.APP11 and photo.data.startswith(b"JP", segment.payload):
            raise CannotEmbedError("it carries signed content credentials (C2PA/JUMBF)")
        if exif and segment.start < exif.start and jpeg.is_picture_index(photo.data, segment):
            raise CannotEmbedError("its picture index (MPF) stands before the EXIF block")
    _refuse_trailer(photo)
    if exif:
        _refuse_leica(photo.exif or b"")


def _refuse_trailer(photo: Jpeg) -> None:
    """What stands behind the picture moves; that is well unless an offset into it is kept."""
    data, scan_end = photo.data, photo.segments[-1].end
    # AXS File Concatenation Protocol: its directory holds offsets from the start of the file.
    if not data.endswith(_EOI):
        eoi = _EOI_SEARCH.search(data, scan_end)
        if eoi and data.find(b"AXS", eoi.end()) >= 0:
            raise CannotEmbedError(
                "it has an AFCP trailer, whose offsets count from the file's start"
            )
    exif = photo.exif_segment
    if exif:
        tiff_at = exif.payload + len(jpeg.EXIF_HEADER)
        # Some maker notes (Sony, Pentax, Olympus, Leica) keep a preview there.
        if _points_behind(data, scan_end, tiff_at, exif.end):
            raise CannotEmbedError("its EXIF block points to data behind the picture")


def _points_behind(data: bytes, scan_end: int, tiff_at: int, tiff_end: int) -> bool:
    """Whether four bytes of the block, wherever they stand, lead to where a trailer may begin.

    That is a byte after EOI, or an SOI. Neither marker can occur in coded data (T.81 B.1.1.5).
    """
    whole, block = np.frombuffer(data, np.uint8), data[tiff_at:tiff_end]
    for shift, order in product(range(4), "<>"):
        numbers = np.frombuffer(block, f"{order}u4", max(0, len(block) - shift) // 4, shift)
        far = numbers[(numbers > scan_end - tiff_at) & (numbers < len(data))].astype(np.int64)
        at = np.concatenate((far, far + tiff_at))
        at = at[(at > scan_end) & (at < len(data) - 2)]
        follows_eoi = (whole[at - 2] == 0xFF) & (whole[at - 1] == 0xD9)
        is_soi = (whole[at] == 0xFF) & (whole[at + 1] == 0xD8) & (whole[at + 2] == 0xFF)
        if (follows_eoi | is_soi).any():
            return True
    return False


def _refuse_leica(block: bytes) -> None:
    tiff = Tiff(block)
    exif = tiff.child(tiff.ifd(tiff.first), EXIF_IFD)
    if exif and tiff.value(exif.entry(_MAKER_NOTE)).startswith(_LEICA_FILE_OFFSETS):
        raise CannotEmbedError("its Leica maker note holds offsets from the file's start")
