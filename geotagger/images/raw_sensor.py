"""Develops the sensor data of a camera RAW file, with rawpy (LibRaw), if it is installed.

It is for files without a preview: 24 megapixels take a quarter of a second of processor time.
"""

from __future__ import annotations

import io
from importlib.util import find_spec

from PIL import Image

from geotagger.errors import UnreadableImageError
from geotagger.reasons import ReasonCode

MAX_SENSOR_PIXELS = 250_000_000
"""LibRaw takes about 5 bytes a pixel beside the file (measured on a DNG of 24 megapixels)."""


def can_develop() -> bool:
    """Whether rawpy is installed."""
    return find_spec("rawpy") is not None


def develop(data: bytes) -> Image.Image | None:
    """The picture at half size, upright, 8-bit sRGB; None if LibRaw does not read the file.

    Args:
        data: the whole file.

    Raises:
        UnreadableImageError: the picture is too large.
    """
    import rawpy

    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            if raw.sizes.raw_width * raw.sizes.raw_height > MAX_SENSOR_PIXELS:
                raise UnreadableImageError(
                    "camera RAW with more pixels than are developed", ReasonCode.IMAGE_TOO_LARGE
                )
            pixels = raw.postprocess(half_size=True, use_camera_wb=True)
    except UnreadableImageError:
        raise
    except Exception:  # LibRawError, NotSupportedError, ValueError: damaged, or not known to it
        return None
    if pixels.shape[2] == 1:  # the sensor of a monochrome camera
        pixels = pixels[:, :, 0]
    return Image.fromarray(pixels).convert("RGB")
