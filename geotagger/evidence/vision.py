"""Evidence from the picture itself: one model bundle, run in batches."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from geotagger.cache.fingerprint import output_key
from geotagger.types import Evidence
from geotagger.vision.decoding.factory import make_decoder
from geotagger.vision.runtime.crops import average_crops, crop_pixels, enlarged_side_px
from geotagger.vision.runtime.session import VisionSession

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geotagger.evidence.source import LoadedPhoto
    from geotagger.geography.places import Places
    from geotagger.vision.bundle.bundle import ModelBundle
    from geotagger.vision.decoding.heads import HeadEvidence
    from geotagger.vision.search_space import CandidateSpace

log = logging.getLogger(__name__)


class VisionSource:
    """Runs one bundle, and adds up what its heads say about places.

    Attributes:
        places: the places table that the evidence is about.
        decoders: one for each head, from the head's output to log-likelihoods.
        device: the device that the model runs on.
    """

    def __init__(
        self,
        bundle: ModelBundle,
        places: Places,
        *,
        device: str = "auto",
        batch_size: int = 0,
        threads: int = 1,
        name: str = "vision",
        outlier_probability: float = 0.0,
        search: CandidateSpace | None = None,
        crops: int = 1,
        beside: VisionSource | None = None,
    ) -> None:
        """Load the model.

        Args:
            bundle: the model, with its card.
            places: the places table.
            device, batch_size, threads: as for `VisionSession`.
            name: `vision`, or `vision:NAME` where several bundles run.
            outlier_probability: goes into the evidence.
            search: candidates that replace those of the bundle.
            crops: crops of each photo to average, each at the cost of one photo.
            beside: a source with the same network (`ModelBundle.network_key`), which then runs
                once for both.

        Raises:
            BundleError: the bundle does not match its card or the places table.
            DeviceError: the device does not run the model.
            UsageError: the search leaves no candidates, or `crops` is invalid.
        """
        self.name = name
        self.model_id = bundle.card.model_id
        self.min_side_px = enlarged_side_px(bundle.card.input.size_px, crops)
        self.places = places
        self._input = bundle.card.input
        self._outlier_probability = outlier_probability
        self._weight = bundle.card.calibration.weight
        self._crops = crops
        self._heads = bundle.card.heads
        self._session: VisionSession = VisionSession(
            bundle, device, batch_size, threads, beside._session if beside else None
        )
        *self._ends, self._width = np.cumsum([bundle.width(head) for head in self._heads]).tolist()
        names = [head.output for head in self._heads]
        files = sorted(bundle.card.files.items())
        self.output_key = output_key("vision", self._input, files, names, crops)
        self._baseline: NDArray[np.float32] | None = None
        self.device = self._session.device
        self.batch_size = self._session.batch_size
        self.decoders = [
            make_decoder(bundle, head, places, search, self.device, threads) for head in self._heads
        ]

    def prepare(self, photo: LoadedPhoto) -> NDArray[np.uint8]:
        """The model's input: uint8 [S, S, 3], or [crops, S, S, 3]."""
        pixels = crop_pixels(photo.picture(self.min_side_px).image, self._input, self._crops)
        return pixels if self._crops > 1 else pixels[0]

    def weigh(self, batch: Sequence[NDArray[np.uint8]]) -> list[Evidence | None]:
        """The evidence of each picture; None where the model's output is not finite."""
        return self.interpret(self.infer(batch))

    def infer(self, batch: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.float32]]:
        """The outputs of all heads for each picture, joined: float32 [sum of widths]."""
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
        by_photo = zip(
            *(
                decoder.decode(values[finite])
                for decoder, values in zip(self.decoders, by_head, strict=True)
            ),
            strict=True,
        )
        for row, heads in zip(np.flatnonzero(finite), by_photo, strict=True):
            evidence[row] = self._evidence(heads)
        return evidence

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

    def _evidence(self, heads: Sequence[HeadEvidence]) -> Evidence:
        """The evidence of all heads on one photo."""
        total = np.zeros(len(self.places), np.float32)
        for head in heads:
            if head.log_likelihood is not None:
                total += head.log_likelihood
        return Evidence(
            source=self.name,
            weight=self._weight,
            reason="; ".join(head.reason for head in heads if head.reason),
            log_likelihood=total,
            attributes=tuple(pair for head in heads for pair in head.attributes),
            outlier_probability=self._outlier_probability,
            baseline=self._baseline_of(heads),
        )

    def _baseline_of(self, heads: Sequence[HeadEvidence]) -> NDArray[np.float32] | None:
        """What the heads say of every photo: the same array each time."""
        if self._baseline is None:
            parts = [head.baseline for head in heads if head.baseline is not None]
            self._baseline = sum(parts[1:], parts[0]) if parts else None
        return self._baseline
