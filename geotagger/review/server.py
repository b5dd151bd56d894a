"""The addresses of the review, and its server on the loopback interface."""

from __future__ import annotations

import secrets
import socket
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from geotagger.errors import GeotaggerError, PhotoError, UsageError
from geotagger.reports.page.render import REVIEW, data, outlines
from geotagger.review.guard import AccessGuard
from geotagger.review.names import find_places, name_at
from geotagger.review.pictures import SIDES_PX
from geotagger.review.session import PAGE, ReviewSession

if TYPE_CHECKING:
    from starlette.requests import Request

LOOPBACK = "127.0.0.1"
ABOUT = (
    "Decisions are kept beside the report at once. Nothing is written into photos before you press"
    " Write."
)
"""What the help of the page says of it."""
Answer = Callable[["Request"], Any]


def make_application(session: ReviewSession, port: int, token: str) -> AccessGuard:
    """The application behind its access guard; `token` opens it once, at `port`."""
    routes = [
        Route("/", lambda _: _page(session)),
        _get("/api/columns", lambda _: session.columns()),
        _get("/api/towns", lambda _: session.index.columns.towns()),
        _get("/api/rows/{page:int}", lambda r: session.rows(r.path_params["page"])),
        _get("/api/search", lambda r: {"found": _base64(session.index.search(_query(r)))}),
        _get("/api/places", lambda r: {"places": find_places(_query(r))}),
        _get("/api/name", lambda r: {"name": name_at(*_position(r)) or "at sea"}),
        _get("/api/plan", lambda _: session.plan()),
        _get("/api/write", lambda _: session.progress()),
        _post("/api/decide", session.decide),
        _post("/api/undo", lambda _: session.undo()),
        _post("/api/write", lambda value: _started(session, value)),
        Route("/photos/{row:int}/{kind}", lambda r: _picture(session, r)),
    ]
    return AccessGuard(Starlette(routes=routes), (f"{LOOPBACK}:{port}", f"localhost:{port}"), token)


def serve(session: ReviewSession, port: int, on_ready: Callable[[str], None]) -> None:
    """Runs the server until it is interrupted.

    Args:
        port: 0 for a free one.
        on_ready: called with the address to open.

    Raises:
        UsageError: the port cannot be used.
    """
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((LOOPBACK, port))
        except OSError as error:
            raise UsageError(
                f"port {port} cannot be used: {error.strerror}: choose another"
            ) from error
        listening.listen()
        port = listening.getsockname()[1]
        token = secrets.token_urlsafe(32)
        app = make_application(session, port, token)
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws="none",
            lifespan="off",
        )
        on_ready(f"http://{LOOPBACK}:{port}/?token={token}")
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listening])


def _page(session: ReviewSession) -> Response:
    setup = {"name": session.report.name, "block": PAGE, "about": ABOUT, "warning": ""}
    if session.decisions.damaged:
        damaged = f"{session.decisions.damaged} damaged lines in {session.decisions.path.name}"
        setup["warning"] = f"{damaged} were skipped; all other decisions are loaded."
    parts = [
        REVIEW.head(f"Review: {session.report.name}"),
        data("setup", setup),
        outlines(),
        REVIEW.tail(),
    ]
    policy = f"{REVIEW.content_policy}; frame-ancestors 'none'"
    return HTMLResponse("".join(parts), headers={"Content-Security-Policy": policy})


def _picture(session: ReviewSession, request: Request) -> Response:
    kind = request.path_params["kind"]
    if kind not in SIDES_PX:
        return JSONResponse({"error": "unknown kind of picture"}, 404)
    try:
        key = session.index.key(request.path_params["row"])
        return Response(session.pictures.picture(key, kind), media_type="image/webp")
    except (LookupError, OverflowError) as error:
        return JSONResponse({"error": str(error)}, 404)
    except PhotoError as error:
        return JSONResponse({"error": str(error)}, 409)


def _get(path: str, answer: Answer) -> Route:
    return Route(path, lambda request: _answered(answer, request), methods=["GET"])


def _post(path: str, answer: Callable[[Any], Any]) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            value = await request.json()
        except (ValueError, RecursionError):
            return JSONResponse({"error": "this is not JSON"}, 400)
        if not isinstance(value, dict):
            return JSONResponse({"error": "this is not a JSON object"}, 400)
        return await run_in_threadpool(_answered, answer, value)

    return Route(path, endpoint, methods=["POST"])


def _answered(answer: Callable[[Any], Any], value: Any) -> Response:
    try:
        return JSONResponse(answer(value))
    except LookupError as error:
        return JSONResponse({"error": str(error)}, 404)
    except (ValueError, OverflowError, TypeError) as error:
        return JSONResponse({"error": str(error)}, 400)
    except GeotaggerError as error:
        return JSONResponse({"error": str(error)}, 500)


def _started(session: ReviewSession, value: Any) -> dict[str, Any]:
    session.write(str(value["mode"]), int(value["photos"]))
    return session.progress()


def _base64(data: bytes) -> str:
    return b64encode(data).decode()


def _query(request: Request) -> str:
    return request.query_params.get("q", "")[:500]


def _position(request: Request) -> tuple[float, float]:
    return float(request.query_params["lat"]), float(request.query_params["lon"])
