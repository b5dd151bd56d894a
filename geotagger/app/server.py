"""The addresses of the app; `geotagger/app/page/` makes the page that uses them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from geotagger.app.doorway import Doorway
from geotagger.app.events import event_stream
from geotagger.app.page.render import app_page, policy
from geotagger.app.workspace import COMMAND, Workspace
from geotagger.geography.places import load_places
from geotagger.loopback.answers import get, post
from geotagger.loopback.guard import AccessGuard
from geotagger.loopback.serving import LoopbackServer, hosts
from geotagger.review.server import row_routes
from geotagger.review.session import PAGE
from geotagger.version import __version__

if TYPE_CHECKING:
    from starlette.requests import Request


def make_application(
    workspace: Workspace,
    port: int,
    take_token: Callable[[str], bool],
    *,
    is_closing: Callable[[], bool] = lambda: False,
    quit_server: Callable[[], None] = lambda: None,
) -> AccessGuard:
    """The application behind its access guard.

    Args:
        workspace: answers.
        port: where the server listens.
        take_token: whether a token lets a browser in.
        is_closing: whether the server is about to end.
        quit_server: ends it.
    """

    def leave(_: Any) -> dict[str, Any]:
        quit_server()
        return {}

    topics = {"state": workspace.state, **workspace.topics()}
    routes = [
        Route("/", lambda _: _page()),
        Route("/api/events", lambda _: event_stream(topics, is_closing)),
        *row_routes(workspace.session),
        get("/api/state", lambda _: workspace.whole_state()),
        get("/api/folders", lambda r: workspace.list_folders(r.query_params)),
        get("/api/models", lambda _: workspace.models()),
        get("/api/countries", lambda _: _countries()),
        get("/api/columns", lambda r: workspace.columns(_first_row(r))),
        get("/api/plan", lambda _: workspace.plan()),
        get("/api/write", lambda _: workspace.write_progress()),
        post("/api/open", workspace.open),
        post("/api/close", lambda _: workspace.close()),
        post("/api/example", lambda _: workspace.open_example()),
        post("/api/survey", lambda _: workspace.survey()),
        post("/api/survey/stop", lambda _: workspace.stop_survey()),
        post("/api/models/pull", workspace.pull),
        post("/api/models/pull/stop", lambda _: workspace.stop_pull()),
        post("/api/command", workspace.command),
        post("/api/run", workspace.run),
        post("/api/pause", lambda _: workspace.pause()),
        post("/api/resume", lambda _: workspace.resume()),
        post("/api/stop", lambda _: workspace.stop()),
        post("/api/decide", workspace.decide),
        post("/api/dry-run", workspace.rehearse),
        post("/api/write", workspace.write),
        post("/api/write/stop", lambda _: workspace.stop_write()),
        post("/api/untag", workspace.untag),
        post("/api/quit", leave),
    ]
    return AccessGuard(Starlette(routes=routes), hosts(port), take_token, COMMAND)


def serve(server: LoopbackServer, workspace: Workspace, doorway: Doorway) -> None:
    """Runs the server until it is interrupted, or a page ends it."""
    app = make_application(
        workspace,
        server.port,
        doorway.take,
        is_closing=lambda: server.is_closing,
        quit_server=server.stop,
    )
    server.run(app)


def _page() -> Response:
    html = app_page({"version": __version__, "block": PAGE})
    return HTMLResponse(
        html, headers={"Content-Security-Policy": f"{policy()}; frame-ancestors 'none'"}
    )


def _countries() -> list[list[str]]:
    """[ISO code, name] of each country of the places table, by name."""
    places = load_places()
    named = zip(places.country_codes, places.country_names, strict=True)
    return sorted(([str(code), str(name)] for code, name in named), key=lambda one: one[1])


def _first_row(request: Request) -> int:
    return max(0, int(request.query_params.get("from", 0)))
