"""The same shapes as a PNG, by Pillow."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from PIL import Image, ImageColor, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from geotagger.plots.figure import Dots, Label

if TYPE_CHECKING:
    from pathlib import Path

    from geotagger.plots.figure import Figure, Lines, Shape, Style

FINER = 2
"""Pixels of the PNG for each of the figure; drawn twice as fine again, so that edges are smooth."""
PILLOW_ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}
DASH_PX = 5.0

Colour = tuple[int, ...]


def save_png(figure: Figure, path: Path) -> None:
    """Raises OSError where the file cannot be written."""
    scale = 2 * FINER
    image = Image.new("RGB", (figure.width_px * scale, figure.height_px * scale), "white")
    draw = ImageDraw.Draw(image, "RGBA")
    for shape in figure.shapes:
        _paint(draw, shape, scale)
    size = (figure.width_px * FINER, figure.height_px * FINER)
    told = PngInfo()
    told.add_text("Software", "geotagger")
    image.resize(size, Image.Resampling.BOX).save(path, "PNG", optimize=True, pnginfo=told)


def _paint(draw: ImageDraw.ImageDraw, shape: Shape, scale: int) -> None:
    if isinstance(shape, Label):
        _write(draw, shape, scale)
    elif isinstance(shape, Dots):
        fill, stroke = _colours(shape.style)
        width = round(shape.style.width_px * scale) if stroke else 0
        for (x, y), radius in zip(shape.centres * scale, shape.radii_px * scale, strict=True):
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill, stroke, width)
    else:
        _trace(draw, shape, scale)


def _trace(draw: ImageDraw.ImageDraw, shape: Lines, scale: int) -> None:
    fill, stroke = _colours(shape.style)
    width = max(1, round(shape.style.width_px * scale))
    for track in shape.tracks:
        corners = [(float(x), float(y)) for x, y in track * scale]
        if len(corners) < 2:
            continue
        if fill and len(corners) > 2:
            draw.polygon(corners, fill)
        if stroke and shape.style.dashed:
            for dash in _dashes(corners, DASH_PX * scale):
                draw.line(dash, stroke, width)
        elif stroke:
            draw.line([*corners, corners[0]] if shape.closed else corners, stroke, width, "curve")


def _dashes(corners: list[tuple[float, float]], length: float) -> list[list[tuple[float, float]]]:
    """Every other stretch of this length along the line."""
    dashes: list[list[tuple[float, float]]] = []
    walked = 0.0
    for (x1, y1), (x2, y2) in pairwise(corners):
        whole = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5
        done = 0.0
        while done < whole:
            step = min(length - walked % length, whole - done)
            if int(walked // length) % 2 == 0:
                ends = (done / whole, (done + step) / whole)
                dashes.append([(x1 + (x2 - x1) * t, y1 + (y2 - y1) * t) for t in ends])
            done, walked = done + step, walked + step + 1e-9
    return dashes


def _write(draw: ImageDraw.ImageDraw, label: Label, scale: int) -> None:
    font = ImageFont.load_default(size=label.size_px * scale)
    anchor = PILLOW_ANCHORS[label.anchor]
    at = (label.x * scale, label.y * scale)
    if label.upright:
        draw.text(at, label.text, label.colour, font, anchor)
        return
    left, top, right, bottom = (round(v) for v in font.getbbox(label.text, anchor="ls"))
    stamp = Image.new("L", (max(1, right - left), max(1, bottom - top)))
    ImageDraw.Draw(stamp).text((-left, -top), label.text, 255, font, "ls")
    turned = stamp.rotate(90, expand=True)
    along = {"start": 1.0, "middle": 0.5, "end": 0.0}[label.anchor]
    corner = (round(at[0]) + top, round(at[1] - along * turned.height))
    draw.bitmap(corner, turned, label.colour)


def _colours(style: Style) -> tuple[Colour | None, Colour | None]:
    alpha = round(255 * style.opacity)
    fill, stroke = (
        (*ImageColor.getrgb(name)[:3], alpha) if name else None
        for name in (style.fill, style.stroke)
    )
    return fill, stroke
