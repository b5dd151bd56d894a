"""`geotagger review`: a page to look at a report, correct and approve it."""

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
    help="Port on this machine; 0 takes a free one.",
)
@click.option("--no-browser", is_flag=True, help="Only print the address.")
def review(report: Path, port: int, no_browser: bool) -> None:
    """Look at a report on a page, correct and approve it, then write what was approved.

    The page is served to this machine alone. Decisions are kept beside the report as they are made;
    nothing is written into photos before you say so. Ctrl+C ends it.

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
