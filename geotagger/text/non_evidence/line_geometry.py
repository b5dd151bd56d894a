"""How a line of text stands in its picture, and what a trap is; see `traps.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from geotagger.text.types import Line, Reading

MARGIN = 0.1
"""A line whose middle is nearer to an edge than this share of the side stands at the edge."""
SMALL = 0.07
"""Height of lines that were put over a picture, at most, as a share of its height."""
LEVEL = 0.03
"""Rise over run of lines that were put over a picture, at most."""


@dataclass(frozen=True, slots=True)
class NonEvidence:
    """One trap that was recognised."""

    note: str
    weight: float
    lines: frozenset[int]


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a line stands, as shares of the picture's sides."""

    left: float
    top: float
    right: float
    bottom: float
    rise: float
    """Of the line over its run, in pixels; boxes of short lines are too coarse to tell."""

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def middle(self) -> tuple[float, float]:
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    @property
    def looks_put_over(self) -> bool:
        """Small, level and at an edge."""
        across, down = self.middle
        at_edge = min(down, 1 - down) < MARGIN or min(across, 1 - across) < MARGIN / 2
        return at_edge and self.height < SMALL and self.rise < LEVEL


def frame_of(line: Line, reading: Reading) -> Frame:
    across, down = zip(*line.box, strict=True)
    run = abs(across[1] - across[0]) * reading.width_px
    four_heights = 4 * (max(down) - min(down)) * reading.height_px
    rise = abs(down[1] - down[0]) * reading.height_px / max(run, four_heights, 1.0)
    return Frame(min(across), min(down), max(across), max(down), rise)
