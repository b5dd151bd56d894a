"""`geotagger untag`: restore photos and sidecars."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from geotagger.cli.flags import PATHS, SOME_FAILED, TOUCH


@click.command()
@PATHS
@TOUCH
def untag(paths: tuple[Path, ...], touch: bool) -> None:
    """Restore photos to the state before geotagger wrote to them.

    The file is the same byte for byte. If another program has written to it since, only the tags
    that geotagger wrote are removed. Sidecars that geotagger wrote are removed too.

    \b
    geotagger untag ~/Photos
    geotagger untag IMG_0042.jpg IMG_0043.jpg.xmp
    """
    from geotagger.output import untag as restore

    counts = restore.run(paths, lambda line: click.echo(line, err=True), touch=touch)
    click.echo(", ".join(f"{count} {name}" for name, count in counts.items()) or "nothing to do")
    if counts.get("failed"):
        sys.exit(SOME_FAILED)
