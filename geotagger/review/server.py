"""The addresses of the review."""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from geotagger.config import Overwrite, RunOptions
from geotagger.errors import PhotoError
from geotagger.loopback.answers import get, post
from geotagger.loopback.guard import AccessGuard, OneTimeToken
from geotagger.loopback.serving import LOOPBACK, LoopbackServer, hosts
from geotagger.reports.page.render import REVIEW, data, outlines
from geotagger.review.names import find_places, name_at
from geotagger.review.pictures import SIDES_PX
from geotagger.review.session import PAGE, ReviewSession

if TYPE_CHECKING:
    from starlette.requests import Request

ABOUT = (
    "Decisions are kept beside the report at once. Nothing is written into photos before you press"
    " Write."
)
"""What the help of the page says of it."""
CurrentSession = Callable[[], ReviewSession]
"""Gives the session; raises LookupError if there is none."""


def make_application(session: ReviewSession, port: int, token: str) -> AccessGuard:
    """The application behind its access guard; `token` opens it once, at `port`."""

    def current() -> ReviewSession:
        return session

    routes = [
        Route("/", lambda _: _page(session)),
        *row_routes(current),
        get("/api/columns", lambda _: session.columns()),
        get("/api/plan", lambda _: session.plan()),
        get("/api/write", lambda _: session.progress()),
        post("/api/decide", session.decide),
        post("/api/write", lambda value: _started(session, value)),
    ]
    app = Starlette(routes=routes)
    return AccessGuard(app, hosts(port), OneTimeToken(token).take, "geotagger review")


def row_routes(session: CurrentSession) -> list[Route]:
    """The addresses of rows, pictures and places."""
    return [
        get("/api/towns", lambda _: session().index.towns()),
        get("/api/rows/{page:int}", lambda r: session().rows(r.path_params["page"])),
        get("/api/search", lambda r: {"found": _base64(session().index.search(_query(r)))}),
        get("/api/places", lambda r: {"places": find_places(_query(r))}),
        get("/api/name", lambda r: {"name": name_at(*_position(r)) or "at sea"}),
        post("/api/undo", lambda _: session().undo()),
        Route("/photos/{row:int}/{kind}", lambda r: _picture(session, r)),
    ]


def serve(session: ReviewSession, port: int, on_ready: Callable[[str], None]) -> None:
    """Runs the server until it is interrupted.

    Args:
        port: 0 for a free one.
        on_ready: called with the address to open.

    Raises:
        UsageError: the port cannot be used.
    """
    with LoopbackServer(port) as server:
        token = secrets.token_urlsafe(32)
        on_ready(f"http://{LOOPBACK}:{server.port}/?token={token}")
        server.run(make_application(session, server.port, token))


def _page(session: ReviewSession) -> Response:
    setup = {"name": session.report.name, "block": PAGE, "about": ABOUT, "warning": ""}
    if session.decisions.damaged:
        damaged = f"damaged lines in {session.decisions.path.name}: {session.decisions.damaged}"
        setup["warning"] = f"Skipped {damaged}. All other decisions are loaded."
    parts = [
        REVIEW.head(f"Review: {session.report.name}"),
        data("setup", setup),
        outlines(),
        REVIEW.tail(),
    ]
    policy = f"{REVIEW.content_policy}; frame-ancestors 'none'"
    return HTMLResponse("".join(parts), headers={"Content-Security-Policy": policy})


def _picture(session: CurrentSession, request: Request) -> Response:
    kind = request.path_params["kind"]
    if kind not in SIDES_PX:
        return JSONResponse({"error": "unknown kind of picture"}, 404)
    try:
        now = session()
        key = now.index.key(request.path_params["row"])
        return Response(now.pictures.picture(key, kind), media_type="image/webp")
    except (LookupError, OverflowError) as error:
        return JSONResponse({"error": str(error)}, 404)
    except PhotoError as error:
        return JSONResponse({"error": str(error)}, 409)


def _started(session: ReviewSession, value: Any) -> dict[str, Any]:
    mode = value["mode"]
    if mode not in ("exif", "sidecar"):
        raise ValueError(f"unknown mode: {mode!r:.40}")
    options = RunOptions(
        paths=(),
        write_exif=mode == "exif",
        sidecar=mode == "sidecar",
        overwrite=Overwrite.PREDICTED,
    )
    session.write(options, int(value["photos"]))
    return session.progress()


def _base64(data: bytes) -> str:
    return b64encode(data).decode()


def _query(request: Request) -> str:
    return request.query_params.get("q", "")[:500]


def _position(request: Request) -> tuple[float, float]:
    return float(request.query_params["lat"]), float(request.query_params["lon"])
