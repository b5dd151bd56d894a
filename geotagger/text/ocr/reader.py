"""Reads the text in photos: pixels -> `OcrResult`."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

import numpy as np
from PIL.Image import Resampling

from geotagger.config import Device
from geotagger.errors import BundleError, DeviceError
from geotagger.text.ocr.boxes import is_elongated, mirror, rotate_start
from geotagger.text.ocr.detector import TextDetector
from geotagger.text.ocr.other_scripts import (
    SURE_CONFIDENCE,
    VIETNAMESE,
    OtherScripts,
    ScriptReading,
)
from geotagger.text.ocr.packaged_network import read_packaged_network
from geotagger.text.ocr.recogniser import TextRecogniser, crop_line
from geotagger.text.types import OcrResult, TextLine
from geotagger.vision.runtime import devices

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnxruntime import InferenceSession
    from PIL import Image

log = logging.getLogger(__name__)

DETECTION, RECOGNITION = "PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx"
DETECTOR_FOLDER = files("geotagger.data").joinpath("text_detector")
"""The detector with 8-bit convolutions; made by `export/text_detector.py`."""
KEPT_SIDE_PX = 1600
"""Side of a square with as many pixels as are kept of a photo."""
MAX_LINES = 64
"""Per photo; a page of a book must not hold up the run."""
MIN_CONFIDENCE = 0.5
"""Lines recognised with less confidence are dropped."""
MIN_MIRRORED_CONFIDENCE = 0.9
"""Lowest confidence at which a mirrored line is accepted."""
BATCH_LINES, BATCH_WIDTH_PX = 8, 1280
"""Larger batches are no faster, and hold a probability of 18,708 characters for every 8 px."""


@dataclass(frozen=True, slots=True)
class PreparedImage:
    """What text recognition needs of a photo: a few megabytes."""

    pixels: NDArray[np.uint8]
    """BGR [h, w, 3]."""
    width_px: int
    """Width of the upright original."""
    height_px: int
    """Height of the upright original."""


@dataclass(slots=True)
class _DetectedLine:
    """A detected line and its best recognition so far."""

    photo: int
    """Index in the batch."""
    detected_box: NDArray[np.float32]
    """float32 [4, 2], as the detector gave it."""
    box: NDArray[np.float32]
    """The same box, from the corner where the recognised text begins."""
    text: str = ""
    confidence: float = 0.0
    script: str = ""

    @property
    def is_unsure(self) -> bool:
        """Whether to try it upside down and mirrored: a single letter would be read either way."""
        return self.confidence < SURE_CONFIDENCE and is_elongated(self.detected_box)


class TextReader:
    """Detects and recognises lines of text.

    The networks are PP-OCRv6 small, from the package `rapidocr`. Nothing is downloaded.

    Attributes:
        device: where the networks run: cuda, coreml or cpu.
    """

    model_id = "ppocrv6-small-2"
    min_side_px = 600
    """Least length of a decoded picture's short side; see `images.decode`."""

    def __init__(
        self,
        device: str = "auto",
        threads: int = 1,
        other_scripts: OtherScripts | None = None,
    ) -> None:
        """Load the networks.

        Args:
            device: as in `geotagger.vision.runtime.session.VisionSession`.
            threads: number of photos to read at the same time on the CPU.
            other_scripts: reads lines in scripts that PP-OCR does not know.

        Raises:
            BundleError: the detector of the package is damaged.
            DeviceError: the device does not run the networks.
        """
        self._other_scripts = other_scripts
        if other_scripts is not None and other_scripts.model_id:
            self.model_id += f"+{other_scripts.model_id}"
        self._load(device)
        self._pool = ThreadPoolExecutor(threads if self.device == "cpu" else 1, "read")

    def _load(self, device: str) -> None:
        # TensorRT would compile an engine for every picture size, minutes each: use CUDA instead.
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
        self.device = device
        try:
            self._detector = TextDetector(_open_detection(device), MAX_LINES)
            self._recogniser = TextRecogniser(open_session(RECOGNITION, device))
            self._detector.detect(np.zeros((64, 64, 3), np.uint8))
            self._recogniser.recognise([np.zeros((48, 64, 3), np.uint8)])
        except (BundleError, DeviceError):
            raise
        except Exception as error:  # the errors of ONNX Runtime share no other base class
            raise DeviceError(
                f"{device} does not run the text reader ({' '.join(str(error).split())[:300]}); "
                "take another --device, or install rapidocr again"
            ) from error

    def prepare(self, image: Image.Image, width_px: int = 0, height_px: int = 0) -> PreparedImage:
        """Keep what recognition needs of a picture. Safe to call in any thread.

        Args:
            image: upright, RGB.
            width_px: width of the upright original; default: of the image.
            height_px: height of the upright original; default: of the image.
        """
        return prepare_image(image, width_px, height_px)

    def read(self, batch: Sequence[PreparedImage]) -> list[OcrResult]:
        """Read the text of photos. Lines of all photos are recognised together.

        Returns:
            One result per photo, in order; without lines if the photo has no text or fails.
        """
        lines = [
            _DetectedLine(photo, box, box)
            for photo, boxes in enumerate(self.detect(batch))
            for box in boxes
        ]
        self._recognise(batch, lines)
        self._read_other_scripts(batch, lines)
        lines_of_photo: list[list[TextLine]] = [[] for _ in batch]
        for line in lines:
            if (line.text or line.script) and line.confidence >= MIN_CONFIDENCE:
                lines_of_photo[line.photo].append(_text_line(line, batch[line.photo]))
        return [
            OcrResult(tuple(of_photo), item.width_px, item.height_px)
            for of_photo, item in zip(lines_of_photo, batch, strict=True)
        ]

    def detect(self, batch: Sequence[PreparedImage]) -> list[NDArray[np.float32]]:
        """Detect the lines of each photo: boxes as from `TextDetector.detect`."""
        return list(self._pool.map(self._detect, batch))

    def _detect(self, item: PreparedImage) -> NDArray[np.float32]:
        try:
            return self._detector.detect(item.pixels)
        except Exception as error:  # of OpenCV or ONNX Runtime; one photo must not fail the batch
            log.warning("cannot detect text in a photo: %s", error)
            return np.empty((0, 4, 2), np.float32)

    def _recognise(self, batch: Sequence[PreparedImage], lines: list[_DetectedLine]) -> None:
        """Recognise the lines as detected; then the unsure ones upside down, then mirrored."""
        self._recognise_oriented(batch, lines, lambda box: box)
        unsure = [line for line in lines if line.is_unsure]
        self._recognise_oriented(batch, unsure, lambda box: rotate_start(box, 2))
        unsure = [line for line in unsure if line.is_unsure]
        self._recognise_oriented(batch, unsure, mirror, MIN_MIRRORED_CONFIDENCE)

    def _recognise_oriented(
        self,
        batch: Sequence[PreparedImage],
        lines: list[_DetectedLine],
        orient: Callable[[NDArray[np.float32]], NDArray[np.float32]],
        min_confidence: float = 0.0,
    ) -> None:
        """Recognise each line in an orientation; keep the text if it is more confident."""
        boxes = [orient(line.detected_box) for line in lines]
        crops = [
            crop_line(batch[line.photo].pixels, box) for line, box in zip(lines, boxes, strict=True)
        ]
        chunks = _chunks_by_width([crop.shape[1] for crop in crops])
        results = self._pool.map(lambda chunk: self._texts([crops[i] for i in chunk]), chunks)
        for chunk, texts in zip(chunks, results, strict=True):
            for index, (text, confidence) in zip(chunk, texts, strict=True):
                line = lines[index]
                if text and confidence > max(line.confidence, min_confidence):
                    line.text, line.confidence, line.box = text, confidence, boxes[index]

    def _read_other_scripts(
        self, batch: Sequence[PreparedImage], lines: list[_DetectedLine]
    ) -> None:
        """Read lines that are, or may be, in a script that PP-OCR does not know."""
        scripts = self._other_scripts
        if scripts is None:
            return

        def read(line: _DetectedLine) -> ScriptReading | None:
            return scripts.read(_crop(batch, line), line.text, line.confidence)

        def read_beside(line: _DetectedLine) -> ScriptReading | None:
            return scripts.read_beside(_crop(batch, line), line.text, beside[line.photo])

        def read_vietnamese(line: _DetectedLine) -> ScriptReading | None:
            return scripts.read_vietnamese(_crop(batch, line), line.text, line.confidence)

        self._keep(lines, read)
        beside: dict[int, set[str]] = defaultdict(set)
        for line in lines:
            if line.script:
                beside[line.photo].add(line.script)
        self._keep(
            [line for line in lines if line.photo in beside and not line.script], read_beside
        )
        vietnamese = {line.photo for line in lines if VIETNAMESE.search(line.text)}
        latin = [line for line in lines if line.text and not line.script]
        self._keep([line for line in latin if line.photo in vietnamese], read_vietnamese)

    def _keep(
        self, lines: list[_DetectedLine], read: Callable[[_DetectedLine], ScriptReading | None]
    ) -> None:
        """Take over what is read in other scripts. Lines that fail stay as they are."""

        def read_safely(line: _DetectedLine) -> ScriptReading | None:
            try:
                return read(line)
            except Exception as error:  # of ONNX Runtime; a line must not fail the batch
                log.warning("cannot read a line in another script: %s", error)
                return None

        for line, reading in zip(lines, self._pool.map(read_safely, lines), strict=True):
            if reading:
                line.text, line.script = reading.text, reading.script
                line.confidence, line.box = reading.confidence, line.detected_box

    def _texts(self, crops: list[NDArray[np.uint8]]) -> list[tuple[str, float]]:
        """Text and confidence of each crop."""
        try:
            return self._recogniser.recognise(crops)
        except Exception as error:  # of ONNX Runtime; these lines must not fail the batch
            log.warning("cannot read %d lines of text: %s", len(crops), error)
            return [("", 0.0)] * len(crops)


