"""Reads the metadata of a photo of any format, from its bytes or from the head of its file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geotagger.images.sniff import is_camera_raw
from geotagger.metadata.read import read
from geotagger.metadata.read_raw import read_jpeg_xl, read_raw
from geotagger.types import PhotoMetadata

if TYPE_CHECKING:
    from pathlib import Path

_HEAD_BYTES = 1 << 18
_MAX_WHOLE_BYTES = 32 << 20


def read_any(data: bytes, raw_preview: bytes | None = None) -> PhotoMetadata:
    """Reads the metadata of a photo, also of camera RAW and JPEG XL. Never raises.

    Args:
        data: the file, or its beginning.
        raw_preview: the JPEG in a camera RAW file, for those that have no metadata elsewhere.
    """
    if is_camera_raw(data):
        return read_raw(data, raw_preview)
    return read_jpeg_xl(data) if data[4:8] == b"JXL " else read(data)


def read_head(path: Path) -> PhotoMetadata:
    """Reads the metadata of a file whose pixels are not needed, if possible from its first 256 KB.

    That is enough for all but a few JPEG and PNG files. TIFF, WebP and HEIF often have their EXIF
    at the end, so up to 32 MB of them are read. Never raises: an unreadable file has no metadata.
    """
    try:
        if not path.is_file():  # reading a pipe would never end
            return PhotoMetadata()
        with path.open("rb") as file:
            data = file.read(_HEAD_BYTES)
            metadata = read_any(data)
            if len(data) < _HEAD_BYTES or metadata.taken_at or not _may_follow(data):
                return metadata
            return read_any(data + file.read(_MAX_WHOLE_BYTES - _HEAD_BYTES))
    except OSError:
        return PhotoMetadata()


def _may_follow(head: bytes) -> bool:
    """Whether EXIF may come after the head in this format."""
    return head[4:8] in (b"ftyp", b"JXL ") or head[:4] in (b"RIFF", b"II*\0", b"MM\0*")
