"""Evidence from known sights: photos with known place that the picture looks like.

It is apart from the evidence of the classes, because it is of another kind: most photos show no
known sight, and then it says nothing; if one does, it names the town.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from geotagger.evidence.bundle_source import BundleSource
from geotagger.types import Evidence, Place
from geotagger.vision.decoding.sights import SightDecoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from geotagger.geography.places import Places
    from geotagger.vision.bundle.bundle import ModelBundle
    from geotagger.vision.bundle.head_specs import SightHead
    from geotagger.vision.decoding.sights import SightMatch


class SightSource(BundleSource):
    """Reads the head of known sights of a bundle, whose network runs for `beside` anyway."""

    def __init__(
        self,
        bundle: ModelBundle,
        head: SightHead,
        places: Places,
        log_prior: NDArray[np.float32],
        *,
        name: str = "sights",
        crops: int = 1,
        beside: BundleSource,
    ) -> None:
        """Load the gallery.

        Args:
            bundle: the model, with its card.
            head: one of its heads.
            places: the places table.
            log_prior: the prior, float32 [len(places)].
            name: `sights`, or `sights:NAME` where several bundles have such a head.
            crops: crops of each photo to average.
            beside: a source of the same bundle.

        Raises:
            BundleError: the gallery cannot be read.
        """
        super().__init__(bundle, [head], name, crops=crops, beside=beside)
        self.model_id = ""  # the model is named by the source that it runs for
        self._places = places
        self._decoder = SightDecoder(head, bundle.sights(head), places, log_prior)

    def decode(self, by_head: Sequence[NDArray[np.float32]]) -> list[Evidence | None]:
        (embeddings,) = by_head
        return [
            None if match is None else sight_evidence(match, self._places, self.name)
            for match in self._decoder.decode(embeddings)
        ]


def sight_evidence(match: SightMatch, places: Places, name: str = "sights") -> Evidence:
    """The evidence in a match: its chance of showing no known sight is the outlier probability."""
    return Evidence(
        source=name,
        weight=1.0,
        reason=reason_of(places.place(match.row), match.likeness),
        log_likelihood=match.log_likelihood,
        outlier_probability=1 - match.probability,
    )


def reason_of(place: Place, likeness: float) -> str:
    """For example 'looks like known photos of Agra, IN (likeness 0.71)'."""
    where = ", ".join(part for part in (place.city or place.region, place.country_code) if part)
    return f"looks like known photos of {where} (likeness {likeness:.2f})"
