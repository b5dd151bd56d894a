"""Decodes a photo: bytes -> upright 8-bit RGB -> the model's square of pixels.

Look here if a photo appears rotated, black or white, or is refused.
All functions are thread-safe: no global of Pillow is changed.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from msgspec import Meta, Struct
from PIL import ExifTags, Image
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile

from geotagger.errors import UnreadableImageError
from geotagger.images import truncated
from geotagger.images.raw_preview import raw_orientation, raw_preview
from geotagger.images.raw_sensor import can_develop, develop
from geotagger.images.sniff import JPEG, MAX_DECODE_BYTES, Format, detect_format
from geotagger.reasons import ReasonCode

if TYPE_CHECKING:
    from numpy.typing import NDArray

NEUTRAL = (128, 128, 128)
"""Colour under transparent parts and around padded pictures. Mid-grey is close to the mean of
photos, so it says least to a model; white would look like snow or an overcast sky."""

MAX_PIXELS = 500_000_000

# Pillow's warnings about odd tags ("Corrupt EXIF data", ...) are of no use to people who tag
# photos.
warnings.filterwarnings("ignore", module=r"PIL\.")

FILTERS = {
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
    "lanczos": Image.Resampling.LANCZOS,
}

_UPRIGHT = {  # EXIF 3.0, tag Orientation
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded photo."""

    image: Image.Image
    """RGB, 8 bits, upright; may be smaller than the original."""
    width_px: int
    height_px: int
    """Of the original, upright."""
    truncation: str = ""
    """What a truncated file lacks, for a person; empty for a whole file."""
    is_turned: bool = False
    """Its EXIF orientation was not upright."""


class InputSpec(Struct, frozen=True, forbid_unknown_fields=True):
    """The input of a model: a square of `size_px`, and how a photo is resized to it.

    It is part of card.json, from which msgspec decodes it.
    """

    size_px: Annotated[int, Meta(ge=1, le=4096)]
    fit: Literal["crop", "clip", "squash", "pad"]
    filter: Literal["bicubic", "bilinear", "lanczos"]


def decode(data: bytes, min_side_px: int) -> Picture:
    """Decode a file to an upright RGB picture. Of several frames or pages, the first is used.

    Of camera RAW, the largest preview inside is used, or else the sensor data, if rawpy is
    installed.

    Large pictures are decoded smaller, but their short side stays at least 2 * `min_side_px`. Then
    `fit` to `min_side_px` loses nothing visible, and a 12-megapixel JPEG takes a third of the time.

    Args:
        data: the whole file.
        min_side_px: short side that is needed.

    Raises:
        UnreadableImageError: there is no picture. Nothing else is raised.
    """
    try:
        return _decode_as(detect_format(data), data, min_side_px)
    except UnreadableImageError as error:
        if error.code is not ReasonCode.CAMERA_RAW:
            raise
        preview = raw_preview(data)
        image = develop(data) if preview is None and can_develop() else None
        if image is not None:
            return _reduced(image, min_side_px)
        if preview is None:
            raise
    picture = _decode_as(JPEG, preview.jpeg, min_side_px)
    if picture.is_turned:
        return picture
    return _upright(picture, raw_orientation(data))


