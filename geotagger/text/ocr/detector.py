"""Text detection: the network, and the boxes in its probability map."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np
from rapidocr.ch_ppocr_det.utils import DBPostProcess

from geotagger.text.ocr.boxes import (
    are_horizontal,
    aspect_ratios,
    keep_largest,
    sort_in_reading_order,
    start_at_short_side,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnxruntime import InferenceSession

FIRST_PASS_SIDE_PX = 320
"""Side of a square with as many pixels as the picture has in the first pass."""
SECOND_PASS_SIDE_PX = 800
"""The same for the part of the picture that goes through the second pass."""
MIN_PROBABILITY, MIN_PEAK = 0.1, 0.3
"""Probability from which connected pixels of the first pass are a spot of text, if one of them
reaches the second."""
MIN_HORIZONTAL_SHARE, MIN_BOXES = 0.25, 3
"""If fewer boxes than this share are horizontal, of at least so many boxes, the picture is also
searched rotated. Of words that run up or down, the network finds little more than the letters."""
REGION_MARGIN = 0.5
"""Margin around the part for the second pass, as a share of its own sides. So a large sign comes
with its surroundings, and a small sign is magnified."""
MIN_REGION_MARGIN = 0.06
"""Least margin, as a share of the picture's sides."""
SIDE_MULTIPLE_PX = 32
"""The network takes widths and heights that are multiples of this."""
MAX_SIDE_PX = 4096
MAX_ENLARGEMENT = 1.5

Region = tuple[int, int, int, int]
"""left, top, right, bottom in pixels."""


class TextDetector:
    """PP-OCR's text detector, in two passes.

    The network is "Real-time Scene Text Detection with Differentiable Binarization" (Liao et al.,
    AAAI 2020). The first pass, over a small copy, shows which part of the picture has text, if any.
    Only this part goes through the second pass. So a picture without text costs little, and small
    signs are magnified. Pictures are scaled to a number of pixels, not to a side, so panoramas cost
    no more than others.
    """

    def __init__(self, session: InferenceSession, max_boxes: int) -> None:
        """
        Args:
            session: the detection network.
            max_boxes: number of boxes to keep per picture, those with the largest letters.
        """
        self._session = session
        self._input = session.get_inputs()[0].name
        self._max_boxes = max_boxes
        self._extract_boxes = DBPostProcess(
            thresh=0.3, box_thresh=0.5, unclip_ratio=1.6, use_dilation=True
        )

    def detect(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Detect lines of text.

        Args:
            pixels: uint8 BGR [h, w, 3].

        Returns:
            float32 [n, 4, 2], corners x, y in pixels, boxes in reading order. A box is clockwise
            from the corner where its text begins, or where it ends if it is upside down.
        """
        probability = self._probability_map(pixels, FIRST_PASS_SIDE_PX)
        region = _text_region(probability[0, 0], pixels.shape)
        if region is None:
            return np.empty((0, 4, 2), np.float32)
        left, top, right, bottom = region
        part = pixels[top:bottom, left:right]
        boxes = self._boxes(part)
        if len(boxes) >= MIN_BOXES and are_horizontal(boxes).mean() < MIN_HORIZONTAL_SHARE:
            boxes = _more_elongated(boxes, self._boxes_of_rotated(part))
        boxes = start_at_short_side(boxes) + np.array([left, top], np.float32)
        return sort_in_reading_order(keep_largest(boxes, self._max_boxes))

    def _boxes(self, part: NDArray[np.uint8]) -> NDArray[np.float32]:
        probability = self._probability_map(part, SECOND_PASS_SIDE_PX)
        boxes, _ = self._extract_boxes(probability, part.shape[:2])
        return np.asarray(boxes, np.float32).reshape(-1, 4, 2)

    def _boxes_of_rotated(self, part: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Search the picture rotated counterclockwise by a quarter turn; boxes of the original."""
        boxes = self._boxes(np.rot90(part))
        x, y = boxes[..., 0], boxes[..., 1]
        return np.stack([part.shape[1] - y, x], axis=-1)

    def _probability_map(self, pixels: NDArray[np.uint8], side_px: int) -> NDArray[np.float32]:
        """Probability of text, float32 [1, 1, h, w], of the picture scaled to about `side_px`²."""
        feed = {self._input: to_tensor(pixels, side_px)}
        probability: NDArray[np.float32] = self._session.run(None, feed)[0]
        return probability


def to_tensor(pixels: NDArray[np.uint8], side_px: int) -> NDArray[np.float32]:
    """Return the network's input for a picture, uint8 BGR [h, w, 3], scaled to about `side_px`².

    Returns:
        float32 [1, 3, rows, columns] from -1 to 1; both sides are multiples of 32 pixels.
    """
    height, width = pixels.shape[:2]
    scale = min(side_px / math.sqrt(width * height), MAX_ENLARGEMENT)
    scale = min(scale, MAX_SIDE_PX / max(width, height))
    columns, rows = (max(1, round(side * scale / SIDE_MULTIPLE_PX)) for side in (width, height))
    scaled = cv2.resize(
        pixels,
        (columns * SIDE_MULTIPLE_PX, rows * SIDE_MULTIPLE_PX),
        interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR,
    )
    tensor = np.ascontiguousarray(scaled.transpose(2, 0, 1)[None], np.float32)
    tensor *= np.float32(1 / 127.5)
    tensor -= 1
    return tensor


def _more_elongated(boxes: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the boxes that look more like lines and less like single letters."""
    if not len(others):
        return boxes
    return max((boxes, others), key=lambda each: float(np.mean(aspect_ratios(each))))


def _text_region(probability: NDArray[np.float32], shape: tuple[int, ...]) -> Region | None:
    """Return the part of a picture [h, w, ...] with all text of the first pass, and a margin.

    probability: float32 [rows, columns] of the first pass.
    """
    has_text = _text_spots(probability)
    if not has_text.any():
        return None
    spans = []
    for axis, side_px in ((0, shape[1]), (1, shape[0])):
        cells = np.flatnonzero(has_text.any(axis=axis))
        count = has_text.shape[1 - axis]
        first, last = cells[0] / count, (cells[-1] + 1) / count
        margin = max(MIN_REGION_MARGIN, REGION_MARGIN * (last - first))
        start_px = max(0, math.floor((first - margin) * side_px))
        end_px = min(side_px, math.ceil((last + margin) * side_px))
        spans.append((start_px, end_px))
    (left, right), (top, bottom) = spans
    return left, top, right, bottom


def _text_spots(probability: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return which pixels of the first pass [rows, columns] are likely text; bool [rows, columns].

    A faint spot is a texture. The faint rim of a clear one is part of the text.
    """
    faint = probability >= MIN_PROBABILITY
    _, spots = cv2.connectedComponents(faint.astype(np.uint8))
    return np.asarray(np.isin(spots, np.unique(spots[probability >= MIN_PEAK])))
