"""`geotagger untag`: photos as they were."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from geotagger.cli.flags import PATHS, SOME_FAILED


@click.command()
@PATHS
def untag(paths: tuple[Path, ...]) -> None:
    """Put photos back exactly as they were before geotagger wrote to them, sidecars too.

    Where another program has written since, only what is geotagger's is taken out.

    \b
    geotagger untag ~/Photos
    geotagger untag IMG_0042.jpg IMG_0043.jpg.xmp
    """
    from geotagger.output import untag as restore

    counts = restore.run(paths, lambda line: click.echo(line, err=True))
    click.echo(", ".join(f"{count} {name}" for name, count in counts.items()) or "nothing to do")
    if counts.get("failed"):
        sys.exit(SOME_FAILED)
