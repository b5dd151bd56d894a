"""A self-contained HTML page: it has no script and loads nothing."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geotagger.plots.figure import Figure

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #222; max-width: 900px; margin: 2em auto;
  padding: 0 1em; background: #fff }
h1 { font-size: 1.5em } h2 { font-size: 1.1em; margin: 1.6em 0 .4em }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
td, th { padding: .2em .8em; text-align: right; border-bottom: 1px solid #e3e6ea; font-weight: 400 }
th { color: #555 } td:first-child, th:first-child { text-align: left; padding-left: 0 }
figure { display: inline-block; margin: .5em .5em .5em 0; vertical-align: top }
svg { max-width: 100%; height: auto }
p.note { color: #555; margin: .3em 0 }
"""

MARK = '<meta name="generator" content="geotagger">'
"""The element by which geotagger recognises its own pages."""


def page(title: str, parts: Sequence[str]) -> str:
    """A complete document; `parts` are HTML."""
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta http-equiv="Content-Security-Policy"'
            " content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            MARK,
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>",
            f"<h1>{escape(title)}</h1>",
            *parts,
            "</body></html>\n",
        ]
    )


def heading(text: str) -> str:
    """A heading inside the page; the text is escaped, as in all functions below."""
    return f"<h2>{escape(text)}</h2>"


def paragraph(text: str) -> str:
    """A paragraph."""
    return f"<p>{escape(text)}</p>"


def note(text: str) -> str:
    """A paragraph in grey; nothing if the text is empty."""
    return f'<p class="note">{escape(text)}</p>' if text else ""


def embedded_figure(figure: Figure) -> str:
    """A figure as inline SVG."""
    return f"<figure>{figure.to_svg()}</figure>"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; the first column holds words, the others hold numbers."""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows)
    lines = "\n".join(f"<tr>{cells}</tr>" for cells in body)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>"
