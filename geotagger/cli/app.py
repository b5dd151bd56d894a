"""`geotagger app`: from folders to placed photos, on a local page."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument(
    "folders", nargs=-1, metavar="[FOLDER]...", type=click.Path(path_type=Path, file_okay=False)
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    show_default=True,
    help="Port on this machine; 0 for a free one.",
)
@click.option("--no-browser", is_flag=True, help="Only print the address.")
@click.option("--window", is_flag=True, help="Open a window of its own; needs the extra app.")
@click.option(
    "--install-shortcut", is_flag=True, help="Add geotagger to the programs of the desktop."
)
def app(
    folders: tuple[Path, ...], port: int, no_browser: bool, window: bool, install_shortcut: bool
) -> None:
    """Choose folders, predict, review and write on one local page.

    The page is served to this machine only. Photos are written only when you say so, after a dry
    run. Closing the window leaves a run going; the same command comes back to it. Ctrl+C ends the
    app; the next start goes on where it stopped.

    \b
    geotagger app
    geotagger app ~/Photos
    geotagger app --install-shortcut
    """
    if install_shortcut:
        from geotagger.app.shortcut import install

        click.echo(f"geotagger is among your programs now: {install()}")
        return
    from geotagger.app.start import start

    absolute = [folder.absolute() for folder in folders]
    start(absolute, port, no_browser=no_browser, window=window)
