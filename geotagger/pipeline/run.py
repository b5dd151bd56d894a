"""The whole journey of a photo: walk, weigh the evidence, believe, write, report."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

from geotagger.cache.keys import run_key
from geotagger.cache.store import Journal
from geotagger.config import RunOptions
from geotagger.errors import NoPhotosError, UsageError
from geotagger.fusion.decide import Fusion, predict
from geotagger.images.remote import RemotePath, located
from geotagger.images.scan import walk
from geotagger.output.writer import Writer
from geotagger.pipeline import executor_local as local
from geotagger.pipeline import executor_ray
from geotagger.pipeline.setup import EvidenceSetup
from geotagger.pipeline.trips import NeighbourPropagation
from geotagger.reports.formats.registry import open_report
from geotagger.reports.formats.text_rows import ReportStyle, ReportWriter
from geotagger.reports.rows import row
from geotagger.reports.schema import Cell
from geotagger.types import Level, Outcome, Photo, PhotoEvidence, Status

_UNWRITTEN = re.compile(r"(?:not|nothing) written: (.*)")
"""The writer's own words."""

Engine = Callable[[Iterator[Photo | PhotoEvidence]], Iterator[PhotoEvidence]]


@dataclass(slots=True)
class Summary:
    """What a run came to."""

    statuses: Counter[Status] = field(default_factory=Counter)
    levels: Counter[Level] = field(default_factory=Counter)
    countries: Counter[str] = field(default_factory=Counter)
    """Of the photos whose country may be named."""
    checks: Counter[str] = field(default_factory=Counter)
    """How many of each `gps_check`."""
    failures: Counter[str] = field(default_factory=Counter)
    """The kinds of reasons why photos failed."""
    skips: Counter[str] = field(default_factory=Counter)
    """The kinds of reasons why photos were skipped."""
    unwritten: Counter[str] = field(default_factory=Counter)
    """The kinds of reasons why photos that are predicted were not written."""
    seconds: float = 0.0
    resumed: int = 0
    """Photos whose rows come from the journal of an earlier run."""

    @property
    def photos(self) -> int:
        return self.statuses.total()

    @property
    def failed(self) -> int:
        return self.statuses[Status.FAILED]

    def add(self, cells: Mapping[str, Cell]) -> None:
        """One row of the report."""
        status, level, note = (str(cells[name]) for name in ("status", "level", "note"))
        self.statuses[Status(status)] += 1
        if level:
            self.levels[Level(level)] += 1
            if level not in (Level.CONTINENT, Level.NONE):
                self.countries[str(cells["country"]) or "at sea"] += 1
        self.checks[str(cells["gps_check"])] += 1
        if status == Status.FAILED:
            self.failures[kind_of(note)] += 1
        elif status == Status.SKIPPED:
            self.skips[kind_of(note)] += 1
        elif status == Status.PREDICTED and (why := _UNWRITTEN.search(note)):
            self.unwritten[kind_of(why[1])] += 1


def kind_of(note: str) -> str:
    """What notes have in common that differ in a name or a number: how they start."""
    return re.split(r"[:;,(]|\s\d", note, maxsplit=1)[0].strip() or "no reason given"


def run(
    options: RunOptions, on_row: Callable[[Mapping[str, Cell]], None] = lambda _: None
) -> Summary:
    """Tag every photo under `options.paths`; one report row and one `on_row` call each.

    Raises NoPhotosError when there is none, and other GeotaggerErrors for what stops a run.
    """
    started = time.monotonic()
    summary = Summary()
    with ExitStack() as stack:
        _check_places(options)
        writer = Writer(options, stack)
        journal = stack.enter_context(open_journal(options)) if options.journal else None
        items, belief = weighed(options, journal)
        look = ReportStyle(thumbnails=options.thumbnails, circles=options.circles)
        reports = [_opened(path, look, stack) for path in options.reports]
        for item in items:
            cells = item.row
            if cells is None:
                outcome = writer.write(predict(item, belief))
                if journal:
                    journal.add(outcome, item.anchor)
                cells = row(outcome)
            for report in reports:
                report.add_row(cells, flush=not item.finished)
            summary.add(cells)
            summary.resumed += item.finished
            on_row(cells)
        if not summary.photos:
            places = ", ".join(str(path) for path in options.paths)
            raise NoPhotosError(f"no photos in {places}")
    summary.seconds = time.monotonic() - started
    return summary


def _check_places(options: RunOptions) -> None:
    """Raises UsageError: the run would write where geotagger only reads."""
    far = [path for path in map(located, options.paths) if isinstance(path, RemotePath)]
    if far and (options.write_exif or options.sidecar or options.out or options.manifest):
        raise UsageError(f"{far[0]}: photos elsewhere are only read; ask for a report alone")


def predictions(options: RunOptions) -> Iterator[Outcome]:
    """One outcome per photo walked, in the order of the walk; nothing is written."""
    items, belief = weighed(options)
    for item in items:
        yield predict(item, belief)


def open_journal(options: RunOptions) -> Journal:
    """What earlier runs that asked for the same have finished. Never fails."""
    assert options.journal
    return Journal(options.journal, run_key(options), gate=options.gate, restart=options.restart)


def weighed(
    options: RunOptions, journal: Journal | None = None
) -> tuple[Iterator[PhotoEvidence], Fusion]:
    """The evidence on every photo walked, in order, and the belief that it is for.

    Photos that the journal knows to be finished come without evidence.
    """
    photos: Iterator[Photo | PhotoEvidence] = walk(options.paths)
    if journal and not options.manifest:  # a manifest tells what each file holds by now
        photos = (journal.replay(photo) or photo for photo in walk(options.paths))
    panel = EvidenceSetup(driver_options(options))

    def engine(fresh: Iterator[Photo | PhotoEvidence]) -> Iterator[PhotoEvidence]:
        sources = panel.sources()
        batch_size = options.batch_size or max(source.batch_size for source in sources)
        if options.engine == "ray":
            return executor_ray.weigh(
                fresh, sources, options, batch_size=batch_size, memory=journal
            )
        return local.weigh(
            fresh,
            sources,
            batch_size=batch_size,
            workers=options.workers,
            only_missing=options.only_missing,
            gate=options.gate,
            memory=journal,
        )

    items = _when_needed(photos, engine)
    return NeighbourPropagation(panel.belief).share(items) if options.album else items, panel.belief


def driver_options(options: RunOptions) -> RunOptions:
    """On a cluster the driver asks no network, and may have none of the workers' devices."""
    on_cluster = options.engine == "ray"
    return replace(options, device="cpu", text_device="") if on_cluster else options


def _when_needed(
    photos: Iterator[Photo | PhotoEvidence], engine: Engine
) -> Iterator[PhotoEvidence]:
    """The models are loaded at the first photo that is not finished: now, or far into the run."""
    first = next(photos, None)
    if isinstance(first, Photo):
        return engine(chain([first], photos))
    return _finished_first(first, photos, engine) if first else iter(())


def _finished_first(
    first: PhotoEvidence, photos: Iterator[Photo | PhotoEvidence], engine: Engine
) -> Iterator[PhotoEvidence]:
    yield first
    for item in photos:
        if isinstance(item, Photo):
            yield from engine(chain([item], photos))
        else:
            yield item


def _opened(path: Path, look: ReportStyle, stack: ExitStack) -> ReportWriter:
    report = open_report(path, look)
    stack.callback(report.close)
    return report
