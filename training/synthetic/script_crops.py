"""Crops of single lines of text, as a detector cuts them out of photos: drawn, warped, degraded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image, ImageDraw

from geotagger.text.ocr.script_classifier import HEIGHT_PX, MAX_WIDTH_PX, resize_line

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.synthetic.fonts import Face

LETTER_PX = 44
PAD = 16
"""Margin around the letters while they are warped, in pixels at LETTER_PX."""
MIN_CONTRAST = 45
"""Between letters and background, of 255, before noise."""


def draw_text(text: str, face: Face, rng: np.random.Generator) -> NDArray[np.float32] | None:
    """Returns the coverage of ink in 0..1, float32 [h, w]; None if the font draws nothing."""
    font = face.at(LETTER_PX)
    stroke = int(rng.choice([0, 0, 0, 1, 2]))
    left, top, right, bottom = font.getbbox(text, stroke_width=stroke)
    if right - left < 8 or bottom - top < 8 or right - left > 3000:
        return None
    size = (int(right - left) + 2 * PAD, int(bottom - top) + 2 * PAD)
    image = Image.new("L", size)
    draw = ImageDraw.Draw(image)
    draw.text((PAD - left, PAD - top), text, 255, font, stroke_width=stroke)
    if rng.random() < 0.25:  # the edge of the line above or below
        away = rng.choice([-1, 1]) * rng.uniform(1.02, 1.25) * (bottom - top)
        start = PAD - left - rng.uniform(0, 0.5) * (right - left)
        draw.text((start, PAD - top + away), f"{text} {text}", 255, font, stroke_width=stroke)
    ink = np.asarray(image, np.float32) / 255
    if rng.random() < 0.2:
        ink = _curve(ink, rng)
    if rng.random() < 0.06:  # hollow letters
        edge = cv2.morphologyEx(ink, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
        ink = np.clip(edge, 0, 1)
    return ink if ink.mean() > 0.01 else None


def degrade(
    ink: NDArray[np.float32], ground: NDArray[np.uint8] | None, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Puts letters on a background and photographs them from an angle.

    Args:
        ink: Coverage [h, w].
        ground: The background, grey uint8 [h, w]; None for a plain one.
        rng: Random numbers.

    Returns:
        A grey crop uint8 [32, w].
    """
    ink = warp(ink, rng)
    height, width = ink.shape
    field = _background(ground, (height, width), rng)
    level = float(field.mean())
    choices = [shade for shade in range(0, 256, 5) if abs(shade - level) >= MIN_CONTRAST]
    shade = float(rng.choice(choices))
    if rng.random() < 0.12:  # a shadow or a rim
        shift = rng.integers(-3, 4, 2)
        shadow = np.roll(ink, tuple(shift), (0, 1))
        field = field * (1 - shadow) + float(rng.integers(0, 256)) * shadow
    grey = field * (1 - ink) + shade * ink
    if rng.random() < 0.4:  # light that falls off
        slope = rng.normal(0, 25, 2)
        grey = grey + slope[0] * np.linspace(-1, 1, width)
        grey = grey + slope[1] * np.linspace(-1, 1, height)[:, None]
    return resize_line(captured(grey.astype(np.float32), rng))


def _curve(ink: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Bends the line to an arc or a wave."""
    height, width = ink.shape
    along = np.linspace(0, 2 * np.pi * rng.uniform(0.3, 1), width) + rng.uniform(0, 6)
    lift = np.sin(along) * rng.uniform(0, 0.2) * height
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    rows = (rows + lift).astype(np.float32)
    return np.asarray(cv2.remap(ink, columns.astype(np.float32), rows, cv2.INTER_LINEAR))


def warp(ink: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Rotates, slants and tilts the line, with the loose margins of a detector."""
    height, width = ink.shape
    right, bottom = width - PAD, height - PAD
    tight = np.array([[PAD, PAD], [right, PAD], [right, bottom], [PAD, bottom]], np.float32)
    line = height - 2 * PAD
    corners = tight + rng.normal(0, 0.06 * line, (4, 2)).astype(np.float32)
    grow = rng.uniform(-0.06, 0.28, 2) * line
    centre = tight.mean(axis=0)
    corners += np.sign(tight - centre) * grow
    slant = rng.normal(0, 0.08) * line
    corners[:2, 0] += slant
    tall = max(8, round(float(corners[2:, 1].mean() - corners[:2, 1].mean())))
    wide = max(8, round(float(corners[1:3, 0].mean() - corners[[0, 3], 0].mean())))
    wide = max(8, round(wide * rng.uniform(0.65, 1.25)))
    target = np.array([[0, 0], [wide, 0], [wide, tall], [0, tall]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), target)
    warped: NDArray[np.float32] = cv2.warpPerspective(ink, matrix, (wide, tall))
    return warped


def _background(
    ground: NDArray[np.uint8] | None, size: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.float32]:
    plain = np.full(size, float(rng.integers(0, 256)), np.float32)
    if ground is None:
        return plain
    patch = cv2.resize(ground, size[::-1], interpolation=cv2.INTER_LINEAR).astype(np.float32)
    strength = rng.choice([0.15, 0.4, 0.8])
    return plain + strength * (patch - patch.mean())


def captured(
    picture: NDArray[np.float32], rng: np.random.Generator, lines: float = 1.0
) -> NDArray[np.uint8]:
    """Reduces resolution, adds blur, noise and JPEG artefacts.

    Args:
        picture: Grey [h, w] or colour [h, w, 3], 0 to 255.
        rng: Random numbers.
        lines: Height of the picture in lines of text.
    """
    height, width = picture.shape[:2]
    small = int(lines * np.exp(rng.uniform(np.log(17), np.log(62))))
    size = (max(4, round(width * small / height)), small)
    picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    if rng.random() < 0.4:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 0.022 * small + 0.3))
    picture = picture + rng.normal(0, rng.choice([1, 4, 10]), picture.shape)
    noisy = np.clip(picture, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 95))]
        noisy = cv2.imdecode(cv2.imencode(".jpg", noisy, quality)[1], cv2.IMREAD_UNCHANGED)
    return np.asarray(noisy)


def patch_of(picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Returns a piece of a grey picture [h, w] with the shape of a line of text."""
    height, width = picture.shape
    tall = int(np.exp(rng.uniform(np.log(8), np.log(height / 3))))
    wide = int(np.clip(tall * np.exp(rng.uniform(np.log(0.8), np.log(8))), 8, width))
    top, left = rng.integers(0, height - tall), rng.integers(0, max(1, width - wide))
    return resize_line(picture[top : top + tall, left : left + wide])


def stacked(crops: Sequence[NDArray[np.uint8]], width_px: int) -> NDArray[np.uint8]:
    """Joins crops of about one width to uint8 [n, 32, width]."""
    size = (width_px, HEIGHT_PX)
    return np.stack([cv2.resize(crop, size, interpolation=cv2.INTER_LINEAR) for crop in crops])


BUCKETS_PX = (32, 48, 64, 88, 120, 160, 216, MAX_WIDTH_PX)
"""Widths to which crops are stretched for training, so that they can be batched."""


def bucket_of(crop: NDArray[np.uint8]) -> int:
    """Returns the width of BUCKETS_PX that is closest to that of the crop."""
    return min(BUCKETS_PX, key=lambda width: abs(np.log(width / crop.shape[1])))
