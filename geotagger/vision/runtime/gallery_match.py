"""Matches embeddings against a gallery that stays on the device.

The graph is `data/match.onnx` (made by `tools/build_data/match.py`). The gallery is one of its
inputs, so that points and captions can be replaced without a new graph. The search is exact.
"""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime as ort

from geotagger.config import Device
from geotagger.vision.runtime.devices import NVIDIA_DEVICES, open_session

if TYPE_CHECKING:
    from numpy.typing import NDArray


class GalleryMatcher:
    """A gallery in the memory of a device: CUDA for NVIDIA's devices, the CPU for all others."""

    def __init__(
        self,
        vectors: NDArray[np.floating],
        scale: float,
        *,
        count: NDArray[np.float32] | None = None,
        prior: bool = False,
        device: str = Device.CPU,
        threads: int = 1,
    ) -> None:
        """Load the gallery.

        Args:
            vectors: [G, D], each row of length 1. float16 is converted to float32.
            scale: multiplies the cosines.
            count: [G], the number of photos of each row; None for one each.
            prior: whether rows with more photos are more likely; else all photos are equally
                likely.
            device: the device of the session that gives the embeddings.
            threads: CPU threads that share one run.

        Raises:
            DeviceError: the device cannot run the graph.
        """
        self._device = Device.CUDA if device in NVIDIA_DEVICES else Device.CPU
        with resources.as_file(resources.files("geotagger.data") / "match.onnx") as file:
            self._session = open_session(file, self._device, threads, exact=True)
        self._row_count = len(vectors)
        zeros = np.zeros(self._row_count, np.float32)
        log_count = zeros if count is None else np.log(count).astype(np.float32)
        self._gallery_inputs = {
            "gallery": self._ort_value(np.ascontiguousarray(vectors, np.float32)),
            "scale": self._ort_value(np.array(scale, np.float32)),
            "log_weight": self._ort_value(zeros if prior else log_count),
            "log_prior": self._ort_value(log_count if prior else zeros),
        }

    def logits(self, embedding: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scaled cosines, float32 [B, G], of the embeddings [B, D]."""
        if not len(embedding):  # ONNX Runtime before 1.31 crashes: it divides by zero
            return np.empty((0, self._row_count), np.float32)
        (logits,) = self._run(embedding, 1, ["logits"])
        return logits

    def best(
        self, embedding: NDArray[np.float32], count: int
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The most likely rows, best first.

        The probability is that of one of the photos of a row: a softmax over the gallery in which
        each row occurs as often as its count.

        Args:
            embedding: float32 [B, D].
            count: rows per embedding.

        Returns:
            Rows int64 [B, k] and probabilities float32 [B, k]; k is `count`, or G if that is less.
        """
        count = min(count, self._row_count)
        if not len(embedding):
            return np.empty((0, count), np.int64), np.empty((0, count), np.float32)
        rows, probabilities = self._run(embedding, count, ["rows", "probabilities"])
        return rows, probabilities

    def _run(
        self, embedding: NDArray[np.float32], count: int, outputs: list[str]
    ) -> list[NDArray[Any]]:
        options = ort.RunOptions()
        options.only_execute_path_to_fetches = True  # logits need no sorting
        inputs = {
            **self._gallery_inputs,
            "embedding": self._ort_value(np.ascontiguousarray(embedding, np.float32)),
            "k": ort.OrtValue.ortvalue_from_numpy(np.array([count], np.int64)),  # read by the CPU
        }
        values = self._session.run_with_ort_values(outputs, inputs, options)
        return [value.numpy() for value in values]

    def _ort_value(self, array: NDArray[Any]) -> ort.OrtValue:
        return ort.OrtValue.ortvalue_from_numpy(array, str(self._device), 0)
