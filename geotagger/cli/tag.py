"""`geotagger tag`: predict, report and, if wanted, write."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geotagger.cli.flags import (
    MAX_RADIUS,
    PATHS,
    SOME_FAILED,
    TAGS,
    TOUCH,
    EnumChoice,
    album_flag,
    overwrite_flag,
    prediction_flags,
    run_options,
    scan_flags,
    track_flags,
)
from geotagger.cli.hint import model_hint
from geotagger.cli.report import output_flags
from geotagger.config import Backend, Engine, Overwrite, SidecarStyle

if TYPE_CHECKING:
    from geotagger.config import RunOptions

DEFAULT_REPORT = Path("geotagger-report.csv")


@click.command()
@PATHS
@click.option(
    "--report",
    "reports",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Report to write: .csv, .jsonl, .geojson, .kml, .kmz, .parquet or .html. Can be repeated."
    "  [default: geotagger-report.csv]",
)
@output_flags
@click.option(
    "--write-exif",
    is_flag=True,
    help="Write GPS and region tags into photos.",
)
@click.option("--sidecar", is_flag=True, help="Write XMP sidecars instead of tags in photos.")
@click.option(
    "--sidecar-style",
    type=EnumChoice(SidecarStyle),
    default=SidecarStyle.DARKTABLE.value,
    show_default=True,
    help="Name of a sidecar: photo.jpg.xmp (darktable, digiKam, Immich) or photo.xmp (Adobe).",
)
@TAGS
@click.option(
    "--compat-tags",
    is_flag=True,
    help="Also write XMP that other programs take for facts: photoshop:City, exif:GPSLatitude.",
)
@click.option(
    "--backend",
    type=EnumChoice(Backend),
    default=Backend.NATIVE.value,
    show_default=True,
    help="exiftool: also embed into HEIC and AVIF; needs ExifTool.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write into copies below DIR; the photos themselves are only read.",
)
@click.option(
    "--manifest",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Chain of custody, .csv or .jsonl: SHA-256 of each photo before and after, and of copies.",
)
@overwrite_flag(Overwrite.NEVER)
@MAX_RADIUS
@TOUCH
@album_flag()
@click.option(
    "--only-missing", is_flag=True, help="Skip photos that have measured GPS, also in a sidecar."
)
@click.option(
    "--engine",
    type=EnumChoice(Engine),
    default=Engine.LOCAL.value,
    show_default=True,
    help="ray: run on a cluster, or on this machine with Ray.",
)
@click.option(
    "--address", metavar="HOST:PORT", help="Address of the Ray cluster; auto for the local one."
)
@click.option(
    "--restart",
    is_flag=True,
    help="Predict all photos again, also those that an earlier run has finished.",
)
@click.option("--dry-run", is_flag=True, help="Write only the report, with what would be written.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress and no summary.")
@click.option("-v", "--verbose", is_flag=True, help="Print a line per photo on stderr.")
@track_flags
@prediction_flags
@scan_flags
def tag(reports: tuple[Path, ...], quiet: bool, verbose: bool, **flags: Any) -> None:
    """Predict where photos were taken.

    Each photo gets one row in the report. Photos are changed only with --write-exif. A photo that
    cannot hold the tags safely then gets an XMP sidecar.

    The same command continues a run that was interrupted or killed.

    \b
    geotagger tag ~/Photos
    geotagger tag ~/Photos --report places.csv --report places.html
    geotagger tag ~/Photos --write-exif --dry-run
    geotagger tag ~/Photos --write-exif --min-confidence 0.9
    geotagger tag ~/Photos --track ~/Tracks --write-exif
    geotagger tag ~/Photos --within FR,ES,PT --no-read-text
    geotagger tag ~/Photos --out ~/Tagged --manifest custody.csv
    """
    from geotagger.heap import limit_heap
    from geotagger.pipeline import run as pipeline
    from geotagger.pipeline.progress import Progress
    from geotagger.pipeline.setup import excludes_of
    from geotagger.reports.run_summary import summary_text

    # a photo leaves no reference cycles, and searching for them takes a third of the time of a row
    gc.set_threshold(50_000)
    options = tag_options(reports, flags)
    limit_heap(options.workers)
    _warn_of_low_confidence(options)
    if len(options.paths) == 1 and options.paths[0].is_file():
        verbose = verbose or not quiet  # for one photo the prediction itself is wanted
    with Progress(options.paths, excludes_of(options), quiet=quiet, verbose=verbose) as progress:
        summary = pipeline.run(options, progress.show)
    if not quiet:
        click.echo(summary_text(summary, options), err=True)
        if hint := model_hint(summary, options):
            click.echo(hint, err=True)
    if summary.failed:
        sys.exit(SOME_FAILED)


def tag_options(reports: tuple[Path, ...], flags: dict[str, Any]) -> RunOptions:
    """The options of a run from the flags of the command.

    Raises:
        UsageError: two of the files to write are the same.
    """
    from geotagger.cache.store import journal_file
    from geotagger.reports.formats.registry import check_distinct

    options = run_options(flags, reports=reports or (DEFAULT_REPORT,), journal=journal_file())
    check_distinct([*options.reports, *([options.manifest] if options.manifest else [])])
    return options


def _warn_of_low_confidence(options: RunOptions) -> None:
    """Warns of a low --min-confidence, also with --quiet."""
    from geotagger.fusion.prior import Constants

    least, fitted = options.min_confidence, Constants.load().thresholds
    if least is None or least >= min(fitted.values()):
        return
    fitted_text = ", ".join(f"{level} {threshold:g}" for level, threshold in fitted.items())
    writes = (options.write_exif or options.sidecar or options.out) and not options.dry_run
    click.echo(
        f"warning: --min-confidence {least:g} is below the fitted thresholds ({fitted_text}); "
        f"a name at that limit is right about {100 * least:.0f} times in 100"
        + (", and it is written" if writes else ""),
        err=True,
    )
