"""Which script a line is written in, where its letters cannot be read.

The recogniser that the package ships with knows Latin, Greek, Chinese and Japanese letters alone.
Thai, Cyrillic or Hangul it takes for something else. This small network tells the scripts apart:
it does not read, but a line in Georgian is strong evidence all the same.

It was trained on drawn words and on patches of photos (`training/train_script.py`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from geotagger.errors import BundleError

if TYPE_CHECKING:
    from numpy.typing import NDArray

HEIGHT_PX = 32
MIN_WIDTH_PX, MAX_WIDTH_PX = 24, 288
TELLING_WIDTH_PX = 40
"""Narrower lines hold a single letter, too little to name a script by."""
FOLDER = Path(__file__).parents[2] / "data" / "script"


class ScriptClassifier:
    """A convolutional network over one grey line of text; it runs on the CPU.

    Attributes:
        scripts: ISO 15924 codes that it can answer with.
        threshold: lowest probability with which it names a script.
    """

    def __init__(self, threads: int = 1, folder: Path = FOLDER) -> None:
        """Load the network.

        Raises:
            BundleError: the network is missing, or is not the one that its card describes.
        """
        import onnxruntime

        card, model = _checked(folder)
        self.scripts: tuple[str, ...] = tuple(card["scripts"])
        self.threshold: float = card["threshold"]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, crops: Sequence[NDArray[np.uint8]]) -> list[tuple[str, float]]:
        """Script and probability of each line, crops uint8 [h, w, 3] upright, RGB or BGR.

        Where no script can be named, the answer is "" with the probability that it is none of
        them: letters that the recogniser knows, or no letters at all.
        """
        return [self._answer(crop) for crop in crops]

    def probabilities(self, crop: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Of each of `scripts`, and last of none of them; float32 [len(scripts) + 1]."""
        return self._run(grey_of(crop))

    def _run(self, line: NDArray[np.uint8]) -> NDArray[np.float32]:
        answer: NDArray[np.float32] = self._session.run(None, {"line": line[None]})[0][0]
        return answer

    def _answer(self, crop: NDArray[np.uint8]) -> tuple[str, float]:
        line = grey_of(crop)
        probabilities = self._run(line)
        best = int(probabilities[:-1].argmax())
        if probabilities[best] < self.threshold or line.shape[1] < TELLING_WIDTH_PX:
            return "", float(probabilities[-1])
        return self.scripts[best], float(probabilities[best])


def grey_of(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What the network sees of a crop [h, w, 3], in whichever order its colours stand."""
    return fitted(crop.mean(axis=2).astype(np.uint8))


def fitted(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The line [h, w] at the height that the network sees; of a very long one, the middle."""
    height, width = grey.shape
    across = max(MIN_WIDTH_PX, round(width * HEIGHT_PX / height))
    if across > MAX_WIDTH_PX:
        keep = max(1, round(MAX_WIDTH_PX * height / HEIGHT_PX))
        start = (width - keep) // 2
        grey, across = grey[:, start : start + keep], MAX_WIDTH_PX
    way = cv2.INTER_AREA if height > HEIGHT_PX else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(grey, (across, HEIGHT_PX), interpolation=way), np.uint8)


def _checked(folder: Path) -> tuple[dict[str, Any], bytes]:
    remedy = "Install geotagger again."
    try:
        card = json.loads((folder / "card.json").read_text("utf-8"))
        model = (folder / "model.onnx").read_bytes()
    except (OSError, ValueError) as error:
        problem = f"The script classifier in {folder} cannot be read: {error}. {remedy}"
        raise BundleError(problem) from error
    if hashlib.sha256(model).hexdigest() != card.get("sha256"):
        raise BundleError(f"The script classifier in {folder} is not what its card says. {remedy}")
    return card, model
