"""Starts the app: a server, or the way back to one that runs."""

from __future__ import annotations

import signal
import sys
import threading
import time
import webbrowser
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import click

from geotagger.app.doorway import Doorway, announced, new_address, running_port
from geotagger.app.server import serve
from geotagger.app.window import open_window
from geotagger.app.workspace import COMMAND, Workspace
from geotagger.errors import GeotaggerError
from geotagger.loopback.serving import LoopbackServer

MAX_UNSEEN_S = 600.0
LOOK_EVERY_S = 1.0


def start(folders: Sequence[Path], port: int, *, no_browser: bool, window: bool) -> None:
    """Serves the page until it is interrupted; or opens that of a server that runs already.

    Args:
        folders: what the page is to show; none for what was open the last time.
        port: 0 for a free one.
        no_browser: only print the address.
        window: open a window of its own.

    Raises:
        UsageError: the port cannot be used, or there is no window.
    """
    if (running := running_port()) is not None:
        address = new_address(running, folders)
        click.echo(f"app: {address}", err=True)
        click.echo("it runs already, and this address comes back to it", err=True)
        if not (window and open_window(address)) and not no_browser:
            webbrowser.open(address)
        return
    with LoopbackServer(port) as server, announced(server.port):
        workspace = Workspace()
        doorway = Doorway(lambda wanted: _open(workspace, wanted))
        _open(workspace, folders)
        signal.signal(signal.SIGTERM, _interrupted)  # uvicorn raises what it has caught again
        address = new_address(server.port)
        click.echo(f"app: {address}", err=True)
        click.echo(f"closing the page leaves a run going: {COMMAND} comes back to it", err=True)
        click.echo("Ctrl+C ends the app; the next start goes on from there", err=True)
        try:
            if not window:
                _in_browser(address, server, workspace, no_browser=no_browser)
                serve(server, workspace, doorway)
            else:
                _in_window(address, server, workspace, doorway, no_browser=no_browser)
        finally:
            if workspace.is_busy:
                click.echo("ending; the photos in hand are finished first", err=True)
            workspace.shut_down()


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def _open(workspace: Workspace, folders: Sequence[Path]) -> None:
    """Opens the folders, or those of the last time."""
    if not folders:
        workspace.reopen()
        return
    try:
        workspace.open_folders(folders)
    except GeotaggerError as error:
        click.echo(str(error), err=True)


def _leave(server: LoopbackServer, workspace: Workspace) -> None:
    """Ends a server without a terminal that nobody looks at and that has nothing to do."""
    while workspace.is_busy or workspace.unseen_s < MAX_UNSEEN_S:
        time.sleep(LOOK_EVERY_S)
    server.stop()


def _in_browser(
    address: str, server: LoopbackServer, workspace: Workspace, *, no_browser: bool
) -> None:
    """Opens the page in the browser."""
    if not no_browser:
        webbrowser.open(address)
    if not sys.stderr.isatty():
        threading.Thread(target=_leave, args=(server, workspace), daemon=True).start()


def _in_window(
    address: str,
    server: LoopbackServer,
    workspace: Workspace,
    doorway: Doorway,
    *,
    no_browser: bool,
) -> None:
    """Opens a window, which needs the main thread; a browser if there can be none.

    When the window is closed, a run that is on goes on to its end, and the server with it.
    """
    thread = threading.Thread(target=serve, args=(server, workspace, doorway))
    thread.start()
    try:
        if not open_window(address):
            with suppress(KeyboardInterrupt):
                _in_browser(address, server, workspace, no_browser=no_browser)
                thread.join()
            return
        if workspace.is_busy:
            click.echo(f"the window is closed, the run goes on: {COMMAND} comes back", err=True)
        while workspace.is_busy:
            time.sleep(LOOK_EVERY_S)
    finally:
        server.stop()
        thread.join()
