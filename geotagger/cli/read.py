"""`geotagger read`: the text in photos and its cues."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from geotagger.cli.flags import DEVICES, PATHS, SOME_FAILED, TEXT_BACKEND
from geotagger.config import TextBackend


@click.command()
@PATHS
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per photo and line.")
@click.option(
    "--text-device",
    type=DEVICES,
    default="auto",
    show_default=True,
    help="Device that reads the text. A device that does not run is an error.",
)
@TEXT_BACKEND
def read(
    paths: tuple[Path, ...], as_json: bool, text_device: str, text_backend: TextBackend
) -> None:
    """Show the text in photos and what it says about the place.

    Prints the lines of text, each cue in them with its countries and towns and their likelihood
    ratios, and the cues combined. "SE x40" means that the cue is 40 times as likely in Sweden as in
    most other places. Photos are not changed.

    \b
    geotagger read IMG_0042.jpg
    geotagger read ~/Photos --json
    """
    from geotagger.text.explain import explain_text

    failed = False
    for explanation in explain_text(paths, text_device, text_backend):
        click.echo(explanation.to_json() if as_json else explanation.to_text())
        failed |= bool(explanation.problem)
    if failed:
        sys.exit(SOME_FAILED)
