"""A picture as a list of shapes in pixels (x to the right, y down), and the same as SVG."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from html import escape
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    Track = NDArray[np.float64]
    """Corners in pixels, [n, 2]."""

Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class Style:
    """Colours as #rrggbb; empty for none."""

    fill: str = ""
    stroke: str = ""
    width_px: float = 1.0
    opacity: float = 1.0
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Lines:
    tracks: Sequence[Track]
    style: Style
    closed: bool = False


@dataclass(frozen=True, slots=True)
class Dots:
    """Circles with centres [n, 2] and radii [n]."""

    centres: Track
    radii_px: NDArray[np.float64]
    style: Style


@dataclass(frozen=True, slots=True)
class Label:
    x: float
    y: float
    text: str
    size_px: float = 12.0
    anchor: Anchor = "start"
    colour: str = "#333333"
    upright: bool = True
    """Else it reads from below."""


Shape = Lines | Dots | Label


@dataclass(slots=True)
class Figure:
    """Shapes, painted in order over white."""

    width_px: int
    height_px: int
    title: str
    """For those who cannot see it; also its caption."""
    shapes: list[Shape] = field(default_factory=list)

    def add(self, *shapes: Shape) -> None:
        self.shapes += shapes

    def to_svg(self) -> str:
        """A whole SVG document, which may stand inside HTML as well."""
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
    if isinstance(shape, Label):
        turn = "" if shape.upright else f' transform="rotate(-90 {_n(shape.x)} {_n(shape.y)})"'
        return (
            f'<text x="{_n(shape.x)}" y="{_n(shape.y)}" font-size="{_n(shape.size_px)}"'
            f' text-anchor="{shape.anchor}" fill="{shape.colour}"{turn}>{escape(shape.text)}</text>'
        )
    if isinstance(shape, Dots):
        circles = (
            f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}"/>'
            for (x, y), radius in zip(shape.centres, shape.radii_px, strict=True)
        )
        return f"<g {_painted(shape.style)}>{''.join(circles)}</g>"
    data = "".join(_path(track, shape.closed) for track in shape.tracks)
    return f'<path d="{data}" {_painted(shape.style)}/>'


def _painted(style: Style) -> str:
    parts = [f'fill="{style.fill or "none"}"']
    if style.stroke:
        parts.append(f'stroke="{style.stroke}" stroke-width="{_n(style.width_px)}"')
        parts.append('stroke-linejoin="round"')
    if style.opacity < 1:
        parts.append(f'opacity="{style.opacity:.3g}"')
    if style.dashed:
        parts.append('stroke-dasharray="5 4"')
    return " ".join(parts)


def _path(track: Track, closed: bool) -> str:
    corners = "L".join(f"{_n(x)} {_n(y)}" for x, y in track)
    return f"M{corners}{'Z' if closed else ''}"


def _n(value: float) -> str:
    """A tenth of a pixel is fine enough."""
    return f"{value:.1f}".removesuffix(".0")


def arranged(figures: Iterable[Figure], title: str, width_px: int) -> Figure:
    """Figures as words on a page: from left to right, and on to the next row."""
    whole = Figure(width_px, 0, title)
    x = y = row_px = 0
    for figure in figures:
        if x and x + figure.width_px > width_px:
            x, y, row_px = 0, y + row_px, 0
        whole.add(*(_moved(shape, x, y) for shape in figure.shapes))
        x, row_px = x + figure.width_px, max(row_px, figure.height_px)
        whole.width_px, whole.height_px = max(whole.width_px, x), max(whole.height_px, y + row_px)
    return whole


def _moved(shape: Shape, x: float, y: float) -> Shape:
    if isinstance(shape, Label):
        return replace(shape, x=shape.x + x, y=shape.y + y)
    if isinstance(shape, Dots):
        return replace(shape, centres=shape.centres + np.array([x, y]))
    return replace(shape, tracks=[track + np.array([x, y]) for track in shape.tracks])
