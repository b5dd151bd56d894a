"""The preview of a camera RAW file: the JPEG that the camera put into it.

Every maker stores it elsewhere (in SubIFDs, in maker notes, in boxes, behind a header of its own),
but it is always a whole JPEG. So the largest one in the file is taken, wherever it is.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

from geotagger.metadata.containers.raw import ifd0_block
from geotagger.metadata.exif.ifd import Tiff

_START = b"\xff\xd8\xff"
_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
"""SOF markers that Pillow decodes. Lossless frames (SOF3) hold the sensor's own data."""
_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers without a length."""
MIN_SIDE_PX = 100
"""A smaller picture shows nothing that a model could use; thumbnails have 160 x 120."""
_MAX_STARTS, _MAX_SEGMENTS = 20_000, 200
_ORIENTATION = 0x0112
_TWIN_SUFFIXES = (".jpg", ".jpeg", ".heic", ".heif", ".hif")


class RawPreview(NamedTuple):
    """A picture of a camera RAW file."""

    jpeg: bytes
    width_px: int
    height_px: int
    """As stored, not turned."""


def raw_preview(data: bytes) -> RawPreview | None:
    """The largest JPEG inside a camera RAW file; None if there is none of a useful size."""
    best, best_at = (0, 0), -1
    at = -1
    for _ in range(_MAX_STARTS):
        at = data.find(_START, at + 1)
        if at < 0:
            break
        size = _frame_size(data, at)
        if size and min(size) >= MIN_SIDE_PX and size[0] * size[1] > best[0] * best[1]:
            best, best_at = size, at
    return RawPreview(data[best_at:], *best) if best_at >= 0 else None


def _frame_size(data: bytes, at: int) -> tuple[int, int] | None:
    """Width and height of the JPEG at a position; None if it is not a picture of 8 bits."""
    at += 2
    for _ in range(_MAX_SEGMENTS):
        if at + 10 > len(data) or data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
        elif marker in _FRAMES:
            length, bits, height, width, colours = struct.unpack_from(">HBHHB", data, at + 2)
            is_sound = bits == 8 and colours in (1, 3, 4) and length == 8 + 3 * colours
            return (width, height) if is_sound else None
        elif marker in _ALONE:
            at += 2
        elif marker < 0xC0 or marker == 0xDA:  # the scan comes after the frame
            return None
        else:
            at += 2 + int(struct.unpack_from(">H", data, at + 2)[0])
    return None


def raw_orientation(data: bytes) -> int:
    """The EXIF orientation of a camera RAW file, 1 to 8; 1 if it has none."""
    try:
        tiff = Tiff(ifd0_block(data) or b"")
        raw = tiff.value(tiff.ifd(tiff.first).entry(_ORIENTATION))
        return int(struct.unpack_from(f"{tiff.order}H", raw)[0])
    except (ValueError, IndexError, struct.error):
        return 1


def twins_of(raw: Path) -> list[Path]:
    """The pictures beside a camera RAW file that have its name, as the camera writes them."""
    spellings = [s for suffix in _TWIN_SUFFIXES for s in (suffix, suffix.upper(), suffix.title())]
    return [path for suffix in spellings if (path := raw.with_suffix(suffix)).is_file()]
