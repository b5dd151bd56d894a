"""Reads the text in photos: pixels -> `OcrResult`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import rapidocr
from PIL.Image import Resampling

from geotagger.config import Device
from geotagger.errors import DeviceError
from geotagger.text.ocr.boxes import mirrored, turned
from geotagger.text.ocr.detector import TextDetector
from geotagger.text.ocr.recogniser import TextRecogniser, cut
from geotagger.text.types import OcrResult, TextLine
from geotagger.vision.runtime import devices

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

log = logging.getLogger(__name__)

ScriptClassifier = Callable[[list["NDArray[np.uint8]"]], list[tuple[str, float]]]
"""RGB crops [h, w, 3] of lines -> ISO 15924 code and probability of each; the code is empty where
no script can be named."""

DETECTION, RECOGNITION = "PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx"
KEPT_SIDE_PX = 1600
"""Of the square with as many pixels as are kept of a photo."""
MAX_LINES = 64
"""In one photo; a page of a book must not hold up the run."""
FLOOR = 0.5
"""Lines that are read with less confidence are dropped."""
SURE = 0.9
"""Lines that are read with less confidence are tried another way round, and may be in a script that
the recogniser takes for letters that it knows."""
MIRRORED = 0.9
"""Confidence that a line needs to be believed when it is read in the mirror."""
BATCH_LINES, BATCH_WIDTH_PX = 8, 2560
"""Measured: larger batches leave the processor's cache and gain nothing."""


@dataclass(frozen=True, slots=True)
class PreparedImage:
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
    upright: NDArray[np.float32]
    """The box as it was found."""
    box: NDArray[np.float32]
    """The same, from the corner where the text begins as it was read best."""
    text: str = ""
    confidence: float = 0.0
    script: str = ""


