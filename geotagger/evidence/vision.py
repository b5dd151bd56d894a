"""Evidence from the picture itself: one model bundle, run in batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geotagger.evidence.bundle_source import BundleSource
from geotagger.types import Evidence
from geotagger.vision.bundle.head_specs import SightHead
from geotagger.vision.decoding.factory import make_decoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geotagger.geography.places import Places
    from geotagger.vision.bundle.bundle import ModelBundle
    from geotagger.vision.decoding.heads import HeadEvidence
    from geotagger.vision.search_space import CandidateSpace


class VisionSource(BundleSource):
    """Runs one bundle, and adds up what its heads say about places.

    Heads of known sights are not among them: `SightSource` reads those.

    Attributes:
        places: the places table that the evidence is about.
        decoders: one for each head, from the head's output to log-likelihoods.
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
        beside: BundleSource | None = None,
    ) -> None:
        """Load the model.

        Args:
            bundle: the model, with its card.
            places: the places table.
            device, batch_size, threads, crops, beside: as for `BundleSource`.
            name: `vision`, or `vision:NAME` where several bundles run.
            outlier_probability: goes into the evidence.
            search: candidates that replace those of the bundle.

        Raises:
            BundleError: the bundle does not match its card or the places table.
            DeviceError: the device does not run the model.
            UsageError: the search leaves no candidates, or `crops` is invalid.
        """
        heads = [head for head in bundle.card.heads if not isinstance(head, SightHead)]
        super().__init__(
            bundle,
            heads,
            name,
            device=device,
            batch_size=batch_size,
            threads=threads,
            crops=crops,
            beside=beside,
        )
        self.places = places
        self._outlier_probability = outlier_probability
        self._weight = bundle.card.calibration.weight
        self._baseline: NDArray[np.float32] | None = None
        self.decoders = [
            make_decoder(bundle, head, places, search, self.device, threads) for head in heads
        ]

    def decode(self, by_head: Sequence[NDArray[np.float32]]) -> list[Evidence | None]:
        by_photo = zip(
            *(
                decoder.decode(values)
                for decoder, values in zip(self.decoders, by_head, strict=True)
            ),
            strict=True,
        )
        return [self._evidence(heads) for heads in by_photo]

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
