"""Position, size and slope of a line of text in its picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from geotagger.text.types import OcrResult, TextLine

EDGE_MARGIN = 0.1
"""A line is at the edge if its centre is nearer to it than this share of the picture's height, or
half this share of its width."""
MAX_OVERLAY_HEIGHT = 0.07
"""Largest height of text laid over a picture, as a share of the picture's height."""
MAX_OVERLAY_SLOPE = 0.03
"""Largest rise over run of text laid over a picture."""


@dataclass(frozen=True, slots=True)
class LineGeometry:
    """Bounding box of a line, as shares of the picture's width and height, and its slope."""

    left: float
    top: float
    right: float
    bottom: float
    slope: float
    """Rise over run in pixels. Short lines count as longer: their boxes are too coarse to tell."""

    @property
    def height(self) -> float:
        """As a share of the picture's height."""
        return self.bottom - self.top

    @property
    def centre(self) -> tuple[float, float]:
        """x and y of the centre."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    @property
    def looks_like_overlay(self) -> bool:
        """Whether the line is small, level and at an edge, as text laid over a picture is."""
        x, y = self.centre
        at_edge = min(y, 1 - y) < EDGE_MARGIN or min(x, 1 - x) < EDGE_MARGIN / 2
        return at_edge and self.height < MAX_OVERLAY_HEIGHT and self.slope < MAX_OVERLAY_SLOPE


def line_geometry(line: TextLine, ocr: OcrResult) -> LineGeometry:
    """Measure a line of the photo."""
    xs, ys = zip(*line.box, strict=True)
    run_px = abs(xs[1] - xs[0]) * ocr.width_px
    four_heights_px = 4 * (max(ys) - min(ys)) * ocr.height_px
    slope = abs(ys[1] - ys[0]) * ocr.height_px / max(run_px, four_heights_px, 1.0)
    return LineGeometry(min(xs), min(ys), max(xs), max(ys), slope)


def line_geometries(ocr: OcrResult) -> list[LineGeometry]:
    """Measure every line of the photo."""
    return [line_geometry(line, ocr) for line in ocr.lines]
