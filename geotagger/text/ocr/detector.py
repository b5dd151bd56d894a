"""Where text stands in a picture: the detection network, and the boxes that its map holds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np
from rapidocr.ch_ppocr_det.utils import DBPostProcess

from geotagger.text.ocr import boxes

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnxruntime import InferenceSession

GLANCE_SIDE_PX = 352
"""Of the square with as many pixels as the first, small look at a picture."""
LOOK_SIDE_PX = 960
"""The same for the second look, at the part where the first saw signs of text."""
SIGN_OF_TEXT = 0.1
"""Probability from which a pixel of the first look calls for the second."""
LYING, LETTERS = 0.25, 3
"""Share of boxes wider than high below which the picture is looked at turned, too, if there are
that many boxes: of words that run up or down, the network sees little more than the letters."""
MARGIN = 0.5
"""Around that part, as a share of its own sides: a large sign is looked at with all around it, a
small one is seen larger."""
MIN_MARGIN = 0.06
"""As a share of the picture's sides."""
STEP_PX = 32
"""Width and height of what the network sees are multiples of this."""
MAX_SIDE_PX = 4096
MAX_ENLARGED = 2.0

Region = tuple[int, int, int, int]
"""left, top, right, bottom in pixels."""


class TextDetector:
    """PP-OCR's text detector ("Real-time Scene Text Detection with Differentiable Binarization",
    Liao et al., AAAI 2020), which looks twice.

    A glance at a small copy tells whether there is any text, and in which part of the picture.
    Only that part is looked at closely, so a picture without text costs little, and small signs
    are seen larger. Pictures are brought to a number of pixels, not to a side: panoramas cost no
    more than others.
    """

    def __init__(self, session: InferenceSession, max_boxes: int) -> None:
        """`max_boxes`: of a picture that has more, the largest are kept."""
        self._session = session
        self._input = session.get_inputs()[0].name
        self._max_boxes = max_boxes
        self._boxes_of = DBPostProcess(
            thresh=0.3, box_thresh=0.5, unclip_ratio=1.6, use_dilation=True
        )

    def find(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Boxes [n, 4, 2] in pixels x, y of the BGR picture [h, w, 3], in reading order. Each is
        clockwise from the corner where its text begins, or ends if it is upside down."""
        region = _region_of_text(self._heat(pixels, GLANCE_SIDE_PX)[0, 0], pixels.shape)
        if region is None:
            return np.empty((0, 4, 2), np.float32)
        left, top, right, bottom = region
        part = pixels[top:bottom, left:right]
        found = self._look(part)
        if len(found) >= LETTERS and boxes.lying(found).mean() < LYING:
            found = _longer(found, self._look_turned(part))
        found = boxes.along_the_text(found) + np.array([left, top], np.float32)
        return boxes.in_reading_order(boxes.largest(found, self._max_boxes))

    def _look(self, part: NDArray[np.uint8]) -> NDArray[np.float32]:
        found, _ = self._boxes_of(self._heat(part, LOOK_SIDE_PX), part.shape[:2])
        return np.asarray(found, np.float32).reshape(-1, 4, 2)

    def _look_turned(self, part: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What is found once the picture is turned counterclockwise by a quarter of a circle."""
        found = self._look(np.rot90(part))
        x, y = found[..., 0], found[..., 1]
        return np.stack([part.shape[1] - y, x], axis=-1)

    def _heat(self, pixels: NDArray[np.uint8], side_px: int) -> NDArray[np.float32]:
        """Probability of text [1, 1, h, w] in the picture brought to about `side_px`²."""
        height, width = pixels.shape[:2]
        scale = min(side_px / math.sqrt(width * height), MAX_ENLARGED)
        scale = min(scale, MAX_SIDE_PX / max(width, height))
        across, down = (max(1, round(side * scale / STEP_PX)) for side in (width, height))
        size = (across * STEP_PX, down * STEP_PX)
        shrinks = scale < 1
        seen = cv2.resize(
            pixels, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        )
        tensor = (seen.astype(np.float32) / 127.5 - 1).transpose(2, 0, 1)[None]
        heat: NDArray[np.float32] = self._session.run(None, {self._input: tensor})[0]
        return heat


def _longer(found: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.float32]:
    """The boxes that look more like lines, and less like single letters."""
    if not len(others):
        return found
    return max((found, others), key=lambda one: float(np.mean(boxes.length_to_height(one))))


def _region_of_text(heat: NDArray[np.float32], shape: tuple[int, ...]) -> Region | None:
    """The part of a picture [h, w, ...] that holds all signs of text, with a margin."""
    hot = heat >= SIGN_OF_TEXT
    if not hot.any():
        return None
    spans = []
    for axis, side in ((0, shape[1]), (1, shape[0])):
        where = np.flatnonzero(hot.any(axis=axis))
        cells = hot.shape[1 - axis]
        first, last = where[0] / cells, (where[-1] + 1) / cells
        margin = max(MIN_MARGIN, MARGIN * (last - first))
        first, last = first - margin, last + margin
        spans.append((max(0, math.floor(first * side)), min(side, math.ceil(last * side))))
    (left, right), (top, bottom) = spans
    return left, top, right, bottom
