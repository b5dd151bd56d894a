"""Encoders in ONNX that embed positions and captions, so that a photo can be compared with them.

The location encoder is GeoCLIP's (Vivanco Cepeda et al. 2023, https://arxiv.org/abs/2309.16020);
the text encoder is that of CLIP (Radford et al. 2021, https://arxiv.org/abs/2103.00020) or of a
model derived from it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from geotagger.config import Device
from geotagger.errors import BundleError, UsageError
from geotagger.vision.bundle.bundle import find_bundle, load_bundle, models_folder
from geotagger.vision.bundle.head_specs import RetrieveHead
from geotagger.vision.runtime.devices import candidate_devices, open_session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

LOCATION_FILE = "location-encoder.onnx"
"""An imported location encoder, in the folder of the imported models."""

_POSITIONS_PER_RUN = 4096
_CAPTIONS_PER_RUN = 64


class LocationEncoder:
    """Embeds positions: GeoCLIP's published location encoder, or another one.

    The vectors can serve as features of places for any other model. The encoder always computes in
    float32: at its finest scale the arguments of the sines reach thousands of radians, and half
    precision turns them into noise.
    """

    def __init__(
        self, file: str | Path | None = None, *, device: str = Device.CPU, threads: int = 1
    ) -> None:
        """Load the encoder.

        Args:
            file: an exported encoder; None for the one that `geotagger models pull` added.
            device: a `Device`; `auto` is the CPU.
            threads: CPU threads that share one run.

        Raises:
            BundleError: there is no encoder, or the file is not a location encoder.
            DeviceError: the device cannot run it.
        """
        path = imported_encoder() if file is None else Path(file)
        *_, last = candidate_devices(device)
        try:
            self._session = open_session(path, last, threads, exact=True)
            (self._input,) = self._session.get_inputs()
        except (BundleError, UsageError):
            raise
        except Exception as error:  # ONNX Runtime's errors have no common base class
            raise BundleError(
                f"{path}: not a location encoder that runs here ({error}); "
                "geotagger models pull location-encoder makes one"
            ) from error

    def __call__(self, gps: ArrayLike) -> NDArray[np.float32]:
        """Embed positions.

        Args:
            gps: [n, 2], latitude and longitude in degrees.

        Returns:
            float32 [n, D]; D is 512 for GeoCLIP. The lengths are not 1.

        Raises:
            ValueError: the shape is not [n, 2], or a position is out of range.
        """
        degrees = np.asarray(gps, np.float32)
        if degrees.ndim != 2 or degrees.shape[1] != 2:
            raise ValueError(f"positions have the shape [n, 2], lat and lon, not {degrees.shape}")
        if not (np.abs(degrees) <= (90, 180)).all():
            raise ValueError("a latitude is not in -90 to 90, or a longitude not in -180 to 180")
        parts = [
            self._session.run(None, {self._input.name: degrees[i : i + _POSITIONS_PER_RUN]})[0]
            for i in range(0, max(len(degrees), 1), _POSITIONS_PER_RUN)
        ]
        vectors: NDArray[np.float32] = np.concatenate(parts)
        return vectors


def imported_encoder() -> Path:
    """The file of the imported location encoder, or else of the encoder in the bundle `geoclip`.

    Raises:
        BundleError: neither is there.
    """
    file = models_folder() / LOCATION_FILE
    if file.is_file():
        return file
    try:
        bundle = load_bundle(find_bundle("geoclip"))
    except BundleError as error:
        raise BundleError(
            "no location encoder is installed; geotagger models pull location-encoder makes one"
        ) from error
    heads = bundle.card.heads
    names = [head.encoder for head in heads if isinstance(head, RetrieveHead) and head.encoder]
    if not names:
        raise BundleError(f"{bundle.path}: comes without a location encoder; import it again")
    return bundle.path / names[0]


class TextEncoder:
    """Embeds captions: a text tower in ONNX, and its tokenizer. It runs on the CPU."""

    def __init__(self, model_file: Path, tokenizer_file: Path, threads: int = 1) -> None:
        """Load both.

        Args:
            model_file: the ONNX graph: int64 tokens [n, L] to float32 [n, D] of length 1. If L is
                free there, captions are cut after their last token.
            tokenizer_file: a tokenizer.json that pads and truncates to L tokens.
            threads: CPU threads that share one run.

        Raises:
            BundleError: a file does not load, or the package `tokenizers` is not installed.
        """
        self._tokenizer = _load_tokenizer(tokenizer_file)
        try:
            self._session = open_session(model_file, Device.CPU, threads)
            (self._input,) = self._session.get_inputs()
        except Exception as error:  # ONNX Runtime's errors have no common base class
            raise BundleError(
                f"{model_file}: does not load ({error}); export the bundle again"
            ) from error

    def __call__(self, captions: Sequence[str]) -> NDArray[np.float32]:
        """Embed captions. Equal captions are encoded once.

        Returns:
            float32 [n, D], each row of length 1.
        """
        distinct = list(dict.fromkeys(captions))
        tokens, lengths = [], []
        for start in range(0, len(distinct), _CAPTIONS_PER_RUN):
            for encoding in self._tokenizer.encode_batch(distinct[start:][:_CAPTIONS_PER_RUN]):
                tokens.append(encoding.ids)
                lengths.append(sum(encoding.attention_mask))
        vectors = self._vectors(np.array(tokens, np.int64), np.array(lengths))
        row_of = {caption: row for row, caption in enumerate(distinct)}
        return vectors[[row_of[caption] for caption in captions]]

    def _vectors(self, tokens: NDArray[np.int64], lengths: NDArray[np.intp]) -> NDArray[np.float32]:
        """Those of distinct captions. The shortest come first: those of a batch have one length."""
        is_length_free = not isinstance(self._input.shape[1], int)
        order = np.argsort(lengths, kind="stable")
        parts = []
        for start in range(0, len(order), _CAPTIONS_PER_RUN):
            rows = order[start : start + _CAPTIONS_PER_RUN]
            stop = lengths[rows[-1]] if is_length_free else tokens.shape[1]
            parts.append(self._session.run(None, {self._input.name: tokens[rows, :stop]})[0])
        vectors: NDArray[np.float32] = np.concatenate(parts)[np.argsort(order)]
        return vectors


def _load_tokenizer(file: Path) -> Any:
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
