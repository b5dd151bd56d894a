"""Opens a photo: bytes -> upright 8-bit RGB -> the model's square of pixels.

Room for symptoms like: a photo looks rotated, is black or white, or is refused.
Everything here is safe to call from many threads at once: no global of Pillow is changed.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from PIL import Image, ImageOps

from geotagger.errors import UnreadableImageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

NEUTRAL = (128, 128, 128)
_FILTERS = {
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "lanczos": Image.Resampling.LANCZOS,
}


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded photo."""

    image: Image.Image
    """RGB, 8 bits, upright; may be smaller than the original."""
    width_px: int
    height_px: int
    """Of the original, upright."""
    note: str = ""
    """What is wrong with it though it could be read, for example "truncated: ..."."""


@dataclass(frozen=True, slots=True)
class InputSpec:
    """What a model wants to see: a square of `size_px`, and how a photo is brought to it."""

    size_px: int
    fit: Literal["crop", "squash", "pad"] = "crop"
    filter: Literal["bicubic", "bilinear", "lanczos"] = "bicubic"


def decode(data: bytes, min_side_px: int) -> Picture:
    """First cut; see the contract."""
    try:
        image = Image.open(io.BytesIO(data))
        width, height = image.size
        image.draft("RGB", (2 * min_side_px, 2 * min_side_px))
        upright = ImageOps.exif_transpose(image).convert("RGB")
    except Exception as error:
        raise UnreadableImageError(str(error)) from error
    if (upright.width > upright.height) != (width > height):
        width, height = height, width
    return Picture(upright, width, height)


def fit(image: Image.Image, spec: InputSpec) -> NDArray[np.uint8]:
    """Brings an RGB picture to the model's input: uint8 [S, S, 3], C-contiguous.

    `crop` takes the largest centred square, `squash` ignores the aspect ratio, `pad` keeps all of
    the picture on neutral grey. The filter is antialiased, as Pillow's always is.
    """
    size, (width, height) = spec.size_px, image.size
    box = (0.0, 0.0, float(width), float(height))
    target = (size, size)
    if spec.fit == "crop":
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        box = (left, top, left + side, top + side)
    elif spec.fit == "pad":
        scale = size / max(width, height)
        target = (max(1, round(width * scale)), max(1, round(height * scale)))
    square = image.resize(target, _FILTERS[spec.filter], box=box, reducing_gap=2.0)
    if target != (size, size):
        canvas = Image.new("RGB", (size, size), NEUTRAL)
        canvas.paste(square, ((size - target[0]) // 2, (size - target[1]) // 2))
        square = canvas
    return np.array(square, dtype=np.uint8)
