"""What a browser may send to the app, and what the app reads back from its own folder."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import quote_from_bytes, unquote

from starlette.responses import PlainTextResponse

from geotagger.app.path_ids import path_id
from geotagger.app.project import LastRun, project_of
from geotagger.app.server import make_application
from geotagger.app.workspace import Workspace
from geotagger.loopback import guard
from geotagger.loopback.serving import hosts
from geotagger.types import Level, Outcome, Photo, Status
from tests.fixtures.reviewing import guess
from tests.fixtures.samples import PISA, write_report
from tests.fuzz.target import Target

PORT = 8123
TOKEN = "t0ken"
MARK = b"@PHOTOS@"
"""In a request: the folder that is open."""
PLAIN_SIGNS = bytes(range(0x21, 0x7F))
WRITE = {"mode": "exif", "tags": ["gps", "region"], "max_radius_km": 20, "overwrite": "predicted"}
CHOICE = {
    "models": ["starter"], "tracks": [{"path": "@PHOTOS@"}], "area": "Italy, France",
    "read_text": False, "min_confidence": 0.5, "clock_offset": "+01:30", "exclude": ["a*", "/b/"],
    "device": "cpu", "write": WRITE,
}  # fmt: skip
CHANGE = {"run": 0, "ids": [0, 1], "state": "corrected", "lat": 1.5, "lon": 2.5, "radius_km": 3.0}
BODIES: dict[str, dict[str, Any]] = {
    "open": {"folders": [{"path": "@PHOTOS@"}]},
    "command": {"options": CHOICE},
    "decide": {**CHANGE, "note": "x"},
    "dry-run": {"write": WRITE},
    "write": {"write": WRITE, "photos": 0},
    "untag": {"photos": 0},
    "models/pull": {"name": "no-such-model", "accept_licence": True},
}
TARGETS = [
    b"/api/folders?path=@PHOTOS@&kind=tracks", b"/api/folders?id=L3RtcA==", b"/api/columns?from=1",
    b"/api/rows/0", b"/api/search?q=pisa%20tower", b"/api/places?q=Paris%2C+France",
    b"/api/name?lat=48.85&lon=2.35", b"/photos/0/thumbnail", b"/photos/1/preview?x=1",
]  # fmt: skip
"""Of requests that change nothing."""
HEADERS = [
    ["host", f"127.0.0.1:{PORT}"], ["origin", f"http://127.0.0.1:{PORT}"],
    ["cookie", "a=b; geotagger-8123=@SECRET@; c=d"], ["sec-fetch-site", "same-origin"],
    ["content-type", "application/json"], ["content-length", "2"],
]  # fmt: skip


@contextmanager
def opened_app(folder: Path) -> Iterator[Workspace]:
    """A workspace with two rows, and a folder of its own for all that it keeps."""
    photos = folder / "Photos"
    photos.mkdir()
    outcomes = []
    for name in ("a.jpg", "b.jpg"):
        (photos / name).write_bytes(b"\xff\xd8\xff no picture")
        photo = Photo(photos / name, photos)
        prediction = guess(PISA, Level.CITY, 0.9, 12.0)
        outcomes.append(
            Outcome(photo, Status.PREDICTED, prediction=prediction, sha256="a" * 64, model="m@0")
        )
    with patch.dict(os.environ, {"GEOTAGGER_STATE": str(folder / "state")}):
        project = project_of([photos]).saved(last_run=LastRun.DONE, rows=2)
        write_report(project.report, outcomes)
        workspace = Workspace()
        try:
            yield workspace
        finally:
            workspace.shut_down()


def answer_of(
    app: Any, method: str, target: bytes, headers: list[list[bytes]], body: bytes = b""
) -> tuple[int, bytes, bytes]:
    """Status, type and content of the answer, as a server for ASGI asks for them."""
    path, _, query = quote_from_bytes(target, PLAIN_SIGNS).encode().partition(b"?")
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http",
        "method": method, "path": unquote(path.decode()), "raw_path": path, "query_string": query,
        "root_path": "", "headers": headers, "client": ("127.0.0.1", 1), "server": ("", PORT),
    }  # fmt: skip
    messages = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def note(message: dict[str, Any]) -> None:
        messages.append(message)

    asyncio.run(app(scope, receive, note))
    content = b"".join(message.get("body", b"") for message in messages)
    kind = dict(messages[0]["headers"]).get(b"content-type", b"")
    return messages[0]["status"], kind, content


def _answered(file: Path, method: str, target: bytes, body: bytes) -> None:
    """The answer is JSON, a picture or a refusal, and no photo is touched."""
    with opened_app(file.parent) as workspace:
        photos = file.parent / "Photos"
        workspace.open_folders([photos])
        workspace.plan()
        app = make_application(workspace, PORT, lambda token: token == TOKEN).app
        mark = os.fsencode(photos)
        body, target = body.replace(MARK, mark), target.replace(MARK, mark)
        body = body.replace(b'"run": 0', b'"run": %d' % workspace.state()["run"])
        before = _sha256s(photos)
        status, kind, content = answer_of(app, method, target, [], body)
        if kind == b"application/json":
            json.loads(content)
        json.dumps(workspace.whole_state()).encode()
        assert 200 <= status < 500, content[:200]
        job = workspace.session().job if workspace._open else None
        while job is not None and job.is_running:
            job.stop()
        assert _sha256s(photos) == before


def _sha256s(folder: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}


def read_body(file: Path) -> None:
    """The body of a request that changes something; the suffix names its address."""
    address = file.suffixes[0][1:].replace("+", "/")
    _answered(file, "POST", f"/api/{address}".encode(), file.read_bytes())


def read_target(file: Path) -> None:
    """The target of a request that changes nothing."""
    _answered(file, "GET", file.read_bytes(), b"")


def read_headers(file: Path) -> None:
    """Whoever is let in has sent the cookie, to the right host, from the right page."""
    try:
        headers = json.loads(file.read_bytes())
        pairs = [
            [name.encode("latin-1").lower(), value.encode("latin-1")] for name, value in headers
        ]
    except (ValueError, TypeError, AttributeError, RecursionError):
        return
    reached = []

    async def probe(scope: Any, receive: Any, send: Any) -> None:
        reached.append(scope)
        await PlainTextResponse("in")(scope, receive, send)

    gate = guard.AccessGuard(probe, hosts(PORT), lambda token: token == TOKEN, "x")
    secret = gate._secret.encode()
    sent = [[name, value.replace(b"@SECRET@", secret)] for name, value in pairs]
    with patch.object(guard, "PAUSE_S", 0):
        for method, target in (("GET", b"/"), ("POST", b"/"), ("GET", b"/?token=x")):
            reached.clear()
            status, _, _ = answer_of(gate, method, target, sent)
            assert status in (200, 403, 413, 415)
            assert (status == 200) == bool(reached)
            if reached:
                named = [value.decode("latin-1") for name, value in sent if name == b"host"]
                assert len(named) == 1
                assert named[0] in hosts(PORT)
                assert any(secret in value for name, value in sent if name == b"cookie")
            if reached and method == "POST":
                assert [b"origin", f"http://{named[0]}".encode()] in sent


def read_project(file: Path) -> None:
    """What the app kept is damaged: it starts, and the folders can be opened."""
    with opened_app(file.parent) as workspace:
        photos = file.parent / "Photos"
        project = project_of([photos])
        mark = path_id(photos).encode()
        text = file.read_bytes().replace(b"@ID@", mark)
        kept = project.folder / "project.json" if file.suffixes[0] == ".project" else None
        kept = kept or project.folder.parents[1] / "open.json"
        kept.write_bytes(text)
        again = Workspace()
        again.reopen()
        json.dumps(again.whole_state()).encode()
        again.shut_down()
        workspace.open_folders([photos])
        assert workspace.state()["folders"]


def request_targets() -> dict[str, Target]:
    bodies = {
        f".{name.replace('/', '+')}.json": json.dumps(body).encode()
        for name, body in BODIES.items()
    }
    addresses = {f".{number}.txt": address for number, address in enumerate(TARGETS)}
    project = {
        "folders": ["@ID@"],
        "options": {"models": ["starter"], "read_text": False},
        "last_run": "done",
        "rows": 2,
        "used_at": "2026-01-01T00:00:00+00:00",
    }
    kept = {".project.json": json.dumps(project).encode(), ".open.json": b'["@ID@"]'}
    return {
        "request body": Target(bodies, read_body),
        "request target": Target(addresses, read_target),
        "request headers": Target({".json": json.dumps(HEADERS).encode()}, read_headers),
        "kept project": Target(kept, read_project),
    }
