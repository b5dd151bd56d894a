"""`geotagger verify`: compare GPS with predictions."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from geotagger.cli.flags import (
    PATHS,
    SOME_FAILED,
    prediction_flags,
    run_options,
    scan_flags,
    track_flags,
)

if TYPE_CHECKING:
    from geotagger.types import Outcome


@click.command()
@PATHS
@click.option(
    "--report",
    "reports",
    multiple=True,
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Report to write, in the formats of tag. Can be repeated.",
)
@click.option("-q", "--quiet", is_flag=True, help="Print only the totals.")
@track_flags
@prediction_flags
@scan_flags
def verify(paths: tuple[Path, ...], quiet: bool, **flags: Any) -> None:
    """Compare the GPS in photos with their predictions.

    Prints a line per photo: agree, far, no_gps or invalid. A photo that is far is inconsistent with
    its GPS, as is about one sound photo in ten. If a changed sign or swapped axes would fit, the
    line says so. With --track the GPS is compared with the track. Photos are not changed.

    \b
    geotagger verify IMG_0042.jpg
    geotagger verify ~/Photos --report checked.csv
    """
    from geotagger.evaluation import verification
    from geotagger.fusion.gps_check import GpsCheck, gps_check
    from geotagger.printable import printable, printable_path
    from geotagger.reasons import note_text
    from geotagger.types import Status

    failed = 0

    def show(outcome: Outcome, text: str) -> None:
        nonlocal failed
        failed += outcome.status is Status.FAILED
        if not quiet:
            check = gps_check(outcome) or outcome.status.value
            unread = outcome.status in (Status.FAILED, Status.SKIPPED)
            reason = f"{text} ({printable(note_text(outcome.reasons))})" if unread else text
            click.echo(f"{check:8} {printable_path(outcome.photo.path)}: {reason}")

    counts = verification.run(run_options(flags, paths=paths), show)
    order = (*GpsCheck, verification.NOT_JUDGED)
    click.echo(", ".join(f"{counts[name]} {name}" for name in order if counts[name]))
    if fits := counts[verification.FITS_CHANGED]:
        text = f"{fits} would fit with the sign of a coordinate changed or the axes swapped"
        click.echo(text, err=True)
    if failed:
        sys.exit(SOME_FAILED)
