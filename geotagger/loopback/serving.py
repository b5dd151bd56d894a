"""A server on the loopback interface, on a free port or a chosen one."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING

import uvicorn

from geotagger.errors import UsageError

if TYPE_CHECKING:
    from types import TracebackType

    from starlette.types import ASGIApp

LOOPBACK = "127.0.0.1"
MAX_SHUTDOWN_S = 5
"""Until connections that do not end are cut."""


class LoopbackServer:
    """Listens from the start; answers while it runs. A context manager: it closes the socket.

    Raises:
        UsageError: the port cannot be used.
    """

    def __init__(self, port: int) -> None:
        """
        Args:
            port: 0 for a free one.
        """
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((LOOPBACK, port))
        except OSError as error:
            self._socket.close()
            raise UsageError(
                f"port {port} cannot be used: {error.strerror}: choose another"
            ) from error
        self._socket.listen()
        self.port: int = self._socket.getsockname()[1]
        self._server: uvicorn.Server | None = None
        self._is_stopped = False

    def __enter__(self) -> LoopbackServer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    @property
    def is_closing(self) -> bool:
        """Whether it is about to end: answers without an end must end now."""
        return self._is_stopped or (self._server is not None and self._server.should_exit)

    def run(self, app: ASGIApp) -> None:
        """Answers requests until it is stopped or interrupted."""
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws="none",
            lifespan="off",
            timeout_graceful_shutdown=MAX_SHUTDOWN_S,
        )
        self._server = uvicorn.Server(config)
        if self._is_stopped:
            self._server.should_exit = True
        with suppress(KeyboardInterrupt):
            self._server.run(sockets=[self._socket])

    def stop(self) -> None:
        """Ends `run`, from any thread."""
        self._is_stopped = True
        if self._server is not None:
            self._server.should_exit = True


def hosts(port: int) -> tuple[str, str]:
    """The names that a request may call the server by."""
    return f"{LOOPBACK}:{port}", f"localhost:{port}"
