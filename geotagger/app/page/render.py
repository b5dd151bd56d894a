"""The page of the app: that of the review, with a beginning and a run."""

from __future__ import annotations

from collections.abc import Mapping

from geotagger.reports.page.render import SERVED_SCRIPT, SERVED_STYLE, Page, data, outlines, parts

APP = Page(
    "geotagger",
    (
        *SERVED_SCRIPT,
        *parts(
            __package__,
            "events.js",
            "picker.js",
            "folders.js",
            "survey.js",
            "models.js",
            "options.js",
            "beginning.js",
            "run_bar.js",
            "writing.js",
            "desktop.js",
        ),
    ),
    (*SERVED_STYLE, *parts(__package__, "app.css")),
    {name: parts(__package__, f"{name}.html")[0] for name in ("beginning", "run")},
    served=True,
)


def app_page(setup: Mapping[str, object]) -> str:
    """The whole document.

    Args:
        setup: `version`, and `block`, the number of rows in a page of `/api/rows`.
    """
    return "".join([APP.head("geotagger"), data("setup", setup), outlines(), APP.tail()])


def policy() -> str:
    """The Content-Security-Policy of the page."""
    return APP.content_policy
