"""Who may talk to the review: the browser that was given the address, and no page of another site.

The server listens on the loopback alone. Each request must name that very address as its Host, so
that no foreign name that resolves here is answered (DNS rebinding). The address that is opened
holds a token that works once; it is exchanged for a cookie that no script can read and that no
other site's request carries. What changes something must also come from this very page (Origin).
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

if TYPE_CHECKING:
    from collections.abc import Collection

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
"""Of what a page may send: a batch of several 100,000 rows."""


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, hosts: Collection[str], token: str) -> None:
        self.app = app
        self.hosts = frozenset(hosts)
        self._token = token
        self._secret = secrets.token_urlsafe(32)
        port = next(iter(self.hosts)).rpartition(":")[2]
        self.cookie = f"geotagger-{port}"  # browsers do not tell cookies of two ports apart

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
        answer = self._exchange(request) or self._refusal(request)
        await (answer or self.app)(scope, receive, with_headers)

    def _exchange(self, request: Request) -> Response | None:
        """The token for the cookie, once."""
        token = request.query_params.get("token")
        if token is None or request.url.path != "/" or request.method != "GET":
            return None
        if not self._host_is_ours(request):
            return _refused("this is another host's name")
        if not self._token or not _same(token, self._token):
            return _refused(
                "this address has been used already, or is wrong: start the review again"
            )
        self._token = ""
        answer = RedirectResponse("/", status_code=303)
        answer.set_cookie(self.cookie, self._secret, httponly=True, samesite="strict", path="/")
        return answer

    def _refusal(self, request: Request) -> Response | None:
        if not self._host_is_ours(request):
            return _refused("this is another host's name")
        if not _same(request.cookies.get(self.cookie, ""), self._secret):
            return _refused("please open the address that geotagger review has printed")
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return _refused("another site asks")
        if request.method in ("GET", "HEAD"):
            return None
        if request.headers.get("origin") != f"http://{request.headers['host']}":
            return _refused("another site asks")
        if request.headers.get("content-type") != "application/json":
            return _refused("only JSON is taken", 415)
        length = request.headers.get("content-length", "")
        if not length.isdecimal() or int(length) > MAX_BYTES:
            return _refused("this is too long", 413)
        return None

    def _host_is_ours(self, request: Request) -> bool:
        return request.headers.getlist("host") in [[host] for host in self.hosts]


def _same(given: str, wanted: str) -> bool:
    return secrets.compare_digest(given.encode(), wanted.encode())


def _refused(why: str, status: int = 403) -> Response:
    return JSONResponse({"error": why}, status)
