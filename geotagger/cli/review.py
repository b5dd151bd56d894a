"""`geotagger review`: review a report on a local page."""

from __future__ import annotations

from pathlib import Path

import click

REPORT = click.argument(
    "report", metavar="REPORT", type=click.Path(path_type=Path, dir_okay=False, exists=True)
)


@click.command()
@REPORT
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    show_default=True,
    help="Port on this machine; 0 for a free one.",
)
@click.option("--no-browser", is_flag=True, help="Only print the address.")
def review(report: Path, port: int, no_browser: bool) -> None:
    """Review a report on a local page: approve, correct and reject predictions.

    The page is served to this machine only. Each decision is saved next to the report at once.
    Photos are written only when you say so. Ctrl+C ends the review.

    \b
    geotagger tag ~/Photos --report places.csv
    geotagger review places.csv
    """
    import webbrowser

    from geotagger.review.decisions import Decisions
    from geotagger.review.server import serve
    from geotagger.review.session import ReviewSession

    def ready(address: str) -> None:
        click.echo(f"review: {address}", err=True)
        click.echo("the address works once; Ctrl+C ends the review", err=True)
        if not no_browser:
            webbrowser.open(address)

    with Decisions(report) as decisions:
        session = ReviewSession(report, decisions)
        try:
            serve(session, port, ready)
        finally:
            session.close()
