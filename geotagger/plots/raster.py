"""A figure as PNG, drawn with Pillow."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from PIL import Image, ImageColor, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from geotagger.plots.figure import Dots, TextLabel

if TYPE_CHECKING:
    from pathlib import Path

    from geotagger.plots.figure import Figure, Polylines, Shape, ShapeStyle

PIXEL_RATIO = 2
"""Pixels of the PNG per pixel of the figure."""
OVERSAMPLING = 2
"""The figure is drawn larger by this factor and then shrunk, so that edges are smooth."""
PILLOW_ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}
DASH_PX = 5.0

Colour = tuple[int, ...]
Corner = tuple[float, float]


def save_png(figure: Figure, path: Path) -> None:
    """Draw a figure and save it.

    Raises:
        OSError: the file cannot be written.
    """
    scale = PIXEL_RATIO * OVERSAMPLING
    image = Image.new("RGB", (figure.width_px * scale, figure.height_px * scale), "white")
    draw = ImageDraw.Draw(image, "RGBA")
    for shape in figure.shapes:
        _draw(draw, shape, scale)
    size = (figure.width_px * PIXEL_RATIO, figure.height_px * PIXEL_RATIO)
    info = PngInfo()
    info.add_text("Software", "geotagger")
    image.resize(size, Image.Resampling.BOX).save(path, "PNG", optimize=True, pnginfo=info)


def _draw(draw: ImageDraw.ImageDraw, shape: Shape, scale: int) -> None:
    if isinstance(shape, TextLabel):
        _draw_text(draw, shape, scale)
    elif isinstance(shape, Dots):
        fill, stroke = _colours(shape.style)
        width = round(shape.style.width_px * scale) if stroke else 0
        for (x, y), radius in zip(shape.centres * scale, shape.radii_px * scale, strict=True):
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill, stroke, width)
    else:
        _draw_lines(draw, shape, scale)


def _draw_lines(draw: ImageDraw.ImageDraw, shape: Polylines, scale: int) -> None:
    fill, stroke = _colours(shape.style)
    width = max(1, round(shape.style.width_px * scale))
    for line in shape.lines:
        corners = [(float(x), float(y)) for x, y in line * scale]
        if len(corners) < 2:
            continue
        if fill and len(corners) > 2:
            draw.polygon(corners, fill)
        if stroke and shape.style.dashed:
            for dash in _dashes(corners, DASH_PX * scale):
                draw.line(dash, stroke, width)
        elif stroke:
            draw.line([*corners, corners[0]] if shape.closed else corners, stroke, width, "curve")


def _dashes(corners: list[Corner], dash_length: float) -> list[list[Corner]]:
    """Every other piece of this length along the line."""
    dashes: list[list[Corner]] = []
    travelled = 0.0
    for (x1, y1), (x2, y2) in pairwise(corners):
        length = ((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5
        done = 0.0
        while done < length:
            step = min(dash_length - travelled % dash_length, length - done)
            if int(travelled // dash_length) % 2 == 0:
                ends = (done / length, (done + step) / length)
                dashes.append([(x1 + (x2 - x1) * t, y1 + (y2 - y1) * t) for t in ends])
            done, travelled = done + step, travelled + step + 1e-9
    return dashes


def _draw_text(draw: ImageDraw.ImageDraw, label: TextLabel, scale: int) -> None:
    font = ImageFont.load_default(size=label.size_px * scale)
    anchor = PILLOW_ANCHORS[label.anchor]
    x, y = label.x * scale, label.y * scale
    if label.upright:
        draw.text((x, y), label.text, label.colour, font, anchor)
        return
    left, top, right, bottom = (round(v) for v in font.getbbox(label.text, anchor="ls"))
    stamp = Image.new("L", (max(1, right - left), max(1, bottom - top)))
    ImageDraw.Draw(stamp).text((-left, -top), label.text, 255, font, "ls")
    turned = stamp.rotate(90, expand=True)
    above = {"start": 1.0, "middle": 0.5, "end": 0.0}[label.anchor]
    corner = (round(x) + top, round(y - above * turned.height))
    draw.bitmap(corner, turned, label.colour)


def _colours(style: ShapeStyle) -> tuple[Colour | None, Colour | None]:
    """Fill and stroke with the opacity; None if the style has none."""
    alpha = round(255 * style.opacity)
    fill, stroke = (
        (*ImageColor.getrgb(name)[:3], alpha) if name else None
        for name in (style.fill, style.stroke)
    )
    return fill, stroke
