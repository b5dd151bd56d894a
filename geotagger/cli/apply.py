"""`geotagger apply`: write what a review approved."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from geotagger.cli.flags import MAX_RADIUS, SOME_FAILED, TAGS, TOUCH, overwrite_flag
from geotagger.cli.review import REPORT
from geotagger.config import Overwrite, RunOptions

if TYPE_CHECKING:
    from geotagger.types import Outcome


@click.command()
@REPORT
@click.option("--write-exif", is_flag=True, help="Write into the photos.  [default]")
@click.option("--sidecar", is_flag=True, help="Write XMP sidecars instead of tags in photos.")
@click.option("--dry-run", is_flag=True, help="Print what would be written; write nothing.")
@TAGS
@overwrite_flag(Overwrite.PREDICTED)
@MAX_RADIUS
@TOUCH
@click.option("-q", "--quiet", is_flag=True, help="Print only the totals.")
def apply(
    report: Path,
    write_exif: bool,
    sidecar: bool,
    dry_run: bool,
    tags: tuple[str, ...],
    overwrite: Overwrite,
    max_radius_km: float,
    touch: bool,
    quiet: bool,
) -> None:
    """Write the predictions that a review approved.

    REPORT is a report that `geotagger review` has opened. What is written is marked as confirmed by
    a person, and as not measured. `geotagger untag` restores the photos.

    \b
    geotagger apply places.csv --dry-run
    geotagger apply places.csv
    geotagger apply places.csv --sidecar
    """
    from geotagger.printable import printable, printable_path
    from geotagger.reasons import ReasonCode, note_text
    from geotagger.reports.read.rows import read_rows
    from geotagger.review.decisions import Decisions
    from geotagger.review.writing import apply as write
    from geotagger.types import Status

    counts: Counter[str] = Counter()

    def show(outcome: Outcome) -> None:
        would_write = any(reason.code is ReasonCode.DRY_RUN for reason in outcome.reasons)
        names = {Status.PREDICTED: "would be written" if would_write else "not written"}
        counts[names.get(outcome.status, outcome.status.value)] += 1
        if not quiet:
            line = f"{outcome.status:9} {printable_path(outcome.photo.path)}"
            note = printable(note_text(outcome.reasons))
            click.echo(f"{line}: {note}" if note else line)

    options = RunOptions(
        paths=(),
        write_exif=write_exif or not sidecar,
        sidecar=sidecar,
        dry_run=dry_run,
        tags=tags,
        overwrite=overwrite,
        max_radius_km=max_radius_km,
        touch=touch,
    )
    with Decisions(report) as decisions:
        write(report, read_rows(report), decisions, options, show)
        if decisions.damaged:
            click.echo(f"{decisions.path}: damaged lines skipped: {decisions.damaged}", err=True)
    totals = [f"{count} {name}" for name, count in counts.items()]
    click.echo(", ".join(totals) or "no approved prediction is left to write")
    if counts[Status.FAILED]:
        sys.exit(SOME_FAILED)
