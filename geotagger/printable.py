"""Escapes control characters in file names, tags and messages, for terminals and reports."""

from __future__ import annotations

import os
import re
from pathlib import Path

CONTROL = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
"""Control characters, marks and changes of the writing direction, and what UTF-8 or XML cannot
hold."""


def printable(text: str) -> str:
    """The text with every character of `CONTROL` escaped."""
    if text.isprintable():  # nearly every text is, and the check is fast
        return text
    return CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def printable_path(path: Path) -> str:
    """The path as text. Bytes that are not UTF-8 and control characters become backslash escapes
    (`caf\\xe9.jpg`).
    """
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return printable(text)
