"""Small pictures of photos, for reports that can hold them.

They are made from the picture itself, because the thumbnail in EXIF may show another one: many
programs that crop or blur a photo leave it unchanged. No metadata is copied.
"""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from geotagger.errors import UnreadableImageError
from geotagger.images.decode import decode

SIDE_PX = 160
QUALITY = 60


def thumbnail(
    data: bytes, side_px: int = SIDE_PX, quality: int = QUALITY, kind: str = "WEBP"
) -> bytes:
    """An upright picture, at most `side_px` wide and high.

    Args:
        data: the whole file of the photo.
        kind: WEBP or JPEG.

    Raises:
        UnreadableImageError: there is no picture in the file.
    """
    image = decode(data, min_side_px=max(1, side_px // 2)).image
    image.thumbnail((side_px, side_px), Image.Resampling.LANCZOS, reducing_gap=3.0)
    file = io.BytesIO()
    image.save(file, kind, quality=quality)
    return file.getvalue()


def read_thumbnail(path: Path | None, kind: str = "WEBP") -> bytes:
    """As `thumbnail`; empty if there is no file, or no picture in it."""
    try:
        return thumbnail(path.read_bytes(), kind=kind) if path and path.is_file() else b""
    except (OSError, UnreadableImageError):
        return b""
