"""How a person comes back to a server that runs: a second start of the app finds the first.

The running server holds a locked file that names its port. The second start leaves the SHA-256 of
a new token in a folder that only the user can read, and opens the address with the token; the
server accepts it once. No connection is opened for that.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from geotagger.app.path_ids import path_id, path_of_id
from geotagger.app.project import app_folder, write_whole
from geotagger.errors import UsageError
from geotagger.file_lock import lock
from geotagger.loopback.serving import LOOPBACK


class Doorway:
    """The tokens that a server accepts: those that were made since it started, once each.

    Args:
        on_wanted: called in a thread with the folders that the person who comes asks for.
    """

    def __init__(self, on_wanted: Callable[[Sequence[Path]], None]) -> None:
        self._on_wanted = on_wanted
        self._folder = app_folder() / "tokens"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for old in self._folder.iterdir():
            old.unlink(missing_ok=True)

    def take(self, token: str) -> bool:
        """Whether the token is right; it is used up then."""
        file = self._folder / _digest(token)
        try:
            wanted = [path_of_id(one) for one in json.loads(file.read_text("ascii"))]
            file.unlink()  # of two that come with one token, the second fails here
        except (OSError, ValueError, TypeError, RecursionError):
            return False
        if wanted:
            threading.Thread(target=self._on_wanted, args=(wanted,), daemon=True).start()
        return True


def new_address(port: int, folders: Sequence[Path] = ()) -> str:
    """An address that opens the page of the server at a port, once.

    Args:
        port: of the server.
        folders: what the page is to show; none for what is open.
    """
    token = secrets.token_urlsafe(32)
    tokens = app_folder() / "tokens"
    tokens.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(tokens / _digest(token), json.dumps([path_id(folder) for folder in folders]))
    return f"http://{LOOPBACK}:{port}/?token={token}"


@contextmanager
def announced(port: int) -> Iterator[None]:
    """Lets other starts find the server while it runs."""
    with _server_file().open("a+b") as file:
        lock(file, f"another {_server_file()} is in use")
        file.truncate(0)
        file.write(str(port).encode("ascii"))
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def running_port() -> int | None:
    """The port of the server that runs as this user; None if there is none."""
    try:
        with _server_file().open("rb") as file:
            text = file.read(8)
            lock(file, "a server runs")
    except UsageError:
        return int(text) if text.isdigit() else None
    except OSError:
        return None
    if os.name == "nt" and text.isdigit():  # no locks there: the file is empty without a server
        return int(text)
    return None


def _server_file() -> Path:
    folder = app_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / "server"


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
