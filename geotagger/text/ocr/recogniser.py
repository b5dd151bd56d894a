"""What a line of text says: crops of lines, and the network that reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from rapidocr.ch_ppocr_rec.utils import CTCLabelDecode

from geotagger.text.ocr.boxes import sides

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from onnxruntime import InferenceSession

HEIGHT_PX = 48
"""Of the lines that the network sees."""
MIN_WIDTH_PX, MAX_WIDTH_PX = 64, 1600


class TextRecogniser:
    """PP-OCR's line recogniser with CTC decoding (Graves et al., ICML 2006)."""

    def __init__(self, session: InferenceSession) -> None:
        self._session = session
        self._input = session.get_inputs()[0].name
        metadata = session.get_modelmeta().custom_metadata_map
        self._decode = CTCLabelDecode(metadata["character"].splitlines())

    def read(self, crops: Sequence[NDArray[np.uint8]]) -> list[tuple[str, float]]:
        """Text and confidence of each crop, BGR [48, w, 3]; together they run as one batch."""
        widest = max(crop.shape[1] for crop in crops)
        batch = np.zeros((len(crops), 3, HEIGHT_PX, widest), np.float32)
        for row, crop in zip(batch, crops, strict=True):
            row[:, :, : crop.shape[1]] = crop.transpose(2, 0, 1) / np.float32(127.5) - 1
        lines, _ = self._decode(self._session.run(None, {self._input: batch})[0])
        return [(text.strip(), float(confidence)) for text, confidence in lines]


def cut(pixels: NDArray[np.uint8], box: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The line in the box [4, 2], upright, 48 pixels high; text begins at the box's first corner.

    Large letters are shrunk before they are straightened: warping alone would skip pixels.
    """
    width, height = sides(box)
    shrink = int(height // HEIGHT_PX)
    if shrink >= 2:
        left, top = np.maximum(np.floor(box.min(axis=0)).astype(int) - 1, 0)
        right, bottom = np.ceil(box.max(axis=0)).astype(int) + 2
        part = pixels[top:bottom, left:right]
        size = (max(1, part.shape[1] // shrink), max(1, part.shape[0] // shrink))
        scale = np.array(size, np.float32) / (part.shape[1], part.shape[0])
        box = (box - (left, top)) * scale
        pixels = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    across = int(np.clip(round(HEIGHT_PX * width / height), MIN_WIDTH_PX // 4, MAX_WIDTH_PX))
    corners = np.array([[0, 0], [across, 0], [across, HEIGHT_PX], [0, HEIGHT_PX]], np.float32)
    matrix = cv2.getPerspectiveTransform(box.astype(np.float32), corners)
    line = cv2.warpPerspective(
        pixels,
        matrix,
        (across, HEIGHT_PX),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(line, np.uint8)
