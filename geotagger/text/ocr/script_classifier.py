"""Recognises the script of lines whose letters cannot be recognised.

The recogniser of the package `rapidocr` knows only Latin, Greek, Chinese and Japanese letters. It
takes Thai, Cyrillic or Hangul for something else. This small network tells the scripts apart. It
does not read, but a line in Georgian script alone is strong evidence.

It was trained on rendered words and on patches of photos (`training/train_script.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import TYPE_CHECKING

import cv2
import numpy as np

from geotagger.config import Device
from geotagger.text.ocr.packaged_network import read_packaged_network
from geotagger.vision.runtime.devices import open_session

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from numpy.typing import NDArray

HEIGHT_PX = 32
MIN_WIDTH_PX, MAX_WIDTH_PX = 24, 288
MIN_CLASSIFIED_WIDTH_PX = 40
"""Narrower lines hold a single letter, too little to recognise a script."""
FOLDER = files("geotagger.data").joinpath("script")


class ScriptClassifier:
    """A convolutional network over one grey line of text. It runs on the CPU.

    Attributes:
        scripts: ISO 15924 codes that it knows.
        threshold: lowest probability of a script to report.
    """

    def __init__(self, threads: int = 1, folder: Traversable = FOLDER) -> None:
        """Load the network.

        Args:
            threads: of ONNX Runtime.
            folder: with `card.json` and `model.onnx`.

        Raises:
            BundleError: the network is missing, or is not the one that its card describes.
        """
        card, model = read_packaged_network(folder, "script classifier")
        self.scripts: tuple[str, ...] = tuple(card["scripts"])
        self.threshold: float = card["threshold"]
        self._session = open_session(model, Device.CPU, threads, memory_pattern=False)

    def __call__(self, crops: Sequence[NDArray[np.uint8]]) -> list[tuple[str, float]]:
        """Recognise the script of lines.

        Args:
            crops: upright, uint8 [h, w, 3] each, RGB or BGR.

        Returns:
            Code and probability of each line. The code is "" if no script is likely enough; then
            the probability is that of "none of them": letters that the recogniser knows, or no
            letters.
        """
        return [self._classify(crop) for crop in crops]

    def probabilities(self, crop: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the probability of each script, and last of none; float32 [len(scripts) + 1].

        crop: uint8 [h, w, 3].
        """
        return self._run(to_grey_line(crop))

    def _run(self, line: NDArray[np.uint8]) -> NDArray[np.float32]:
        probabilities: NDArray[np.float32] = self._session.run(None, {"line": line[None]})[0][0]
        return probabilities

    def _classify(self, crop: NDArray[np.uint8]) -> tuple[str, float]:
        line = to_grey_line(crop)
        probabilities = self._run(line)
        best = int(probabilities[:-1].argmax())
        if probabilities[best] < self.threshold or line.shape[1] < MIN_CLASSIFIED_WIDTH_PX:
            return "", float(probabilities[-1])
        return self.scripts[best], float(probabilities[best])


def to_grey_line(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the network's input for a crop [h, w, 3] of any channel order; uint8 [32, w]."""
    return resize_line(crop.mean(axis=2).astype(np.uint8))


def resize_line(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Resize a grey line [h, w] to the network's height; keep the middle of a very long line.

    Returns:
        uint8 [32, w], w from 24 to 288.
    """
    height, width = grey.shape
    width_px = max(MIN_WIDTH_PX, round(width * HEIGHT_PX / height))
    if width_px > MAX_WIDTH_PX:
        kept = max(1, round(MAX_WIDTH_PX * height / HEIGHT_PX))
        start = (width - kept) // 2
        grey, width_px = grey[:, start : start + kept], MAX_WIDTH_PX
    interpolation = cv2.INTER_AREA if height > HEIGHT_PX else cv2.INTER_LINEAR
    return np.asarray(
        cv2.resize(grey, (width_px, HEIGHT_PX), interpolation=interpolation), np.uint8
    )
