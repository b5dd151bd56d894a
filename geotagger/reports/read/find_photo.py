"""Finds the photo that a path in a report names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|([nrt]))")
LETTERS = {"n": "\n", "r": "\r", "t": "\t"}


def find_photo(path: str, *reports: Path) -> Path | None:
    """The file that a report's `path` cell names; None if it does not exist.

    A relative path is tried in the current folder, where the run was usually started, and then in
    the folders of the reports.
    """
    for folder in dict.fromkeys((Path(), *(report.parent for report in reports))):
        for name in _names(path):
            try:
                if (folder / name).is_file():
                    return folder / name
            except (OSError, ValueError):  # the name is too long, or invalid
                continue
    return None


def _names(path: str) -> Iterator[str]:
    """What `printable_path` may have been given: the text itself, or with its escapes undone."""
    yield path
    if "\\" in path:
        with suppress(UnicodeEncodeError):  # a surrogate that stands for no byte
            yield os.fsdecode(ESCAPE.sub(_byte, path).encode("utf-8", "surrogateescape"))
        yield ESCAPE.sub(_character, path)


def _byte(escape: re.Match[str]) -> str:
    """`\\xe9` as a byte that is not UTF-8, by Python's surrogate escape."""
    code = int(escape[1], 16) if escape[1] else 0
    return chr(0xDC00 + code) if code >= 0x80 else _character(escape)


def _character(escape: re.Match[str]) -> str:
    digits = escape[1] or escape[2] or escape[3]
    return chr(min(int(digits, 16), 0x10FFFF)) if digits else LETTERS[escape[4]]
