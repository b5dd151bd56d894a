"""Boxes of lines of text: four corners (x, y), clockwise from the one where the text begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_ELONGATION = 1.5
"""Ratio of sides from which a box has a direction."""


def side_lengths(box: NDArray[np.float32]) -> tuple[float, float]:
    """Return the length along the text and the height across it, in pixels, at least 1.

    box: float32 [4, 2].
    """
    edges = np.linalg.norm(box - np.roll(box, -1, axis=0), axis=1)
    return float(max(edges[0], edges[2], 1.0)), float(max(edges[1], edges[3], 1.0))


def rotate_start(box: NDArray[np.float32], quarter_turns: int) -> NDArray[np.float32]:
    """Return the box [4, 2] of text that is rotated clockwise by so many quarter turns."""
    return np.roll(box, -quarter_turns, axis=0)


def mirror(box: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the box [4, 2] of mirrored text: it begins at the right and is counterclockwise."""
    return box[[1, 0, 3, 2]]


def is_elongated(box: NDArray[np.float32]) -> bool:
    """Whether a box [4, 2] has a direction, as a word has and a single letter has not."""
    sides = side_lengths(box)
    return max(sides) >= MIN_ELONGATION * min(sides)


def aspect_ratios(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the longer side over the shorter side of boxes [n, 4, 2]; float32 [n]."""
    pairs = [side_lengths(box) for box in boxes]
    return np.array([max(pair) / min(pair) for pair in pairs], np.float32)


def are_horizontal(boxes: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which boxes [n, 4, 2] are clearly wider than high in the picture; bool [n]."""
    spans = np.ptp(boxes, axis=1)
    return np.asarray(spans[:, 0] >= MIN_ELONGATION * spans[:, 1])


def start_at_short_side(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rotate the corners of boxes [n, 4, 2] that are clearly higher than long by a quarter turn.

    So the first side of every elongated box runs along its text.
    """
    is_high = [height >= MIN_ELONGATION * length for length, height in map(side_lengths, boxes)]
    return np.where(np.reshape(is_high, (-1, 1, 1)), np.roll(boxes, -1, axis=1), boxes)


def keep_largest(boxes: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Return the `count` boxes of [n, 4, 2] with the largest letters."""
    heights = np.array([min(side_lengths(box)) for box in boxes])
    return boxes[np.argsort(-heights, kind="stable")[:count]]


def sort_in_reading_order(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sort boxes [n, 4, 2] by rows from the top, and from the left within a row.

    Boxes that differ by less than half a height are in one row.
    """
    if not len(boxes):
        return boxes
    boxes = boxes[np.argsort(boxes[:, :, 1].mean(axis=1), kind="stable")]
    middles = boxes[:, :, 1].mean(axis=1)
    begins_row = np.diff(middles, prepend=middles[0]) > np.ptp(boxes[:, :, 1], axis=1) / 2
    return boxes[np.lexsort((boxes[:, :, 0].min(axis=1), np.cumsum(begins_row)))]
