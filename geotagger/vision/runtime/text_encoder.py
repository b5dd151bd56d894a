"""Captions as vectors: a text tower that was exported to ONNX, and its tokenizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from geotagger.errors import BundleError
from geotagger.vision.runtime.devices import open_session

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_AT_ONCE = 64


class TextTower:
    """float32 [n, D], each of length 1, of n captions."""

    def __init__(self, graph: Path, tokenizer: Path, threads: int = 1) -> None:
        """
        Raises:
            BundleError: a file does not load, or the package `tokenizers` is not installed.
        """
        self._tokenizer = _load(tokenizer)
        try:
            self._session = open_session(graph, "cpu", threads)
            (self._input,) = self._session.get_inputs()
        except Exception as error:  # ONNX Runtime's errors share no other base class
            raise BundleError(
                f"{graph}: does not load ({error}); export the bundle again"
            ) from error

    def __call__(self, captions: Sequence[str]) -> NDArray[np.float32]:
        """Each different caption goes through the tower once."""
        distinct = list(dict.fromkeys(captions))
        parts = []
        for start in range(0, len(distinct), _AT_ONCE):
            found = self._tokenizer.encode_batch(distinct[start : start + _AT_ONCE])
            tokens = np.array([item.ids for item in found], np.int64)
            parts.append(self._session.run(None, {self._input.name: tokens})[0])
        row = {caption: number for number, caption in enumerate(distinct)}
        vectors: NDArray[np.float32] = np.concatenate(parts)[[row[text] for text in captions]]
        return vectors


def _load(file: Path) -> Any:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise BundleError(
            "captions of your own need the package tokenizers: pip install tokenizers"
        ) from error
    try:
        return Tokenizer.from_file(str(file))
    except Exception as error:  # tokenizers raises Exception itself
        raise BundleError(
            f"{file}: not a readable tokenizer ({error}); export the bundle again"
        ) from error
