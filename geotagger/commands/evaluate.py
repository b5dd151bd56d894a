"""`geotagger evaluate`: score predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from geotagger.commands.flags import prediction_flags, run_options


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--labels",
    type=click.Path(path_type=Path, dir_okay=False),
    help="CSV with file and lat, lon and/or country.  [default: PATH/labels.csv, else EXIF GPS]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@prediction_flags
def evaluate(path: Path, labels: Path | None, as_json: bool, **flags: Any) -> None:
    """Score predictions on photos whose place is known. Nothing is written."""
    from geotagger import evaluate as scoring
    from geotagger.progress import Progress

    options = run_options(flags, paths=(path,))
    with Progress(options.paths, quiet=False, verbose=False) as progress:
        scores = scoring.run(options, labels, progress.show)
    click.echo(scores.to_json() if as_json else scores.to_text())
