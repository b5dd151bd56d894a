"""Matches embeddings against a gallery that stays on the device.

The graph is `data/match.onnx` (made by `tools/build_data/match.py`). The gallery is one of its
inputs,
so points and captions can be swapped without making a graph.
"""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime as ort

from geotagger.vision.runtime.devices import open_session

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DEVICES = {"cuda": "cuda", "tensorrt": "cuda"}
"""Where the gallery lies; elsewhere than here it is in the computer's own memory."""


class Matcher:
    """A gallery, bound once."""

    def __init__(
        self,
        vectors: NDArray[np.floating],
        scale: float,
        *,
        count: NDArray[np.float32] | None = None,
        prior: bool = False,
        device: str = "cpu",
        threads: int = 1,
    ) -> None:
        """
        Args:
            vectors: [G, D], each of length 1. It may be stored in float16; it computes in float32.
            scale: of the cosines.
            count: [G] how many photos a row stands for; one where it is not given.
            prior: a row is the likelier the more photos it stands for; else each photo is alike.
            device: that of the session that gives the embeddings.
            threads: processors that share the work on the CPU.

        Raises:
            DeviceError: the device does not run it.
        """
        self._memory = _DEVICES.get(device, "cpu")
        with resources.as_file(resources.files("geotagger.data") / "match.onnx") as file:
            self._session = open_session(file, self._memory, threads, exact=True)
        rows = len(vectors)
        nothing = np.zeros(rows, np.float32)
        logarithm = nothing if count is None else np.log(count).astype(np.float32)
        self._bound = {
            "gallery": self._value(np.ascontiguousarray(vectors, np.float32)),
            "scale": self._value(np.array(scale, np.float32)),
            "log_weight": self._value(nothing if prior else logarithm),
            "log_prior": self._value(logarithm if prior else nothing),
        }
        self._rows = rows

    def logits(self, embedding: NDArray[np.float32]) -> NDArray[np.float32]:
        """[B, G]: scaled cosines of the embeddings [B, D]."""
        if not len(embedding):  # ONNX Runtime before 1.31 divides by zero, and ends the program
            return np.empty((0, self._rows), np.float32)
        (logits,) = self._run(embedding, 1, ["logits"])
        return logits

    def best(
        self, embedding: NDArray[np.float32], count: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Rows and probabilities [B, k] of the `count` best, at most all, best first.

        The probability is that of one of the photos that a row stands for: a softmax over the
        gallery with each row as often as it counts.
        """
        count = min(count, self._rows)
        if not len(embedding):
            return np.empty((0, count), np.int64), np.empty((0, count), np.float32)
        rows, probabilities = self._run(embedding, count, ["rows", "probabilities"])
        return rows, probabilities

    def _run(
        self, embedding: NDArray[np.float32], count: int, outputs: list[str]
    ) -> list[NDArray[Any]]:
        options = ort.RunOptions()
        options.only_execute_path_to_fetches = True  # logits alone need no sorting
        fed = {
            "embedding": self._value(np.ascontiguousarray(embedding, np.float32)),
            "k": ort.OrtValue.ortvalue_from_numpy(np.array([count], np.int64)),  # read by the CPU
        }
        values = self._session.run_with_ort_values(outputs, {**self._bound, **fed}, options)
        return [value.numpy() for value in values]

    def _value(self, array: NDArray[Any]) -> ort.OrtValue:
        return ort.OrtValue.ortvalue_from_numpy(array, self._memory, 0)
