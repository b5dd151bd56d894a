"""`geotagger read`: the analyst's microscope for text in photos."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from geotagger.cli.flags import DEVICES, PATHS, SOME_FAILED


@click.command()
@PATHS
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per photo and line.")
@click.option(
    "--text-device",
    type=DEVICES,
    default="auto",
    show_default=True,
    help="Where the text is read. A device that does not run is an error.",
)
def read(paths: tuple[Path, ...], as_json: bool, text_device: str) -> None:
    """Show the text in photos, and what each word of it says of the place.

    Prints the lines that were read, every cue found in them with the countries and towns that it
    speaks for and how strongly, and what they come to together. "SE x40": the cue is 40 times as
    likely to be met in Sweden as in most other places. Nothing is written.

    \b
    geotagger read IMG_0042.jpg
    geotagger read ~/Photos --json
    """
    from geotagger.text.explain import explain_text

    failed = False
    for explanation in explain_text(paths, text_device):
        click.echo(explanation.to_json() if as_json else explanation.to_text())
        failed |= bool(explanation.problem)
    if failed:
        sys.exit(SOME_FAILED)
