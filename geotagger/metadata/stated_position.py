"""Reads a position that is out of range as it is stored, so that its mistake can be looked for."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from geotagger.metadata.containers.locate import exif_block
from geotagger.metadata.exif.gps_tags import stated_degrees
from geotagger.metadata.exif.ifd import GPS_IFD, Tiff

if TYPE_CHECKING:
    from pathlib import Path

_MAX_BYTES = 32 << 20


def stated_position(photo: Path) -> tuple[float, float] | None:
    """Latitude and longitude in the EXIF of a photo, valid or not; None if they cannot be read."""
    try:
        with photo.open("rb") as file:
            tiff = Tiff(exif_block(file.read(_MAX_BYTES)) or b"")
        gps = tiff.child(tiff.ifd(tiff.first), GPS_IFD)
        return stated_degrees(tiff, gps) if gps else None
    except (OSError, ValueError, IndexError, struct.error):
        return None
