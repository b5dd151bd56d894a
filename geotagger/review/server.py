"""The review's addresses, and the server that answers them on the loopback."""

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
from geotagger.reports.page import render as page
from geotagger.review.guard import Guard
from geotagger.review.names import find_places, name_of
from geotagger.review.pictures import SIDES_PX
from geotagger.review.session import PAGE, Session

if TYPE_CHECKING:
    from starlette.requests import Request

LOOPBACK = "127.0.0.1"
Answer = Callable[["Request"], Any]


def make_app(session: Session, port: int, token: str) -> Guard:
    """The whole application; `token` opens it once, at that port of this machine."""
    routes = [
        Route("/", lambda _: _page(session)),
        _json("/api/columns", lambda _: session.columns()),
        _json("/api/towns", lambda _: session.index.columns.towns()),
        _json("/api/rows/{page:int}", lambda r: session.rows(r.path_params["page"])),
        _json("/api/search", lambda r: {"found": _base64(session.index.search(_query(r)))}),
        _json("/api/places", lambda r: {"places": find_places(_query(r))}),
        _json("/api/name", lambda r: {"name": name_of(*_position(r)) or "at sea"}),
        _json("/api/plan", lambda _: session.plan()),
        _json("/api/write", lambda _: session.writing()),
        _change("/api/decide", session.decide),
        _change("/api/undo", lambda _: session.undo()),
        _change("/api/write", lambda value: _started(session, value)),
        Route("/photos/{row:int}/{kind}", lambda r: _picture(session, r)),
    ]
    return Guard(Starlette(routes=routes), (f"{LOOPBACK}:{port}", f"localhost:{port}"), token)


def serve(session: Session, port: int, on_ready: Callable[[str], None]) -> None:
    """Answers until it is interrupted; `on_ready` gets the address to open.

    Port 0 takes a free one. Raises UsageError when the port is taken.
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
        app = make_app(session, port, token)
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


def _page(session: Session) -> Response:
    setup = {"review": True, "name": session.report.name, "block": PAGE, "warning": ""}
    if session.decisions.damaged:
        damaged = f"{session.decisions.damaged} damaged lines in {session.decisions.path.name}"
        setup["warning"] = f"{damaged} were left out; all other decisions are here."
    parts = [
        page.head(f"Review: {session.report.name}", served=True),
        page.data("setup", setup),
        page.outlines(),
        page.tail(),
    ]
    policy = f"{page.content_policy(served=True)}; frame-ancestors 'none'"
    return HTMLResponse("".join(parts), headers={"Content-Security-Policy": policy})


def _picture(session: Session, request: Request) -> Response:
    kind = request.path_params["kind"]
    if kind not in SIDES_PX:
        return JSONResponse({"error": "there is no such picture"}, 404)
    try:
        key = session.index.key(request.path_params["row"])
        return Response(session.pictures.picture(key, kind), media_type="image/webp")
    except (LookupError, OverflowError) as error:
        return JSONResponse({"error": str(error)}, 404)
    except PhotoError as error:
        return JSONResponse({"error": str(error)}, 409)


def _json(path: str, answer: Answer) -> Route:
    return Route(path, lambda request: _answered(answer, request), methods=["GET"])


def _change(path: str, answer: Callable[[Any], Any]) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            value = await request.json()
        except (ValueError, RecursionError):
            return JSONResponse({"error": "this is no JSON"}, 400)
        if not isinstance(value, dict):
            return JSONResponse({"error": "an object was expected"}, 400)
        return await run_in_threadpool(_answered, answer, value)

    return Route(path, endpoint, methods=["POST"])


def _answered(answer: Callable[[Any], Any], asked: Any) -> Response:
    try:
        return JSONResponse(answer(asked))
    except LookupError as error:
        return JSONResponse({"error": str(error)}, 404)
    except (ValueError, OverflowError, TypeError) as error:
        return JSONResponse({"error": str(error)}, 400)
    except GeotaggerError as error:
        return JSONResponse({"error": str(error)}, 500)


def _started(session: Session, value: Any) -> dict[str, Any]:
    session.write(str(value["mode"]), int(value["photos"]))
    return session.writing()


def _base64(data: bytes) -> str:
    return b64encode(data).decode()


def _query(request: Request) -> str:
    return request.query_params.get("q", "")[:500]


def _position(request: Request) -> tuple[float, float]:
    return float(request.query_params["lat"]), float(request.query_params["lon"])
