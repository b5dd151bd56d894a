"""A figure as a list of shapes in pixels (x to the right, y down), and the same figure as SVG."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from html import escape
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    PixelPoints = NDArray[np.float64]
    """x and y in pixels, [n, 2]."""

Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class ShapeStyle:
    """How a shape is drawn. Colours are #rrggbb; empty for no fill or no stroke."""

    fill: str = ""
    stroke: str = ""
    width_px: float = 1.0
    """Of the stroke."""
    opacity: float = 1.0
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Polylines:
    """Lines, each through its own points."""

    lines: Sequence[PixelPoints]
    style: ShapeStyle
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Dots:
    """Circles with centres [n, 2] and radii [n]."""

    centres: PixelPoints
    radii_px: NDArray[np.float64]
    style: ShapeStyle


@dataclass(frozen=True, slots=True)
class TextLabel:
    """A line of text at a point on its baseline."""

    x: float
    y: float
    text: str
    size_px: float = 12.0
    anchor: Anchor = "start"
    """Which end of the text is at the point."""
    colour: str = "#333333"
    upright: bool = True
    """False: the text runs from the bottom to the top."""


Shape = Polylines | Dots | TextLabel


@dataclass(slots=True)
class Figure:
    """Shapes, painted in order on white."""

    width_px: int
    height_px: int
    title: str
    """The caption, also for screen readers."""
    shapes: list[Shape] = field(default_factory=list)

    def add(self, *shapes: Shape) -> None:
        """Paint shapes on top."""
        self.shapes += shapes

    def to_svg(self) -> str:
        """A complete SVG document, which can also be embedded in HTML."""
        rows = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width_px}'
            f' {self.height_px}" width="{self.width_px}" height="{self.height_px}" role="img"'
            ' font-family="system-ui, sans-serif">',
            f"<title>{escape(self.title)}</title>",
            f'<rect width="{self.width_px}" height="{self.height_px}" fill="#ffffff"/>',
        ]
        rows += [_svg(shape) for shape in self.shapes]
        return "\n".join([*rows, "</svg>"])


def _svg(shape: Shape) -> str:
    if isinstance(shape, TextLabel):
        turn = ""
        if not shape.upright:
            turn = f' transform="rotate(-90 {_number(shape.x)} {_number(shape.y)})"'
        return (
            f'<text x="{_number(shape.x)}" y="{_number(shape.y)}"'
            f' font-size="{_number(shape.size_px)}" text-anchor="{shape.anchor}"'
            f' fill="{shape.colour}"{turn}>{escape(shape.text)}</text>'
        )
    if isinstance(shape, Dots):
        circles = (
            f'<circle cx="{_number(x)}" cy="{_number(y)}" r="{_number(radius)}"/>'
            for (x, y), radius in zip(shape.centres, shape.radii_px, strict=True)
        )
        return f"<g {_attributes(shape.style)}>{''.join(circles)}</g>"
    data = "".join(_path(line, shape.closed) for line in shape.lines)
    return f'<path d="{data}" {_attributes(shape.style)}/>'


def _attributes(style: ShapeStyle) -> str:
    parts = [f'fill="{style.fill or "none"}"']
    if style.stroke:
        parts.append(f'stroke="{style.stroke}" stroke-width="{_number(style.width_px)}"')
        parts.append('stroke-linejoin="round"')
    if style.opacity < 1:
        parts.append(f'opacity="{style.opacity:.3g}"')
    if style.dashed:
        parts.append('stroke-dasharray="5 4"')
    return " ".join(parts)


def _path(line: PixelPoints, closed: bool) -> str:
    corners = "L".join(f"{_number(x)} {_number(y)}" for x, y in line)
    return f"M{corners}{'Z' if closed else ''}"


def _number(value: float) -> str:
    """Rounded to a tenth of a pixel, to keep files small."""
    return f"{value:.1f}".removesuffix(".0")


def arrange(figures: Iterable[Figure], title: str, width_px: int) -> Figure:
    """One figure with all others, in rows of at most `width_px` from left to right."""
    page = Figure(width_px, 0, title)
    x = y = row_height_px = 0
    for figure in figures:
        if x and x + figure.width_px > width_px:
            x, y, row_height_px = 0, y + row_height_px, 0
        page.add(*(_shifted(shape, x, y) for shape in figure.shapes))
        x, row_height_px = x + figure.width_px, max(row_height_px, figure.height_px)
        page.width_px = max(page.width_px, x)
        page.height_px = max(page.height_px, y + row_height_px)
    return page


def _shifted(shape: Shape, x: float, y: float) -> Shape:
    if isinstance(shape, TextLabel):
        return replace(shape, x=shape.x + x, y=shape.y + y)
    if isinstance(shape, Dots):
        return replace(shape, centres=shape.centres + np.array([x, y]))
    return replace(shape, lines=[line + np.array([x, y]) for line in shape.lines])
