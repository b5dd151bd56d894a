"""A chart of shares: axes with a grid, lines, bars and dots."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geotagger.plots.figure import Dots, Figure, Polylines, ShapeStyle, TextLabel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike

    from geotagger.plots.figure import PixelPoints

WIDTH_PX, HEIGHT_PX = 420, 350
LEFT_PX, RIGHT_PX, TOP_PX, BOTTOM_PX = 58, 24, 46, 48
GRID = ShapeStyle(stroke="#e3e6ea")
FRAME = ShapeStyle(stroke="#8a9099")
PERCENT_TICKS = {step / 5: f"{20 * step} %" for step in range(6)}


class Chart:
    """A figure in units of its data: y is a share from 0 to 1, x goes from 0 to the last tick."""

    def __init__(
        self, title: str, x_name: str, y_name: str, x_ticks: Mapping[float, str] = PERCENT_TICKS
    ) -> None:
        """Draw the axes.

        Args:
            title: above the chart.
            x_name: below the x axis.
            y_name: beside the y axis.
            x_ticks: the text at each tick of the x axis.
        """
        self.figure = Figure(WIDTH_PX, HEIGHT_PX, title)
        self._left, self._right = LEFT_PX, WIDTH_PX - RIGHT_PX
        self._top, self._bottom = TOP_PX, HEIGHT_PX - BOTTOM_PX
        self._x_max = max(x_ticks)
        self._draw_axes(x_name, y_name, x_ticks)

    def _draw_axes(self, x_name: str, y_name: str, x_ticks: Mapping[float, str]) -> None:
        add, x_max = self.figure.add, self._x_max
        add(TextLabel(self._left, 20, self.figure.title, 14, colour="#111111"))
        for x, text in x_ticks.items():
            add(Polylines([self._pixels([x, x], [0, 1])], GRID))
            add(TextLabel(self._pixels([x], [0])[0, 0], self._bottom + 17, text, 11, "middle"))
        for y, text in PERCENT_TICKS.items():
            add(Polylines([self._pixels([0, x_max], [y, y])], GRID))
            add(TextLabel(self._left - 7, self._pixels([0], [y])[0, 1] + 4, text, 11, "end"))
        frame = self._pixels([0, x_max, x_max, 0], [0, 0, 1, 1])
        add(Polylines([frame], FRAME, closed=True))
        add(TextLabel((self._left + self._right) / 2, self._bottom + 38, x_name, 12, "middle"))
        add(TextLabel(13, (self._top + self._bottom) / 2, y_name, 12, "middle", upright=False))

    def line(self, x: ArrayLike, y: ArrayLike, style: ShapeStyle) -> None:
        """Draw a line through n points; `x` and `y` are [n]."""
        self.figure.add(Polylines([self._pixels(x, y)], style))

    def dots(
        self, x: ArrayLike, y: ArrayLike, radii_px: Sequence[float], style: ShapeStyle
    ) -> None:
        """Draw n dots; `x`, `y` and `radii_px` are [n]."""
        self.figure.add(Dots(self._pixels(x, y), np.asarray(radii_px, float), style))

    def bar(self, left: float, right: float, height: float, style: ShapeStyle) -> None:
        """Draw a bar from the x axis up to `height`."""
        corners = self._pixels([left, left, right, right], [0, height, height, 0])
        self.figure.add(Polylines([corners], style, closed=True))

    def subtitle(self, text: str) -> None:
        """Write a line below the title."""
        self.figure.add(TextLabel(self._left, 36, text, 11, colour="#666666"))

    def _pixels(self, x: ArrayLike, y: ArrayLike) -> PixelPoints:
        """Data [n] and [n] to pixels [n, 2]."""
        across = np.asarray(x, float) / self._x_max * (self._right - self._left)
        up = np.asarray(y, float) * (self._bottom - self._top)
        return np.stack([self._left + across, self._bottom - up], axis=-1)
