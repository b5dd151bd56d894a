"""Renders the pages: the HTML report, the review and the app. Each is one file that loads nothing.

A page contains its style and script, and its Content-Security-Policy names them by their hashes. So
no other script or style runs, whatever a report contains. Data are in
`<script type="application/json">`, which no browser runs.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from html import escape
from importlib import resources
from importlib.resources.abc import Traversable

from geotagger.data import read_json

TILES = "https://tile.openstreetmap.org"
"""Server of map images, used only after a person has switched them on."""


def parts(package: str, *names: str) -> tuple[Traversable, ...]:
    """Files of a package, of which a page is made."""
    folder = resources.files(package)
    return tuple(folder.joinpath(name) for name in names)


SHARED_STYLE = parts(__package__, "page.css")
SHARED_SCRIPT = parts(
    __package__,
    "elements.js",
    "cache.js",
    "columns.js",
    "projection.js",
    "outlines.js",
    "clusters.js",
    "marks.js",
    "map.js",
    "gestures.js",
    "filters.js",
    "list.js",
    "details.js",
    "viewer.js",
)
"""What all pages share: the map, the list and the chosen photo."""
SERVED_STYLE = (*SHARED_STYLE, *parts(__package__, "served.css"))
SERVED_SCRIPT = (
    *SHARED_SCRIPT,
    *parts(__package__, "server_store.js", "review.js", "filmstrip.js", "large.js"),
)
"""What the pages share that have a server: decisions, the day's photos, large pictures."""


@dataclass(frozen=True)
class Page:
    """The files that make a page."""

    heading: str
    script: tuple[Traversable, ...]
    """Joined in this order to one classic script."""
    style: tuple[Traversable, ...] = SHARED_STYLE
    slots: Mapping[str, Traversable] = field(default_factory=dict)
    """HTML by the name of its place in page.html; a place that is not named stays empty."""
    served: bool = False
    """Whether the page may connect to its own server."""

    def head(self, title: str) -> str:
        """The document up to the place for data."""
        return _filled(
            self._document.partition("<!-- data -->")[0],
            policy=escape(self.content_policy),
            title=escape(title),
            heading=escape(self.heading),
            style=self._style,
            **{name: part.read_text("utf-8") for name, part in self.slots.items()},
        )

    def tail(self) -> str:
        """The end of the document."""
        return _filled(self._document.partition("<!-- data -->")[2], script=self._script)

    @property
    def content_policy(self) -> str:
        """Allows only this script, this style and pictures: no frame, form or plugin.

        Only a page that is `served` may connect, and only to its own server.
        """
        own, connect = ("'self' ", "; connect-src 'self'") if self.served else ("", "")
        return (
            "default-src 'none'; base-uri 'none'; form-action 'none'; "
            f"script-src '{_hash(self._script)}'; style-src '{_hash(self._style)}'; "
            f"img-src {own}data: blob: {TILES}{connect}"
        )

    @property
    def _document(self) -> str:
        return _read(parts(__package__, "page.html"))

    @property
    def _script(self) -> str:
        return f'\n"use strict";\n{_read(self.script)}'

    @property
    def _style(self) -> str:
        return f"\n{_read(self.style)}"


REPORT = Page(
    "Photos by place",
    (*SHARED_SCRIPT, *parts(__package__, "file_store.js", "report_main.js")),
)
REVIEW = Page(
    "Review",
    (*SERVED_SCRIPT, *parts(__package__, "review_main.js")),
    SERVED_STYLE,
    served=True,
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


def _filled(text: str, **values: str) -> str:
    """The text with its places `{{name}}` filled; a value is never searched for places."""
    pieces = text.split("{{")
    filled = [pieces[0]]
    for piece in pieces[1:]:
        name, _, rest = piece.partition("}}")
        filled += [values.get(name, ""), rest]
    return "".join(filled)


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode('utf-8')).digest()).decode('ascii')}"


@cache
def _read(files: tuple[Traversable, ...]) -> str:
    return "\n".join(file.read_text("utf-8") for file in files)
