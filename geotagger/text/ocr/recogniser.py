"""Text recognition: crops of lines, and the network that turns them into text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from rapidocr.ch_ppocr_rec.utils import CTCLabelDecode

from geotagger.text.ocr.boxes import side_lengths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from onnxruntime import InferenceSession

HEIGHT_PX = 48
"""Height of a line for the network."""
MIN_WIDTH_PX, MAX_WIDTH_PX = 16, 1600


class TextRecogniser:
    """PP-OCR's line recogniser with CTC decoding (Graves et al., ICML 2006)."""

    def __init__(self, session: InferenceSession) -> None:
        self._session = session
        self._input = session.get_inputs()[0].name
        metadata = session.get_modelmeta().custom_metadata_map
        self._decode = CTCLabelDecode(metadata["character"].splitlines())

    def recognise(self, crops: Sequence[NDArray[np.uint8]]) -> list[tuple[str, float]]:
        """Recognise crops as one batch.

        Args:
            crops: uint8 BGR [48, w, 3] each.

        Returns:
            Text and confidence of each crop.
        """
        lines, _ = self._decode(self._session.run(None, {self._input: stack_lines(crops)})[0])
        return [(text.strip(), float(confidence)) for text, confidence in lines]


def stack_lines(crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """Return crops, uint8 BGR [48, w, 3], as a batch float32 [n, 3, 48, widest], from -1 to 1,
    padded with 0 on the right."""
    widest = max(crop.shape[1] for crop in crops)
    batch = np.zeros((len(crops), 3, HEIGHT_PX, widest), np.float32)
    for row, crop in zip(batch, crops, strict=True):
        row[:, :, : crop.shape[1]] = crop.transpose(2, 0, 1) / np.float32(127.5) - 1
    return batch


def crop_line(pixels: NDArray[np.uint8], box: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Cut out a line and rectify it.

    Large letters are shrunk before they are warped, because warping alone would skip pixels.

    Args:
        pixels: uint8 [h, w, 3].
        box: float32 [4, 2], x, y in pixels; the text begins at the first corner.

    Returns:
        uint8 [48, w, 3], upright.
    """
    width, height = side_lengths(box)
    shrink = int(height // HEIGHT_PX)
    if shrink >= 2:
        left, top = np.maximum(np.floor(box.min(axis=0)).astype(int) - 1, 0)
        right, bottom = np.ceil(box.max(axis=0)).astype(int) + 2
        part = pixels[top:bottom, left:right]
        size = (max(1, part.shape[1] // shrink), max(1, part.shape[0] // shrink))
        scale = np.array(size, np.float32) / (part.shape[1], part.shape[0])
        box = (box - (left, top)) * scale
        pixels = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    width_px = int(np.clip(round(HEIGHT_PX * width / height), MIN_WIDTH_PX, MAX_WIDTH_PX))
    corners = np.array([[0, 0], [width_px, 0], [width_px, HEIGHT_PX], [0, HEIGHT_PX]], np.float32)
    matrix = cv2.getPerspectiveTransform(box.astype(np.float32), corners)
    line = cv2.warpPerspective(
        pixels,
        matrix,
        (width_px, HEIGHT_PX),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(line, np.uint8)
