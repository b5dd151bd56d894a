"""Where text stands in a picture: the detection network, and the boxes that its map holds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np
from rapidocr.ch_ppocr_det.utils import DBPostProcess

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnxruntime import InferenceSession

STEP_PX = 32
"""Width and height of what the network sees are multiples of this."""
MAX_SIDE_PX = 4096
MAX_ENLARGED = 2.0


class Detector:
    """PP-OCR's text detector ("Real-time Scene Text Detection with Differentiable Binarization",
    Liao et al., AAAI 2020).

    Every picture is brought to about the same number of pixels, so that each costs the same,
    panoramas too.
    """

    def __init__(self, session: InferenceSession, side_px: int, max_boxes: int) -> None:
        """`side_px`: side of the square that has as many pixels as the network sees."""
        self._session = session
        self._input = session.get_inputs()[0].name
        self._side_px = side_px
        self._max_boxes = max_boxes
        self._boxes_of = DBPostProcess(
            thresh=0.3, box_thresh=0.5, unclip_ratio=1.6, use_dilation=True
        )

    def find(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Boxes [n, 4, 2] in pixels x, y of the BGR picture [h, w, 3], clockwise from the upper
        left corner; at most `max_boxes`, the largest ones, in reading order."""
        height, width = pixels.shape[:2]
        seen = cv2.resize(pixels, self._size(width, height), interpolation=cv2.INTER_AREA)
        tensor = (seen.astype(np.float32) / 127.5 - 1).transpose(2, 0, 1)[None]
        heat = self._session.run(None, {self._input: tensor})[0]
        boxes, _ = self._boxes_of(heat, (height, width))
        boxes = np.asarray(boxes, np.float32).reshape(-1, 4, 2)
        return self._in_reading_order(self._largest(boxes))

    def _size(self, width: int, height: int) -> tuple[int, int]:
        scale = self._side_px / math.sqrt(width * height)
        scale = min(scale, MAX_ENLARGED, MAX_SIDE_PX / max(width, height))
        across, down = (max(1, round(side * scale / STEP_PX)) for side in (width, height))
        return across * STEP_PX, down * STEP_PX

    def _largest(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        if len(boxes) <= self._max_boxes:
            return boxes
        heights = np.minimum(
            np.linalg.norm(boxes[:, 0] - boxes[:, 1], axis=1),
            np.linalg.norm(boxes[:, 0] - boxes[:, 3], axis=1),
        )
        return boxes[np.sort(np.argsort(-heights, kind="stable")[: self._max_boxes])]

    @staticmethod
    def _in_reading_order(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Rows from the top; in a row, which is half a line high, from the left."""
        if not len(boxes):
            return boxes
        middle = boxes[:, :, 1].mean(axis=1)
        order = np.argsort(middle, kind="stable")
        heights = np.ptp(boxes[:, :, 1], axis=1)[order]
        new_row = np.diff(middle[order], prepend=middle[order[0]]) > heights / 2
        left = boxes[order, :, 0].min(axis=1)
        return boxes[order[np.lexsort((left, np.cumsum(new_row)))]]