class TextReader:
    """Finds and reads lines of text, on the device that was asked for.

    The networks are PP-OCRv6 small, from the package `rapidocr`; nothing is downloaded.

    Attributes:
        device: what it runs on: cuda, coreml or cpu.
    """

    model_id = "ppocrv6-small"
    min_side_px = 600
    """Short side of a decoded picture, halved; see `images.decode`."""

    def __init__(
        self,
        device: str = "auto",
        threads: int = 1,
        script_classifier: ScriptClassifier | None = None,
    ) -> None:
        """Load the networks.

        Args:
            device: as in `geotagger.vision.runtime.session.VisionSession`.
            threads: photos that are read side by side on the CPU.
            script_classifier: names the script of lines that cannot be read.

        Raises:
            DeviceError: the device that was asked for does not run here.
        """
        self._classify = script_classifier
        self._load(device)
        self._pool = ThreadPoolExecutor(threads if self.device == "cpu" else 1, "read")

    def _load(self, device: str) -> None:
        # TensorRT would plan anew for every size of picture, for minutes each: CUDA stands in
        candidates = devices.candidate_devices(device)
        names = [name for name in candidates if name is not Device.TENSORRT] or [Device.CUDA]
        for name in names:
            try:
                self._start(name)
            except DeviceError:
                if name == names[-1]:
                    raise
                continue
            return

    def _start(self, device: str) -> None:
        folder = Path(rapidocr.__file__).parent / "models"
        self.device = device
        try:
            detection, recognition = (
                devices.open_session(folder / file, device, memory_pattern=False)
                for file in (DETECTION, RECOGNITION)
            )
            self._detector = TextDetector(detection, MAX_LINES)
            self._recogniser = TextRecogniser(recognition)
            self._detector.find(np.zeros((64, 64, 3), np.uint8))
            self._recogniser.read([np.zeros((48, 64, 3), np.uint8)])
        except DeviceError:
            raise
        except Exception as error:  # ONNX Runtime's errors share no other base class
            raise DeviceError(
                f"{device} does not run the text reader ({' '.join(str(error).split())[:300]}); "
                "take another --device, or install rapidocr again"
            ) from error

    def prepare(self, image: Image.Image, width_px: int = 0, height_px: int = 0) -> PreparedImage:
        """Keep what reading needs of an upright RGB picture. Safe in any thread."""
        size = (width_px or image.width, height_px or image.height)
        scale = KEPT_SIDE_PX / (image.width * image.height) ** 0.5
        if scale < 1:
            small = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
            image = image.resize(small, Resampling.BILINEAR, reducing_gap=2.0)
        return PreparedImage(np.ascontiguousarray(np.asarray(image)[:, :, ::-1]), *size)

    def read(self, batch: Sequence[PreparedImage]) -> list[OcrResult]:
        """One reading for each photo, in the same order; empty where there is no text.

        Lines of all photos are read together. A photo that fails gets an empty reading.
        """
        found = [
            _Found(photo, box, box) for photo, boxes in enumerate(self.find(batch)) for box in boxes
        ]
        self._recognise(batch, found)
        self._name_scripts(batch, found)
        lines: list[list[TextLine]] = [[] for _ in batch]
        for line in found:
            if (line.text or line.script) and line.confidence >= FLOOR:
                lines[line.photo].append(_line(line, batch[line.photo]))
        return [
            OcrResult(tuple(of_photo), item.width_px, item.height_px)
            for of_photo, item in zip(lines, batch, strict=True)
        ]

    def find(self, batch: Sequence[PreparedImage]) -> list[NDArray[np.float32]]:
        """Where text is in each photo, not yet read: boxes as of `TextDetector.find`."""
        return list(self._pool.map(self._find, batch))

    def _find(self, item: PreparedImage) -> NDArray[np.float32]:
        try:
            return self._detector.find(item.pixels)
        except Exception as error:  # of OpenCV or ONNX Runtime: one photo must not cost the rest
            log.warning("no text could be looked for in a photo: %s", error)
            return np.empty((0, 4, 2), np.float32)

    def _recognise(self, batch: Sequence[PreparedImage], found: list[_Found]) -> None:
        self._try(batch, found, lambda box: box)
        self._try(batch, _unsure(found), lambda box: turned(box, 2))
        self._try(batch, _unsure(found), mirrored, MIRRORED)

    def _try(
        self,
        batch: Sequence[PreparedImage],
        found: list[_Found],
        way: Callable[[NDArray[np.float32]], NDArray[np.float32]],
        floor: float = 0.0,
    ) -> None:
        """Read each line the given way round; what is read better than before is kept."""
        boxes = [way(line.upright) for line in found]
        crops = [cut(batch[line.photo].pixels, box) for line, box in zip(found, boxes, strict=True)]
        chunks = _batches([crop.shape[1] for crop in crops])
        for chunk, readings in zip(
            chunks,
            self._pool.map(lambda c: self._lines([crops[i] for i in c]), chunks),
            strict=True,
        ):
            for index, (text, confidence) in zip(chunk, readings, strict=True):
                line = found[index]
                if text and confidence > max(line.confidence, floor):
                    line.text, line.confidence, line.box = text, confidence, boxes[index]

    def _name_scripts(self, batch: Sequence[PreparedImage], found: list[_Found]) -> None:
        doubtful = _unsure(found)
        if self._classify is None or not doubtful:
            return
        crops = [cut(batch[line.photo].pixels, line.upright)[:, :, ::-1] for line in doubtful]
        for line, (script, probability) in zip(doubtful, self._classify(crops), strict=True):
            if script:
                line.text, line.script, line.confidence = "", script, probability
                line.box = line.upright

    def _lines(self, crops: list[NDArray[np.uint8]]) -> list[tuple[str, float]]:
        try:
            return self._recogniser.read(crops)
        except Exception as error:
            log.warning("%d lines of text could not be read: %s", len(crops), error)
            return [("", 0.0)] * len(crops)


def _unsure(found: list[_Found]) -> list[_Found]:
    return [line for line in found if line.confidence < SURE]


def _batches(widths: Sequence[int]) -> list[list[int]]:
    """Indices of lines to be read together: of similar width, and not too many pixels."""
    batches: list[list[int]] = []
    for index in sorted(range(len(widths)), key=widths.__getitem__):
        count = len(batches[-1]) + 1 if batches else 0
        if not 0 < count <= min(BATCH_LINES, BATCH_WIDTH_PX // widths[index]):
            batches.append([])
        batches[-1].append(index)
    return batches


def _line(line: _Found, item: PreparedImage) -> TextLine:
    height, width = item.pixels.shape[:2]
    corners = np.clip(line.box / (width, height), 0, 1)
    box = tuple((float(x), float(y)) for x, y in corners)
    return TextLine(line.text, line.confidence, box, line.script)  # type: ignore[arg-type]
