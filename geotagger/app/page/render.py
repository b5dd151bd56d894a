"""The page of the app: that of the review."""

from __future__ import annotations

from collections.abc import Mapping

from geotagger.reports.page.render import REVIEW, data, outlines


def app_page(setup: Mapping[str, object]) -> str:
    """The whole document.

    Args:
        setup: `version`, and `block`, the number of rows in a page of `/api/rows`.
    """
    about = {"name": "geotagger", "about": "", "warning": "", **setup}
    return "".join([REVIEW.head("geotagger"), data("setup", about), outlines(), REVIEW.tail()])


def policy() -> str:
    """The Content-Security-Policy of the page."""
    return REVIEW.content_policy
