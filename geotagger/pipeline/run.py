"""A run: scan the photos, weigh the evidence, decide, write, report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace

from geotagger.cache.codec import FinishedRow
from geotagger.cache.keys import run_key
from geotagger.cache.store import RunJournal
from geotagger.config import Device, Engine, RunOptions
from geotagger.errors import NoPhotosError, UsageError
from geotagger.fusion.decide import Fusion, predict
from geotagger.images.excludes import Excludes
from geotagger.images.remote import RemotePath, located
from geotagger.images.scan import walk
from geotagger.output.writer import Writer
from geotagger.pipeline.executor_local import LocalExecutor
from geotagger.pipeline.executor_ray import RayExecutor
from geotagger.pipeline.merge import Item, merge_in_order
from geotagger.pipeline.setup import EvidenceSetup, excludes_of, with_cache
from geotagger.pipeline.trips.window import TripEvidence
from geotagger.reports.formats.registry import open_report
from geotagger.reports.formats.writer import ReportStyle, ReportWriter
from geotagger.reports.rows import row
from geotagger.reports.run_summary import RunSummary
from geotagger.reports.schema import Cell
from geotagger.types import Outcome, Photo, PhotoEvidence


def run(
    options: RunOptions,
    on_row: Callable[[Mapping[str, Cell]], None] = lambda _: None,
    before_photo: Callable[[], None] = lambda: None,
) -> RunSummary:
    """Tag every photo under `options.paths`: decide, write, report.

    Args:
        options: what to do.
        on_row: called with each report row, in the order of the report.
        before_photo: called before each photo is taken into the run. While it does not return, the
            run waits; what it raises ends the run, which closes its reports then.

    Raises:
        NoPhotosError: there are no photos.
        GeotaggerError: anything else that stops a run.
    """
    started = time.monotonic()
    summary = RunSummary()
    with ExitStack() as stack:
        _refuse_unused_address(options)
        _refuse_remote_writes(options)
        writer = Writer(options, stack)
        journal = stack.enter_context(open_journal(options)) if options.journal else None
        excludes = excludes_of(options)
        items, fusion = _merged(options, journal, excludes, before_photo=before_photo)
        reports = _open_reports(options, stack)
        for item in items:
            if isinstance(item, FinishedRow):
                cells = item.row
                summary.resumed += 1
            else:
                cells = _finish(item, fusion, writer, journal)
            for report in reports:
                report.add_row(cells, flush=not isinstance(item, FinishedRow))
            summary.add(cells)
            on_row(cells)
        summary.left_out = excludes.counts
        if not summary.photos:
            raise NoPhotosError(f"no photos in {', '.join(map(str, options.paths))}")
    summary.seconds = time.monotonic() - started
    return summary


def _finish(
    item: PhotoEvidence | Outcome, fusion: Fusion, writer: Writer, journal: RunJournal | None
) -> Mapping[str, Cell]:
    """Decide and write a photo and store it in the journal; returns its report row."""
    decided = item if isinstance(item, Outcome) else predict(item, fusion)
    outcome = writer.write(decided)
    if journal:
        journal.add(outcome, None if isinstance(item, Outcome) else item.observation)
    return row(outcome)


def _refuse_unused_address(options: RunOptions) -> None:
    """
    Raises:
        UsageError: the address of a cluster that the run would not use.
    """
    if options.address and options.engine != Engine.RAY:
        raise UsageError(f"--address {options.address}: a cluster needs --engine ray")


def _refuse_remote_writes(options: RunOptions) -> None:
    """
    Raises:
        UsageError: the run would write into photos that geotagger only reads.
    """
    remote = [path for path in map(located, options.paths) if isinstance(path, RemotePath)]
    if remote and (options.write_exif or options.sidecar or options.out or options.manifest):
        raise UsageError(f"{remote[0]}: photos elsewhere are only read; ask for a report alone")


def _open_reports(options: RunOptions, stack: ExitStack) -> list[ReportWriter]:
    style = ReportStyle(
        thumbnails=options.thumbnails, circles=options.circles, csv_bom=options.csv_bom
    )
    reports = []
    for path in options.reports:
        reports.append(open_report(path, style))
        stack.callback(reports[-1].close)
    return reports


def predictions(options: RunOptions) -> Iterator[Outcome]:
    """The outcome of every photo under `options.paths`, in scan order. Nothing is written."""
    photos, fusion = weigh(options)
    for photo in photos:
        yield predict(photo, fusion)


def open_journal(options: RunOptions) -> RunJournal:
    """The journal, with what runs with the same key have finished. Never fails."""
    assert options.journal
    return RunJournal(options.journal, run_key(options), gate=options.gate, restart=options.restart)


def weigh(options: RunOptions, *, trips: bool = True) -> tuple[Iterator[PhotoEvidence], Fusion]:
    """The evidence on every photo under `options.paths`, in scan order, without a journal.

    Args:
        options: those of the run.
        trips: with `options.album`, add what the photos of a trip say about each other.

    Returns:
        The photos, which are weighed as they are taken, and the fusion that predicts from them.
    """
    local, excludes = replace(options, engine=Engine.LOCAL), excludes_of(options)
    items, fusion = _merged(local, None, excludes, trips=trips)
    return (item for item in items if isinstance(item, PhotoEvidence)), fusion


def _merged(
    options: RunOptions,
    journal: RunJournal | None,
    excludes: Excludes,
    *,
    trips: bool = True,
    before_photo: Callable[[], None] = lambda: None,
) -> tuple[Iterator[Item], Fusion]:
    """All photos in scan order: finished ones from the journal, and those that are weighed now."""
    on_cluster = options.engine == Engine.RAY
    # the driver of a cluster runs no network, and may lack the devices of its workers
    on_cpu = replace(options, device=Device.CPU, text_device=None)
    setup = EvidenceSetup(on_cpu if on_cluster else options)

    def open_executor() -> LocalExecutor | RayExecutor:
        if on_cluster:
            return RayExecutor(setup.sources(), options, journal)
        return LocalExecutor(with_cache(setup.sources(), journal), options)

    photos = _announced(walk(options.paths, excludes), before_photo)
    scanned: Iterator[Photo | FinishedRow] = photos
    if journal and not options.manifest:  # a manifest states what each file holds now
        scanned = (journal.replay(photo) or photo for photo in photos)
    items = merge_in_order(scanned, open_executor)
    if options.album and trips:
        items = TripEvidence(setup.fusion, use_gps=options.neighbour_gps).share(items)
    return items, setup.fusion


def _announced(photos: Iterator[Photo], before_photo: Callable[[], None]) -> Iterator[Photo]:
    for photo in photos:
        before_photo()
        yield photo
