"""`geotagger explain`: explain the prediction of a photo."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from geotagger.cli.flags import SOME_FAILED, album_flag, prediction_flags, run_options, track_flags


@click.command()
@click.argument("photo", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Explanation with maps as .html, or the maps alone as .svg or .png.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@album_flag()
@track_flags
@prediction_flags
def explain(photo: Path, report: Path | None, as_json: bool, **flags: Any) -> None:
    """Explain the prediction of a photo: maps, and the effect of each source.

    For each source of evidence: how much it changes the probability, what it says alone, and the
    prediction without it. The photo is not changed.

    \b
    geotagger explain IMG_0042.jpg
    geotagger explain IMG_0042.jpg --report why.html
    """
    from geotagger.explanation import pictures, steps, words
    from geotagger.geography.places import load_places
    from geotagger.plots import files
    from geotagger.types import Status

    if report is not None:
        files.check_target(report)
    explanation = steps.explain(photo, run_options(flags, paths=(photo,)))
    click.echo(words.to_json(explanation) if as_json else words.to_text(explanation))
    if report is not None:
        pictures.write(report, explanation, load_places())
        click.echo(f"report: {report}", err=True)
    if explanation.outcome.status is Status.FAILED:
        sys.exit(SOME_FAILED)
