"""Text from outside that no terminal, table or page can misread: file names, tags, messages."""

from __future__ import annotations

import os
import re
from pathlib import Path

CONTROL = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
"""Also what turns the writing direction, and what neither UTF-8 nor XML can hold."""


def printable(text: str) -> str:
    """Text with every character of `CONTROL` escaped."""
    if text.isprintable():  # as nearly every text is, and quickly told
        return text
    return CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def printable_path(path: Path) -> str:
    """The path as text that no terminal, table or page can misread.

    Bytes that are not UTF-8 and control characters become backslash escapes (`caf\\xe9.jpg`).
    """
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return printable(text)
