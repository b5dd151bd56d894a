"""The part that all sources of one model bundle share: pixels in, the outputs of some heads out."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from geotagger.cache.fingerprint import output_key
from geotagger.vision.runtime.crops import average_crops, crop_pixels, enlarged_side_px
from geotagger.vision.runtime.session import VisionSession

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geotagger.evidence.source import LoadedPhoto
    from geotagger.types import Evidence
    from geotagger.vision.bundle.bundle import ModelBundle
    from geotagger.vision.bundle.head_specs import Head

log = logging.getLogger(__name__)


class BundleSource:
    """Runs the network of a bundle for some of its heads; a subclass interprets their outputs.

    Attributes:
        device: the device that the model runs on.
    """

    def __init__(
        self,
        bundle: ModelBundle,
        heads: Sequence[Head],
        name: str,
        *,
        device: str = "auto",
        batch_size: int = 0,
        threads: int = 1,
        crops: int = 1,
        beside: BundleSource | None = None,
    ) -> None:
        """Load the model.

        Args:
            bundle: the model, with its card.
            heads: the heads of the card that are wanted.
            name: of the source.
            device, batch_size, threads: as for `VisionSession`.
            crops: crops of each photo to average, each at the cost of one photo.
            beside: a source with the same network (`ModelBundle.network_key`), which then runs
                once for both.

        Raises:
            BundleError: the bundle does not match its card.
            DeviceError: the device does not run the model.
            UsageError: `crops` is invalid.
        """
        self.name = name
        self.model_id = bundle.card.model_id
        self.min_side_px = enlarged_side_px(bundle.card.input.size_px, crops)
        self._input = bundle.card.input
        self._crops = crops
        self._heads = tuple(heads)
        self._session: VisionSession = VisionSession(
            bundle, device, batch_size, threads, beside._session if beside else None, self._heads
        )
        *self._ends, self._width = np.cumsum([bundle.width(head) for head in self._heads]).tolist()
        names = [head.output for head in self._heads]
        files = sorted(bundle.card.files.items())
        self.output_key = output_key("vision", self._input, files, names, crops)
        self.device = self._session.device
        self.batch_size = self._session.batch_size

    def prepare(self, photo: LoadedPhoto) -> NDArray[np.uint8]:
        """The model's input: uint8 [S, S, 3], or [crops, S, S, 3].

        Sources with the same input share one array.
        """
        key = (self._input, self._crops)
        if key not in photo.shared_inputs:
            image = photo.picture(self.min_side_px).image
            pixels = crop_pixels(image, self._input, self._crops)
            photo.shared_inputs[key] = pixels if self._crops > 1 else pixels[0]
        prepared: NDArray[np.uint8] = photo.shared_inputs[key]
        return prepared

    def weigh(self, batch: Sequence[NDArray[np.uint8]]) -> list[Evidence | None]:
        """The evidence of each picture; None where the model's output is not finite."""
        return self.interpret(self.infer(batch))

    def infer(self, batch: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.float32]]:
        """The outputs of the heads for each picture, joined: float32 [sum of widths]."""
        return list(np.concatenate(self.outputs(batch), axis=1)) if batch else []

    def outputs(self, batch: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.float32]]:
        """The output of each head for n prepared pictures, float32 [n, width of the head]."""
        pixels = np.stack(batch)
        pixels = pixels.reshape(-1, *pixels.shape[-3:])
        return [
            average_crops(head, values, self._crops)
            for head, values in zip(self._heads, self._session.run(pixels), strict=True)
        ]

    def interpret(self, outputs: Sequence[NDArray[np.float32]]) -> list[Evidence | None]:
        """The evidence in the joined outputs of each picture."""
        evidence: list[Evidence | None] = [None] * len(outputs)
        if not outputs:
            return evidence
        by_head = np.split(np.stack(outputs), self._ends, axis=1)
        finite = np.all([np.isfinite(values).all(axis=1) for values in by_head], axis=0)
        if not finite.all():
            log.warning(
                "%s: no finite numbers for %d of %d photos",
                self.model_id,
                np.count_nonzero(~finite),
                len(outputs),
            )
        found = self.decode([values[finite] for values in by_head])
        for row, item in zip(np.flatnonzero(finite), found, strict=True):
            evidence[row] = item
        return evidence

    def decode(self, by_head: Sequence[NDArray[np.float32]]) -> list[Evidence | None]:
        """The evidence on n photos, from the finite outputs of each head, float32 [n, width]."""
        raise NotImplementedError

    def pack(self, output: NDArray[np.float32]) -> bytes:
        return output.astype("<f4").tobytes()

    def unpack(self, packed: bytes) -> NDArray[np.float32]:
        """
        Raises:
            ValueError: the bytes are not an output of this bundle.
        """
        output = np.frombuffer(packed, "<f4")
        if output.size != self._width:
            raise ValueError(f"{output.size} numbers instead of {self._width}")
        return output
