"""Boxes around lines of text: four corners, clockwise from the one where the text begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONG = 1.5
"""Length to height from which a box has a direction."""


def sides(box: NDArray[np.float32]) -> tuple[float, float]:
    """Length along the text and height across it, in pixels, at least 1."""
    edges = np.linalg.norm(box - np.roll(box, -1, axis=0), axis=1)
    return float(max(edges[0], edges[2], 1.0)), float(max(edges[1], edges[3], 1.0))


def turned(box: NDArray[np.float32], quarters: int) -> NDArray[np.float32]:
    """The same box for text that is turned clockwise by so many quarters of a circle."""
    return np.roll(box, -quarters, axis=0)


def mirrored(box: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same box for text in a mirror: it begins at the right, and runs counterclockwise."""
    return box[[1, 0, 3, 2]]


def length_to_height(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of each of the boxes [n, 4, 2], the longer side by the shorter one."""
    pairs = [sides(box) for box in boxes]
    return np.array([max(pair) / min(pair) for pair in pairs], np.float32)


def lying(boxes: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which of the boxes [n, 4, 2] are clearly longer than high, as seen in the picture."""
    spans = np.ptp(boxes, axis=1)
    return np.asarray(spans[:, 0] >= LONG * spans[:, 1])


def along_the_text(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Boxes [n, 4, 2] clearly higher than long begin a quarter of a circle further on."""
    turn = [height >= LONG * length for length, height in map(sides, boxes)]
    return np.where(np.reshape(turn, (-1, 1, 1)), np.roll(boxes, -1, axis=1), boxes)


def largest(boxes: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """The `count` boxes of [n, 4, 2] with the largest letters."""
    heights = np.array([min(sides(box)) for box in boxes])
    return boxes[np.argsort(-heights, kind="stable")[:count]]


def in_reading_order(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows from the top; within a row, where boxes differ by less than half a height, from the
    left."""
    if not len(boxes):
        return boxes
    boxes = boxes[np.argsort(boxes[:, :, 1].mean(axis=1), kind="stable")]
    middles = boxes[:, :, 1].mean(axis=1)
    new_row = np.diff(middles, prepend=middles[0]) > np.ptp(boxes[:, :, 1], axis=1) / 2
    return boxes[np.lexsort((boxes[:, :, 0].min(axis=1), np.cumsum(new_row)))]
