"""Sets up what a run needs to weigh photos: the sources of evidence, and the fusion they feed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from geotagger.calibration.stored import calibrated
from geotagger.config import Device, RunOptions
from geotagger.evidence.album_trees import AlbumTrees
from geotagger.evidence.cached import CachedSource, InferenceCache
from geotagger.evidence.camera_gps import AlbumSource
from geotagger.evidence.clock import ClockSource
from geotagger.evidence.sights import SightSource
from geotagger.evidence.source import EvidenceSource, NetworkSource
from geotagger.evidence.tracks import TrackSource
from geotagger.evidence.vision import VisionSource
from geotagger.fusion.decide import Fusion
from geotagger.geography.area import read_area
from geotagger.geography.named_places import parse_places, read_candidates
from geotagger.geography.places import load_places
from geotagger.images.excludes import DEFAULT_EXCLUDES, Excludes
from geotagger.pipeline.near_duplicates import SharedInference
from geotagger.tracks.load import load_tracks
from geotagger.vision.bundle.bundle import find_bundle, load_bundle
from geotagger.vision.bundle.head_specs import SightHead
from geotagger.vision.runtime.devices import candidate_devices
from geotagger.vision.search_space import CandidateSpace


class EvidenceSetup:
    """The fusion, and the sources of evidence, whose models are loaded by `sources`.

    Attributes:
        bundles: the models, checked but not loaded, with the user's calibrations.
        fusion: turns the evidence of the sources into predictions.
    """

    def __init__(self, options: RunOptions) -> None:
        """
        Raises:
            BundleError: a bundle is missing or invalid.
            UsageError: an area, a place or a track is invalid.
        """
        self._options = options
        self.bundles = calibrated([load_bundle(find_bundle(name)) for name in options.models])
        self._search = _search_space(options)
        self._search.check(self.bundles)
        places = load_places()
        self.fusion = Fusion(
            places,
            top_k=options.top_k,
            min_confidence=options.min_confidence,
            radius_factor=max(bundle.card.calibration.radius_factor for bundle in self.bundles),
            within=self._search.rows(places),
        )
        gap = options.track_max_gap
        self._tracks = load_tracks(options.tracks, gap) if options.tracks else None

    def sources(self) -> list[EvidenceSource[Any]]:
        """All sources, with their models loaded.

        Raises:
            DeviceError: a device that was asked for does not run here.
        """
        vision = self.vision_sources()
        return [
            *vision,
            *self.sight_sources(vision),
            *self.text_sources(),
            *self.context_sources(),
        ]

    def vision_sources(self) -> list[VisionSource]:
        """One source for each bundle; bundles with the same network share one session."""
        options = self._options
        sources: list[VisionSource] = []
        with_network: dict[tuple[object, ...], VisionSource] = {}
        for bundle in self.bundles:
            source = VisionSource(
                bundle,
                self.fusion.places,
                device=options.device,
                batch_size=self._vision_batch_size(),
                threads=options.workers,
                name="vision" if len(self.bundles) == 1 else f"vision:{bundle.card.name}",
                outlier_probability=self.fusion.constants.vision_outlier_probability,
                search=self._search,
                crops=options.crops,
                beside=with_network.get(bundle.network_key),
            )
            with_network.setdefault(bundle.network_key, source)
            sources.append(source)
        return sources

    def _vision_batch_size(self) -> int:
        """Photos that the network takes at once; 0 for what suits the device.

        While text is read too, each thread of a CPU runs one photo at a time. With the embedded
        model two take 100 MiB more, and save 3 core-ms of the 200 and more that reading costs.
        """
        options = self._options
        is_on_cpu = candidate_devices(options.device) == [Device.CPU]
        if options.batch_size or not (options.read_text and is_on_cpu):
            return options.batch_size
        return options.workers

    def sight_sources(self, vision: Sequence[VisionSource]) -> list[SightSource]:
        """The heads of known sights; each shares the network of its bundle's vision source."""
        heads = [
            (bundle, head, source)
            for bundle, source in zip(self.bundles, vision, strict=True)
            for head in bundle.card.heads
            if isinstance(head, SightHead)
        ]
        return [
            SightSource(
                bundle,
                head,
                self.fusion.places,
                self.fusion.log_prior,
                name="sights" if len(heads) == 1 else f"sights:{bundle.card.name}",
                crops=self._options.crops,
                beside=source,
            )
            for bundle, head, source in heads
        ]

    def text_sources(self) -> list[EvidenceSource[Any]]:
        """The source that reads words in the picture, if the run reads text."""
        options = self._options
        if not options.read_text:
            return []
        import cv2

        from geotagger.evidence.ocr_text import TextSource  # takes a second to import

        cv2.setNumThreads(1)  # each of our threads has its own photos
        device = options.text_device or options.device
        backend = options.text_backend
        places, threads = self.fusion.places, options.workers
        return [TextSource(places, device=device, threads=threads, backend=backend)]

    def context_sources(self) -> list[EvidenceSource[Any]]:
        """The sources that need no network: clock, neighbours' GPS, tracks, names.

        They remember what they read of folders, so each run needs its own.
        """
        options, places = self._options, self.fusion.places
        sources: list[EvidenceSource[Any]] = [ClockSource(places, self.fusion.log_prior)]
        trees = AlbumTrees(places)
        if options.album and options.neighbour_gps:
            sources.append(AlbumSource(places, trees, options.clock_offset_s))
        if self._tracks is not None:
            sources.append(TrackSource(places, self._tracks, options.clock_offset_s, trees))
        if options.use_names:
            from geotagger.evidence.folder_names import NamesSource  # loads half a million names

            sources.append(NamesSource(places))
        return sources


def excludes_of(options: RunOptions) -> Excludes:
    """What the scan of a run leaves out."""
    return Excludes((*(DEFAULT_EXCLUDES if options.default_excludes else ()), *options.exclude))


def with_cache(
    sources: list[EvidenceSource[Any]], cache: InferenceCache | None
) -> list[EvidenceSource[Any]]:
    """Wrap the networks: each runs once for near-duplicates, and not for files in the cache."""
    return [
        _wrapped(source, cache) if isinstance(source, NetworkSource) else source
        for source in sources
    ]


def _wrapped(source: NetworkSource[Any, Any], cache: InferenceCache | None) -> EvidenceSource[Any]:
    shared = SharedInference(source)
    return shared if cache is None else CachedSource(shared, cache)


def _search_space(options: RunOptions) -> CandidateSpace:
    named = read_candidates(options.candidates) if options.candidates else ()
    return CandidateSpace(
        area=read_area(options.within) if options.within else None,
        gallery=options.gallery,
        candidates=(*named, *(parse_places(options.places) if options.places else ())),
    )
