"""Access control of a local page: only the browser that opened the printed address is answered.

The server listens on the loopback interface only. The Host of each request must be that address,
which stops foreign names that resolve to it (DNS rebinding). The printed address contains a token
that works once. It is exchanged for a cookie, which no script can read and which requests of other
sites do not carry. A request that changes something must come from this page (Origin). Tokens are
tried one after the other, and a wrong one makes the next wait.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
MAX_BYTES = 4 * 2**20
"""Largest request body: a batch of several 100,000 rows."""
PAUSE_S = 0.5
"""After a wrong token, until the next one is tried."""
MAX_WAITING = 8
"""Tokens that may wait to be tried; those beyond are not looked at."""


class OneTimeToken:
    """The token of the printed address."""

    def __init__(self, token: str) -> None:
        self._token = token

    def take(self, token: str) -> bool:
        """Whether this is the token; it is used up then."""
        is_right = bool(self._token) and _same(token, self._token)
        if is_right:
            self._token = ""
        return is_right


class AccessGuard:
    """ASGI middleware around the whole application.

    Args:
        app: answers the requests that are let through.
        hosts: the addresses of the server, each with its port.
        take_token: whether a token is right; it uses the token up.
        command: the command that prints the address, for messages.
    """

    def __init__(
        self,
        app: ASGIApp,
        hosts: Collection[str],
        take_token: Callable[[str], bool],
        command: str,
    ) -> None:
        self.app = app
        self.hosts = frozenset(hosts)
        self._take_token = take_token
        self._command = command
        self._secret = secrets.token_urlsafe(32)
        port = next(iter(self.hosts)).rpartition(":")[2]
        self.cookie = f"geotagger-{port}"  # cookies of all ports share one name space
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message["headers"], *extra]
            await send(message)

        request = Request(scope)
        answer = await self._exchange(request) or self._refusal(request)
        await (answer or self.app)(scope, receive, with_headers)

    async def _exchange(self, request: Request) -> Response | None:
        """Exchanges the token for the cookie, once."""
        token = request.query_params.get("token")
        if token is None or request.url.path != "/" or request.method != "GET":
            return None
        if not self._is_own_host(request):
            return _refused("the request names another host")
        if self._waiting >= MAX_WAITING:
            return _refused("too many wrong addresses: wait a few seconds", 429)
        if not await self._in_turn(token):
            return _refused(
                f"this address is wrong or was used already: start {self._command} again"
            )
        answer = RedirectResponse("/", status_code=303)
        answer.set_cookie(self.cookie, self._secret, httponly=True, samesite="strict", path="/")
        return answer

    async def _in_turn(self, token: str) -> bool:
        """Whether the token is right, one at a time; a wrong one makes those after it wait."""
        self._waiting += 1
        try:
            async with self._turn:
                is_right = self._take_token(token)
                if not is_right:
                    await asyncio.sleep(PAUSE_S)
        finally:
            self._waiting -= 1
        return is_right

    def _refusal(self, request: Request) -> Response | None:
        if not self._is_own_host(request):
            return _refused("the request names another host")
        if not _same(request.cookies.get(self.cookie, ""), self._secret):
            return _refused(f"open the address that {self._command} has printed")
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return _refused("the request comes from another site")
        if request.method in ("GET", "HEAD"):
            return None
        if request.headers.get("origin") != f"http://{request.headers['host']}":
            return _refused("the request comes from another site")
        if request.headers.get("content-type") != "application/json":
            return _refused("the request must be JSON", 415)
        length = request.headers.get("content-length", "")
        if not length.isdecimal() or int(length) > MAX_BYTES:
            return _refused("the request is too long", 413)
        return None

    def _is_own_host(self, request: Request) -> bool:
        return request.headers.getlist("host") in [[host] for host in self.hosts]


def _same(given: str, wanted: str) -> bool:
    return secrets.compare_digest(given.encode(), wanted.encode())


def _refused(why: str, status: int = 403) -> Response:
    return JSONResponse({"error": why}, status)
