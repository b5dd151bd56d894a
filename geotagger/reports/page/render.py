"""Renders the page of the HTML report and of the review: one file that loads nothing.

It contains its style and script, and its Content-Security-Policy names them by their hashes. So no
other script or style runs, whatever a report contains. Data are in
`<script type="application/json">`, which no browser runs.
"""

from __future__ import annotations

import json
from base64 import b64encode
from functools import cache
from hashlib import sha256
from html import escape
from importlib import resources

from geotagger.data import read_json

TILES = "https://tile.openstreetmap.org"
"""Server of map images, used only after a person has switched them on."""
SCRIPTS = (
    "elements",
    "store",
    "projection",
    "outlines",
    "clusters",
    "marks",
    "map",
    "gestures",
    "filters",
    "list",
    "details",
    "review",
    "main",
)
"""The parts of the page's script, in this order."""


def head(title: str, *, served: bool = False) -> str:
    """The document up to the place for data."""
    text = _read("page.html").partition("<!-- data -->")[0]
    return (
        text.replace("{{policy}}", escape(content_policy(served=served)))
        .replace("{{title}}", escape(title))
        .replace("{{style}}", _style())
    )


def data(name: str, value: object) -> str:
    """A block of data, which the script finds by its class."""
    return f'<script type="application/json" class="{name}">{as_json(value)}</script>\n'


def as_json(value: object) -> str:
    """JSON without characters that could end a script element or start a comment."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def outlines() -> str:
    """The coasts and borders as a block of data."""
    return data("outlines", read_json("outlines.json"))


def tail() -> str:
    """The end of the document."""
    return _read("page.html").partition("<!-- data -->")[2].replace("{{script}}", _script())


@cache
def content_policy(*, served: bool = False) -> str:
    """Allows only this script, this style and pictures: no connection, frame, form or plugin.

    A page that is `served` may connect to its own server.
    """
    own, connect = ("'self' ", "; connect-src 'self'") if served else ("", "")
    return (
        "default-src 'none'; base-uri 'none'; form-action 'none'; "
        f"script-src '{_hash(_script())}'; style-src '{_hash(_style())}'; "
        f"img-src {own}data: blob: {TILES}{connect}"
    )


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode('utf-8')).digest()).decode('ascii')}"


@cache
def _script() -> str:
    parts = "\n".join(_read(f"{name}.js") for name in SCRIPTS)
    return f'\n"use strict";\n{parts}'


@cache
def _style() -> str:
    return f"\n{_read('page.css')}"


@cache
def _read(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")