def prepare_image(image: Image.Image, width_px: int = 0, height_px: int = 0) -> PreparedImage:
    """Keep what recognition needs of a picture; see `TextReader.prepare`."""
    size_px = (width_px or image.width, height_px or image.height)
    scale = KEPT_SIDE_PX / (image.width * image.height) ** 0.5
    if scale < 1:
        small = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        image = image.resize(small, Resampling.BILINEAR, reducing_gap=2.0)
    return PreparedImage(np.ascontiguousarray(np.asarray(image)[:, :, ::-1]), *size_px)


def _crop(batch: Sequence[PreparedImage], line: _DetectedLine) -> NDArray[np.uint8]:
    """Cut out a line as it was detected: BGR [48, w, 3]."""
    return crop_line(batch[line.photo].pixels, line.detected_box)


def _open_detection(device: str) -> InferenceSession:
    """Load the detector: on a CPU the one with 8-bit convolutions, which is faster there."""
    if device != Device.CPU:
        return open_session(DETECTION, device)
    _, model = read_packaged_network(DETECTOR_FOLDER, "text detector")
    return devices.open_session(model, device, memory_pattern=False)


def open_session(name: str, device: str) -> InferenceSession:
    """Load a network of the package `rapidocr`."""
    with as_file(files("rapidocr").joinpath("models", name)) as file:
        return devices.open_session(file, device, memory_pattern=False)


def _chunks_by_width(widths_px: Sequence[int]) -> list[list[int]]:
    """Indices of lines to recognise together: of similar width, and not too many pixels."""
    chunks: list[list[int]] = []
    for index in sorted(range(len(widths_px)), key=widths_px.__getitem__):
        count = len(chunks[-1]) + 1 if chunks else 0
        if not 0 < count <= min(BATCH_LINES, BATCH_WIDTH_PX // widths_px[index]):
            chunks.append([])
        chunks[-1].append(index)
    return chunks


def _text_line(line: _DetectedLine, item: PreparedImage) -> TextLine:
    height, width = item.pixels.shape[:2]
    corners = np.clip(line.box / (width, height), 0, 1)
    a, b, c, d = ((float(x), float(y)) for x, y in corners)
    return TextLine(line.text, line.confidence, (a, b, c, d), line.script)
