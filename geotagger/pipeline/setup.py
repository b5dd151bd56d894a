"""The sources of evidence that a run asks, put together from what it was told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from geotagger.evidence.camera_gps import AlbumSource
from geotagger.evidence.clock import ClockSource
from geotagger.evidence.vision import VisionSource
from geotagger.fusion.decide import Fusion
from geotagger.geography.area import read_area
from geotagger.geography.named_places import parse_places, read_candidates
from geotagger.geography.places import load_places
from geotagger.vision.bundle.bundle import find_bundle, load_bundle
from geotagger.vision.search_space import CandidateSpace

if TYPE_CHECKING:
    from geotagger.config import RunOptions
    from geotagger.evidence.source import Source


class EvidenceSetup:
    """What the sources speak about. They themselves are loaded when they are asked for.

    Attributes:
        bundles: the models, checked; none is loaded yet.
        belief: what their evidence is for.
    """

    def __init__(self, options: RunOptions) -> None:
        """Raises BundleError or UsageError: a bundle, an area or a place is none."""
        self._options = options
        self.bundles = [load_bundle(find_bundle(name)) for name in options.models]
        self._search = _search_of(options)
        self._search.check(self.bundles)
        places = load_places()
        self.belief = Fusion(
            places,
            top_k=options.top_k,
            min_confidence=options.min_confidence,
            radius_factor=max(bundle.card.calibration.radius_factor for bundle in self.bundles),
            within=self._search.rows(places),
        )

    def sources(self) -> list[Source[Any]]:
        """Load the models. Raises DeviceError: the requested device does not run here."""
        return [*self.vision_sources(), *self.other_sources()]

    def other_sources(self) -> list[Source[Any]]:
        """The sources besides vision: text, clock, neighbours' GPS, names. Raises as `sources`."""
        options, belief = self._options, self.belief
        sources: list[Source[Any]] = []
        if options.read_text:
            import cv2

            from geotagger.evidence.ocr_text import (
                TextSource,  # a second of loading, only when wanted
            )

            cv2.setNumThreads(1)  # each of our threads has photos of its own
            device = options.text_device or options.device
            sources.append(
                TextSource(belief.places, belief.log_prior, device=device, threads=options.workers)
            )
        sources.append(ClockSource(belief.places, belief.log_prior))
        if options.album and options.neighbour_gps:
            sources.append(AlbumSource(belief.places))
        if options.use_names:
            from geotagger.evidence.folder_names import NamesSource  # half a million names

            sources.append(NamesSource(belief.places, belief.log_prior))
        return sources

    def vision_sources(self) -> list[VisionSource]:
        """One source for each bundle; bundles with the same network share one session."""
        options = self._options
        sources: list[VisionSource] = []
        first: dict[tuple[object, ...], VisionSource] = {}
        for bundle in self.bundles:
            source = VisionSource(
                bundle,
                self.belief.places,
                device=options.device,
                batch_size=options.batch_size,
                threads=options.workers,
                name="vision" if len(self.bundles) == 1 else f"vision:{bundle.card.name}",
                outlier_probability=self.belief.constants.vision_outlier_probability,
                search=self._search,
                crops=options.crops,
                beside=first.get(bundle.network),
            )
            first.setdefault(bundle.network, source)
            sources.append(source)
        return sources


def _search_of(options: RunOptions) -> CandidateSpace:
    """What the run looks among."""
    named = read_candidates(options.candidates) if options.candidates else ()
    return CandidateSpace(
        area=read_area(options.within) if options.within else None,
        gallery=options.gallery,
        candidates=(*named, *(parse_places(options.places) if options.places else ())),
    )