def _reduced(image: Image.Image, min_side_px: int) -> Picture:
    """A picture of sensor data, which was developed at half size."""
    small = image.reduce(min(image.size) // (2 * min_side_px) or 1)
    return Picture(small, 2 * image.width, 2 * image.height, is_turned=True)


def _upright(picture: Picture, orientation: int) -> Picture:
    if orientation not in _UPRIGHT:
        return picture
    width, height = picture.width_px, picture.height_px
    if orientation >= 5:
        width, height = height, width
    image = picture.image.transpose(_UPRIGHT[orientation])
    return Picture(image, width, height, picture.truncation, is_turned=True)


def _decode_as(source: Format, data: bytes, min_side_px: int) -> Picture:
    """
    Raises:
        UnreadableImageError: it cannot be decoded as that format. Nothing else is raised.
    """
    try:
        return _decode(source, data, 2 * min_side_px)
    except UnreadableImageError:
        raise
    except Image.DecompressionBombError as error:  # raised by some of Pillow's readers
        code = ReasonCode.IMAGE_TOO_LARGE
        raise UnreadableImageError(f"claims too many pixels: {error}", code) from error
    except Exception as error:  # Pillow raises a dozen kinds, struct.error and TypeError included
        reason = str(error) or type(error).__name__
        raise UnreadableImageError(f"damaged or truncated {source.name}: {reason}") from error


def _decode(source: Format, data: bytes, enough_px: int) -> Picture:
    image = source.open(data)
    width, height = image.size
    _shrink_while_reading(image, enough_px)

    def reopen(data: bytes) -> ImageFile:
        again = source.open(data)
        _shrink_while_reading(again, enough_px)
        return again

    _check_size(source, image, data, (width, height), enough_px)
    loaded, truncation = truncated.load(image, data, reopen)
    orientation = _orientation(image)
    small = _to_rgb(loaded, factor=min(loaded.size) // enough_px or 1)
    return _upright(Picture(small, width, height, truncation), orientation)


def _shrink_while_reading(image: ImageFile, enough_px: int) -> None:
    image.draft(None, (enough_px, enough_px))  # JPEG alone can do it; for others it does nothing
    image.decodermaxblock = 2**30  # one call into C: each return to Python would wait for the GIL


def _check_size(
    source: Format,
    image: ImageFile,
    data: bytes,
    size: tuple[int, int],
    enough_px: int,
) -> None:
    """Refuse decompression bombs: a few bytes that claim gigabytes of pixels.

    Raises:
        UnreadableImageError: to decode the picture would take too much memory.
    """
    width, height = size
    bytes_per_px = source.bytes_per_px
    if image.has_transparency_data:
        bytes_per_px += 8
    if image.mode[0] in "IF" and min(width, height) < 2 * enough_px:  # nothing shrinks it first
        bytes_per_px += 20
    needed = image.width * image.height * bytes_per_px
    if isinstance(image, JpegImageFile) and _has_many_scans(image, data):
        needed += 2 * round(width * height * _samples_per_px(image))  # coefficients, at full size
    if width * height > MAX_PIXELS or needed > MAX_DECODE_BYTES:
        raise UnreadableImageError(
            f"claims {width} x {height} pixels, and decoding them would take {needed / 2**30:.1f} "
            f"GiB of memory (limits: {MAX_PIXELS // 10**6} million pixels, "
            f"{MAX_DECODE_BYTES / 2**30:.0f} GiB): make it smaller",
            ReasonCode.IMAGE_TOO_LARGE,
        )


def _has_many_scans(image: JpegImageFile, data: bytes) -> bool:
    """Progressive, or with one scan per colour: the byte after SOS and its length counts
    colours."""
    colours = data[image.fp.tell() + 2 :][:1] if image.fp else b""
    return "progressive" in image.info or colours != bytes([image.layers])


def _samples_per_px(image: JpegImageFile) -> float:
    """1.5 where colour is stored at half the width and height (4:2:0), 3 where it is not."""
    across, down = zip(*((layer[1], layer[2]) for layer in image.layer), strict=True)
    samples = sum(a * d for a, d in zip(across, down, strict=True))
    return float(samples / (max(across) * max(down) or 1))


def _orientation(image: Image.Image) -> int:
    """EXIF orientation, 1 to 8, that is still to be applied: TIFF and HEIF are turned on
    loading."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # broken EXIF must not make the picture unreadable
        return 1


def _to_rgb(image: Image.Image, factor: int) -> Image.Image:
    """8-bit RGB, `factor` times smaller. It is shrunk as early as the pixel format allows."""
    whole_numbers = image.mode.startswith("I")
    if whole_numbers:
        image = image.convert("F")  # Pillow's reduce overflows on 32-bit integers
    elif image.has_transparency_data:
        image = image.convert("RGBA")
    elif image.mode == "1":
        image = image.convert("L")
    elif image.mode in ("P", "LAB"):
        image = image.convert("RGB")
    if factor > 1:
        image = image.reduce(factor)
    if image.mode == "F":
        image = _eight_bits(np.asarray(image), whole_numbers=whole_numbers)
    if image.mode == "RGBA":
        background = Image.new("RGBA", image.size, (*NEUTRAL, 255))
        image = Image.alpha_composite(background, image)
    return image.convert("RGB")


def _eight_bits(levels: NDArray[np.float32], *, whole_numbers: bool) -> Image.Image:
    """Scale grey levels of any depth to 8 bits. Pillow's own conversion would clip them.

    Whole numbers up to 16 bits keep their zero and are scaled by the bits in use (many 16-bit files
    hold 10 or 12), fractions from 0 to 1 by 255. Other levels are stretched between their 0.5 and
    99.5 percentiles.

    Args:
        levels: float32 [H, W].
        whole_numbers: the file stores integers.
    """
    finite = np.nan_to_num(levels, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(finite.min()), float(finite.max())
    if whole_numbers and low >= 0 and high < 2**16:
        low, high = 0.0, 2.0 ** max(8, int(high).bit_length()) - 1
    elif low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    else:
        low, high = (float(level) for level in np.percentile(finite, (0.5, 99.5)))
    scaled = (finite - low) * (255.0 / (high - low or 1.0))
    return Image.fromarray(np.clip(np.rint(scaled), 0, 255).astype(np.uint8))


def fit(image: Image.Image, spec: InputSpec) -> NDArray[np.uint8]:
    """Fit an RGB picture into the model's input.

    `crop` takes the largest centred square, `squash` ignores the aspect ratio, `pad` keeps the
    whole picture on neutral grey. `clip` is `crop` on whole pixels of the resized picture, as in
    CLIP's own processor. The filter is antialiased, as always in Pillow.

    Returns:
        uint8 [S, S, 3], C-contiguous.
    """
    size, (width, height) = spec.size_px, image.size
    box = (0.0, 0.0, float(width), float(height))
    target = (size, size)
    if spec.fit == "crop":  # straight from the box: a panorama is never resized as a whole
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        box = (left, top, left + side, top + side)
    elif spec.fit == "clip":
        box = _whole_pixels(width, height, size)
    elif spec.fit == "pad":
        scale = size / max(width, height)
        target = (max(1, round(width * scale)), max(1, round(height * scale)))
    square = image.resize(target, FILTERS[spec.filter], box=box, reducing_gap=2.0)
    if target != (size, size):
        canvas = Image.new("RGB", (size, size), NEUTRAL)
        canvas.paste(square, ((size - target[0]) // 2, (size - target[1]) // 2))
        square = canvas
    return np.array(square, dtype=np.uint8)


def _whole_pixels(width: int, height: int, size: int) -> tuple[float, float, float, float]:
    """The box that becomes the middle `size` x `size` pixels when the short side becomes `size`.

    The long side and the position of the middle are rounded down, as in CLIP's own processor.

    Returns:
        (left, top, right, bottom) in pixels of the original.
    """
    short = min(width, height)
    wide, high = width * size // short, height * size // short
    across, down = width / wide, height / high
    left, top = (wide - size) // 2 * across, (high - size) // 2 * down
    return left, top, left + size * across, top + size * down
