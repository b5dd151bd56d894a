"""A window of its own for the page, where pywebview is installed and there is a display."""

from __future__ import annotations

import click

TITLE = "geotagger"
WIDTH_PX, HEIGHT_PX = 1280, 860


def open_window(address: str) -> bool:
    """Opens the page in a window until that is closed; False if there can be none."""
    try:
        import webview
    except ImportError:
        click.echo(
            "no window without pywebview (pip install 'geotagger-photos[app]'): it opens in the"
            " browser",
            err=True,
        )
        return False
    try:
        webview.create_window(TITLE, address, width=WIDTH_PX, height=HEIGHT_PX, text_select=True)
        webview.start()
    except webview.errors.WebViewException as error:
        click.echo(f"no window here ({error}): it opens in the browser", err=True)
        return False
    return True
