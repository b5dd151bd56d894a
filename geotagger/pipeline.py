"""The whole journey of a photo: walk, weigh the evidence, believe, write, report."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from geotagger.area import read_area
from geotagger.belief import Belief
from geotagger.candidates import parse_places, read_candidates
from geotagger.engines import Weighed, local
from geotagger.errors import NoPhotosError
from geotagger.evidence import Source
from geotagger.evidence.album import AlbumSource
from geotagger.evidence.clock import ClockSource
from geotagger.evidence.roll import Roll
from geotagger.evidence.vision import VisionSource
from geotagger.photos import walk
from geotagger.places import load_places
from geotagger.records import Evidence, Level, Outcome, Status, joined
from geotagger.reports.formats import open_report
from geotagger.reports.rowfile import RowFile
from geotagger.vision.bundle import ModelBundle, find_bundle, load_bundle
from geotagger.vision.search import Search
from geotagger.writer import Writer


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class RunOptions:
    """Everything that a run can be told."""

    paths: tuple[Path, ...]
    reports: tuple[Path, ...] = ()
    write_exif: bool = False
    sidecar: bool = False
    """XMP sidecars instead of tags in the photos."""
    sidecar_style: str = "darktable"
    """darktable (photo.jpg.xmp) or adobe (photo.xmp)."""
    tags: tuple[str, ...] = ("gps", "region", "keywords")
    """Which groups of tags are written, as far as a prediction deserves them."""
    compat_tags: bool = False
    """Also the properties that other programs take for facts (photoshop:City, exif:GPS in XMP)."""
    backend: str = "native"
    """native, or exiftool for HEIC, AVIF, JPEG XL and RAW."""
    out: Path | None = None
    """Folder for copies; the photos themselves are then only read."""
    manifest: Path | None = None
    overwrite: str = "never"
    """never, predicted or always: which GPS in a file may be replaced."""
    dry_run: bool = False
    only_missing: bool = False
    models: tuple[str, ...] = ("starter",)
    device: str = "auto"
    batch_size: int = 0
    """Photos per inference; 0 for what suits the device."""
    workers: int = field(default_factory=cores)
    read_text: bool = True
    text_device: str = ""
    """Empty for that of the models."""
    album: bool = False
    """Weigh what the same camera's photos nearby in time tell: their measured GPS, their words."""
    neighbour_gps: bool = True
    """Whether the album weighs GPS; it would give the answer away where photos are scored by it."""
    top_k: int = 5
    min_confidence: float | None = None
    max_radius_km: float = 50.0
    within: str = ""
    """ISO country codes or the name of a GeoJSON file: where photos can be at all."""
    gallery: Path | None = None
    """CSV of points instead of a bundle's own gallery."""
    candidates: Path | None = None
    """JSON of places instead of a bundle's own captions; the photos are at one of them."""
    places: str = ""
    """The same in words: `Lyon, France; Turin, Italy`."""
    crops: int = 1
    """Of each photo, averaged: 1, 5 or 10, at so many times the cost."""


@dataclass(slots=True)
class Summary:
    """What a run came to."""

    statuses: Counter[Status] = field(default_factory=Counter)
    levels: Counter[Level] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def photos(self) -> int:
        return self.statuses.total()

    @property
    def failed(self) -> int:
        return self.statuses[Status.FAILED]

    def add(self, outcome: Outcome) -> None:
        self.statuses[outcome.status] += 1
        if outcome.prediction is not None:
            self.levels[outcome.prediction.level] += 1


def run(options: RunOptions, on_outcome: Callable[[Outcome], None] = lambda _: None) -> Summary:
    """Tag every photo under `options.paths`; one report row and one `on_outcome` call each.

    Raises NoPhotosError when there is none, and other GeotaggerErrors for what stops a run.
    """
    started = time.monotonic()
    summary = Summary()
    with ExitStack() as stack:
        writer = Writer(options, stack)
        outcomes = predictions(options)
        reports = [_opened(path, stack) for path in options.reports]
        for outcome in outcomes:
            written = writer.write(outcome)
            for report in reports:
                report.add(written)
            summary.add(written)
            on_outcome(written)
        if not summary.photos:
            places = ", ".join(str(path) for path in options.paths)
            raise NoPhotosError(f"no photos in {places}")
    summary.seconds = time.monotonic() - started
    return summary


