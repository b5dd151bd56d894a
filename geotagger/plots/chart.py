"""Shares over an axis: a frame with lines, bars and dots."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geotagger.plots.figure import Dots, Figure, Label, Lines, Style

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike

    from geotagger.plots.figure import Track

WIDTH_PX, HEIGHT_PX = 420, 350
LEFT_PX, RIGHT_PX, TOP_PX, BOTTOM_PX = 58, 24, 46, 48
GRID = Style(stroke="#e3e6ea")
FRAME = Style(stroke="#8a9099")
PERCENT = {step / 5: f"{20 * step} %" for step in range(6)}


class Chart:
    """A figure in units of its data: y is a share, x begins at 0 and ends at the last tick."""

    def __init__(
        self, title: str, x_name: str, y_name: str, x_ticks: Mapping[float, str] = PERCENT
    ) -> None:
        """`x_ticks`: where on the axis which text stands."""
        self.figure = Figure(WIDTH_PX, HEIGHT_PX, title)
        self._left, self._right = LEFT_PX, WIDTH_PX - RIGHT_PX
        self._top, self._bottom = TOP_PX, HEIGHT_PX - BOTTOM_PX
        self._x_top = max(x_ticks)
        self._frame(x_name, y_name, x_ticks)

    def _frame(self, x_name: str, y_name: str, x_ticks: Mapping[float, str]) -> None:
        add, x_top = self.figure.add, self._x_top
        add(Label(self._left, 20, self.figure.title, 14, colour="#111111"))
        for x, text in x_ticks.items():
            add(Lines([self._at([x, x], [0, 1])], GRID))
            add(Label(self._at([x], [0])[0, 0], self._bottom + 17, text, 11, "middle"))
        for y, text in PERCENT.items():
            add(Lines([self._at([0, x_top], [y, y])], GRID))
            add(Label(self._left - 7, self._at([0], [y])[0, 1] + 4, text, 11, "end"))
        add(Lines([self._at([0, x_top, x_top, 0], [0, 0, 1, 1])], FRAME, closed=True))
        add(Label((self._left + self._right) / 2, self._bottom + 38, x_name, 12, "middle"))
        add(Label(13, (self._top + self._bottom) / 2, y_name, 12, "middle", upright=False))

    def line(self, x: ArrayLike, y: ArrayLike, style: Style) -> None:
        self.figure.add(Lines([self._at(x, y)], style))

    def dots(self, x: ArrayLike, y: ArrayLike, radii_px: Sequence[float], style: Style) -> None:
        self.figure.add(Dots(self._at(x, y), np.asarray(radii_px, float), style))

    def bar(self, left: float, right: float, height: float, style: Style) -> None:
        corners = self._at([left, left, right, right], [0, height, height, 0])
        self.figure.add(Lines([corners], style, closed=True))

    def remark(self, text: str) -> None:
        """What is to be read off it, below the title."""
        self.figure.add(Label(self._left, 36, text, 11, colour="#666666"))

    def _at(self, x: ArrayLike, y: ArrayLike) -> Track:
        """Data to pixels, [n, 2]."""
        across = np.asarray(x, float) / self._x_top * (self._right - self._left)
        up = np.asarray(y, float) * (self._bottom - self._top)
        return np.stack([self._left + across, self._bottom - up], axis=-1)
