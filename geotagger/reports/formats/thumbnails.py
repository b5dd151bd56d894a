"""Small pictures of photos, for reports that can hold them.

They are made of the picture itself. The thumbnail inside EXIF may show another picture: many
programs that crop or blur a photo leave it as it was. None of the metadata is kept.
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
    """A whole photo -> an upright picture, at most `side_px` wide and high, WebP or JPEG.

    Raises UnreadableImageError for what is no picture.
    """
    image = decode(data, min_side_px=max(1, side_px // 2)).image
    image.thumbnail((side_px, side_px), Image.Resampling.LANCZOS, reducing_gap=3.0)
    file = io.BytesIO()
    image.save(file, kind, quality=quality)
    return file.getvalue()


def read_thumbnail(path: Path | None, kind: str = "WEBP") -> bytes:
    """The same of a file; empty when there is none, or no picture in it."""
    try:
        return thumbnail(path.read_bytes(), kind=kind) if path and path.is_file() else b""
    except (OSError, UnreadableImageError):
        return b""
