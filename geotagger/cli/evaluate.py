"""`geotagger evaluate`: score predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from geotagger.cli.flags import album_flag, prediction_flags, run_options, scan_flags


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--labels",
    type=click.Path(path_type=Path, dir_okay=False),
    help="CSV with file (from its folder), lat, lon and/or country."
    "  [default: PATH/labels.csv, else EXIF GPS]",
)
@click.option("--ablate", is_flag=True, help="Also score with and without each source of evidence.")
@click.option("--by-trip", is_flag=True, help="Also score by trip: photos of one camera.")
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Tables and charts as .html, or the charts alone as .svg or .png.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@album_flag()
@click.option(
    "--neighbour-gps",
    is_flag=True,
    help="Let --album use the GPS of neighbours too, which gives most places away.",
)
@prediction_flags
@scan_flags
def evaluate(
    path: Path,
    labels: Path | None,
    ablate: bool,
    by_trip: bool,
    report: Path | None,
    as_json: bool,
    **flags: Any,
) -> None:
    """Score predictions on photos with known places.

    Prints distances, accuracy at each level, and calibration of confidence and radius. Photos are
    not changed.

    \b
    geotagger evaluate ~/Photos
    geotagger evaluate ~/Photos --labels labels.csv --ablate --report scores.html
    """
    from geotagger.evaluation import report as reporting
    from geotagger.evaluation import run, tables
    from geotagger.pipeline.progress import Progress
    from geotagger.pipeline.setup import excludes_of
    from geotagger.plots import files

    if report is not None:
        files.check_target(report)
    options = run_options(flags, paths=(path,))
    with Progress(options.paths, excludes_of(options), quiet=False, verbose=False) as progress:
        evaluation = run.run(options, labels, progress.show, ablate=ablate, by_trip=by_trip)
    click.echo(tables.to_json(evaluation) if as_json else tables.to_text(evaluation))
    if report is not None:
        reporting.write(report, evaluation)
        click.echo(f"report: {report}", err=True)
