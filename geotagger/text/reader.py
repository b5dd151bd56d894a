"""Reads the text in photos: pixels -> `Reading`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import rapidocr

from geotagger.errors import DeviceError
from geotagger.text import Line, Reading
from geotagger.text.detect import Detector
from geotagger.text.recognise import Recogniser, cut, is_standing, turned
from geotagger.vision import session

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

log = logging.getLogger(__name__)

ScriptClassifier = Callable[[list["NDArray[np.uint8]"]], list[tuple[str, float]]]
"""RGB crops [h, w, 3] of lines -> ISO 15924 code and probability of each."""

DETECTION_SIDE_PX = 850
CROP_SIDE_PX = 1400
"""Side of the square with as many pixels as are kept of a photo, to cut the lines from."""
MAX_LINES = 64
FLOOR = 0.5
"""Lines that are read with less confidence are dropped."""
RETRY_BELOW = 0.8
BATCH_LINES = 8


@dataclass(frozen=True, slots=True)
class Prepared:
    """What reading needs of a photo: a few megabytes."""

    pixels: NDArray[np.uint8]
    """BGR [h, w, 3]."""
    width_px: int
    """Of the upright original."""
    height_px: int


@dataclass(slots=True)
class _Found:
    """A line being read: which photo it is in, where, and the best reading so far."""

    photo: int
    box: NDArray[np.float32]
    text: str = ""
    confidence: float = 0.0


class TextReader:
    """Finds and reads lines of text, on the device that was asked for.

    The networks are PP-OCRv6 small, from the package `rapidocr`; nothing is downloaded.

    Attributes:
        device: what it runs on: cuda, coreml or cpu.
    """

    model_id = "ppocrv6-small"
    min_side_px = 500
    """Short side of a decoded picture, halved; see `images.decode`."""

    def __init__(
        self,
        device: str = "auto",
        threads: int = 1,
        script_classifier: ScriptClassifier | None = None,
    ) -> None:
        """Load the networks.

        Args:
            device: as in `vision.session.Session`.
            threads: photos that are read side by side on the CPU.
            script_classifier: names the script of lines that cannot be read.

        Raises:
            DeviceError: the device that was asked for does not run here.
        """
        self._classify = script_classifier
        self._load(device)
        self._pool = ThreadPoolExecutor(threads if self.device == "cpu" else 1, "read")

    def _load(self, device: str) -> None:
        folder = Path(rapidocr.__file__).parent / "models"
        *others, last = session._candidates(device)
        for name in (*others, last):
            try:
                detection = session._open(folder / "PP-OCRv6_det_small.onnx", name)
                recognition = session._open(folder / "PP-OCRv6_rec_small.onnx", name)
            except DeviceError:
                if name == last:
                    raise
                continue
            break
        self.device = name
        self._detector = Detector(detection, DETECTION_SIDE_PX, MAX_LINES)
        self._recogniser = Recogniser(recognition)

    def prepare(self, image: Image.Image, width_px: int = 0, height_px: int = 0) -> Prepared:
        """Keep what reading needs of an upright RGB picture. Safe in any thread."""
        size = (width_px or image.width, height_px or image.height)
        scale = CROP_SIDE_PX / (image.width * image.height) ** 0.5
        if scale < 1:
            small = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
            image = image.resize(small, reducing_gap=2.0)
        return Prepared(np.ascontiguousarray(np.asarray(image)[:, :, ::-1]), *size)

    def read(self, batch: Sequence[Prepared]) -> list[Reading]:
        """One reading for each photo, in the same order; empty where there is no text.

        Lines of all photos are read together. A photo that fails gets an empty reading.
        """
        found = [
            _Found(photo, turned(box, 1) if is_standing(box) else box)
            for photo, boxes in enumerate(self._pool.map(self._find, batch))
            for box in boxes
        ]
        self._recognise(batch, found)
        lines: list[list[Line]] = [[] for _ in batch]
        for line in found:
            if line.text and line.confidence >= FLOOR:
                lines[line.photo].append(_line(line, batch[line.photo]))
        return [
            Reading(tuple(of_photo), item.width_px, item.height_px)
            for of_photo, item in zip(lines, batch, strict=True)
        ]

    def _find(self, item: Prepared) -> NDArray[np.float32]:
        try:
            return self._detector.find(item.pixels)
        except Exception:
            log.exception("text could not be looked for in a photo")
            return np.empty((0, 4, 2), np.float32)

    def _recognise(self, batch: Sequence[Prepared], found: list[_Found]) -> None:
        self._try(batch, found, [line.box for line in found])
        doubtful = [line for line in found if line.confidence < RETRY_BELOW]
        self._try(batch, doubtful, [turned(line.box, 2) for line in doubtful])

    def _try(
        self, batch: Sequence[Prepared], found: list[_Found], boxes: list[NDArray[np.float32]]
    ) -> None:
        """Read the boxes in place of the lines' own; where that reads better, keep it."""
        crops = [cut(batch[line.photo].pixels, box) for line, box in zip(found, boxes, strict=True)]
        order = sorted(range(len(crops)), key=lambda index: crops[index].shape[1])
        chunks = [order[start : start + BATCH_LINES] for start in range(0, len(order), BATCH_LINES)]
        readings = self._pool.map(
            lambda chunk: self._recogniser.read([crops[index] for index in chunk]), chunks
        )
        for chunk, reading in zip(chunks, readings, strict=True):
            for index, (text, confidence) in zip(chunk, reading, strict=True):
                line = found[index]
                if text and confidence > line.confidence:
                    line.text, line.confidence, line.box = text, confidence, boxes[index]


def _line(line: _Found, item: Prepared) -> Line:
    height, width = item.pixels.shape[:2]
    corners = np.clip(line.box / (width, height), 0, 1)
    box = tuple((float(x), float(y)) for x, y in corners)
    return Line(line.text, line.confidence, box)  # type: ignore[arg-type]
