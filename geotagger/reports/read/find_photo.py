"""From the path in a report back to the photo itself."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8})|([nrt]))")
LETTERS = {"n": "\n", "r": "\r", "t": "\t"}


def find_photo(path: str, *reports: Path) -> Path | None:
    """The file that a report's `path` cell means; None when it is not there (any more).

    A relative path is looked for from the current folder, where the run was started as a rule, and
    then from the folders of the reports.
    """
    for folder in dict.fromkeys((Path(), *(report.parent for report in reports))):
        for name in _names(path):
            try:
                if (folder / name).is_file():
                    return folder / name
            except (OSError, ValueError):  # too long, or no name of a file at all
                continue
    return None


def _names(path: str) -> Iterator[str]:
    """What `table.path_text` may have been given: as it stands, or with its escapes undone."""
    yield path
    if "\\" in path:
        yield os.fsdecode(ESCAPE.sub(_byte, path).encode("utf-8", "surrogateescape"))
        yield ESCAPE.sub(_character, path)


def _byte(escape: re.Match[str]) -> str:
    """`\\xe9` as a byte that is not UTF-8, in Python's own way of smuggling it."""
    code = int(escape[1], 16) if escape[1] else 0
    return chr(0xDC00 + code) if code >= 0x80 else _character(escape)


def _character(escape: re.Match[str]) -> str:
    digits = escape[1] or escape[2] or escape[3]
    return chr(min(int(digits, 16), 0x10FFFF)) if digits else LETTERS[escape[4]]