def predictions(options: RunOptions) -> Iterator[Outcome]:
    """One outcome per photo walked, in the order of the walk; nothing is written."""
    items, belief = weighed(options)
    for item in items:
        yield believe(item, belief)


def weighed(options: RunOptions) -> tuple[Iterator[Weighed], Belief]:
    """The evidence on every photo walked, in order, and the belief that it is for."""
    photos = walk(options.paths)
    places = load_places()
    bundles = [load_bundle(find_bundle(name)) for name in options.models]
    search = search_of(options)
    search.check(bundles)
    belief = Belief(
        places,
        top_k=options.top_k,
        min_confidence=options.min_confidence,
        radius_factor=max(bundle.card.calibration.radius_factor for bundle in bundles),
        within=search.rows(places),
    )
    sources: list[Source[Any]] = list(vision_sources(options, bundles, search, belief))
    if options.read_text:
        from geotagger.evidence.text import TextSource  # a second of loading, only when wanted

        device = options.text_device or options.device
        sources.append(TextSource(places, belief.log_prior, device=device, threads=options.workers))
    sources.append(ClockSource(places, belief.log_prior))
    if options.album and options.neighbour_gps:
        sources.append(AlbumSource(places))
    model = "+".join(source.model_id for source in sources if source.model_id)
    items = local.weigh(
        photos,
        sources,
        batch_size=options.batch_size or max(source.batch_size for source in sources),
        workers=options.workers,
        only_missing=options.only_missing,
    )
    named = (replace(item, outcome=replace(item.outcome, model=model)) for item in items)
    return Roll(belief).share(named) if options.album else named, belief


def search_of(options: RunOptions) -> Search:
    """What the run looks among. Raises UsageError: an area or a place is none."""
    named = read_candidates(options.candidates) if options.candidates else ()
    return Search(
        area=read_area(options.within) if options.within else None,
        gallery=options.gallery,
        candidates=(*named, *(parse_places(options.places) if options.places else ())),
    )


def vision_sources(
    options: RunOptions, bundles: Sequence[ModelBundle], search: Search, belief: Belief
) -> list[VisionSource]:
    """One source a bundle; those that share a network run it once."""
    sources: list[VisionSource] = []
    first: dict[tuple[object, ...], VisionSource] = {}
    for bundle in bundles:
        source = VisionSource(
            bundle,
            belief.places,
            device=options.device,
            batch_size=options.batch_size,
            threads=options.workers,
            name="vision" if len(bundles) == 1 else f"vision:{bundle.card.name}",
            doubt=belief.constants.vision_doubt,
            search=search,
            crops=options.crops,
            beside=first.get(bundle.network),
        )
        first.setdefault(bundle.network, source)
        sources.append(source)
    return sources


def believe(item: Weighed, belief: Belief) -> Outcome:
    """From evidence to a prediction; photos that failed or were skipped pass through."""
    outcome = item.outcome
    if outcome.status in (Status.FAILED, Status.SKIPPED):
        return outcome
    if not item.evidence:
        return replace(outcome, note=joined(outcome.note, "no evidence of place"))
    prediction = belief.decide(beside_text(item.evidence, belief))
    status = Status.UNSURE if prediction.level is Level.NONE else Status.PREDICTED
    return replace(outcome, prediction=prediction, status=status)


def beside_text(evidence: Sequence[Evidence], belief: Belief) -> list[Evidence]:
    """The evidence, with that of the picture weakened where telling words were read in it."""
    if all(item.source != "text" for item in evidence):
        return list(evidence)
    factor = belief.constants.vision_weight_beside_text
    return [
        replace(item, weight=factor * item.weight) if item.source.startswith("vision") else item
        for item in evidence
    ]


def _opened(path: Path, stack: ExitStack) -> RowFile:
    report = open_report(path)
    stack.callback(report.close)
    return report
