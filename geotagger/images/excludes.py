"""Names that a scan leaves out: folders of no photos, such as thumbnails, and a user's patterns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from fnmatch import translate
from pathlib import Path

# fmt: off
DEFAULT_EXCLUDES = (
    "@eaDir/", "#recycle/", "#snapshot/", "@Recycle/",  # network drives (Synology, QNAP)
    ".thumbnails/", ".Trash*/", "lost+found/", "$RECYCLE.BIN/", "System Volume Information/",
    "__MACOSX/",
    "*.lrdata/",  # Lightroom's previews
    "*.photoslibrary/resources/", "*.photolibrary/Thumbnails/",  # Apple Photos, iPhoto
    "*.aplibrary/Thumbnails/", "*.aplibrary/Previews/",  # Aperture
    "CaptureOne/Cache/", "*.cocatalog/Cache/",
)
# fmt: on
"""Folders of thumbnails and previews, recycle bins, and what a file system keeps for itself."""


class Excludes:
    """Patterns of names, as in a shell, compared without case.

    A pattern without a slash is compared with the name of a file or folder, one with a slash with
    the end of its path. With a slash at its end it is for folders only, with one at its beginning
    it begins at an argument of the scan. What is an argument itself is never left out.

    Attributes:
        counts: how many folders and photos each pattern left out, filled by the scan.
    """

    def __init__(self, patterns: Sequence[str] = DEFAULT_EXCLUDES) -> None:
        self.counts: Counter[str] = Counter()
        self._for_files = _compiled(item for item in patterns if not item.endswith("/"))
        self._for_folders = _compiled(patterns)

    def leaves_out(self, folder: Path, name: str, root: Path, *, is_folder: bool) -> bool:
        """Whether `name` in `folder`, found under the argument `root`, is left out; counts it."""
        for pattern, expression in self._for_folders if is_folder else self._for_files:
            text = name
            if _is_anchored(pattern):
                text = f"/{(folder / name).relative_to(root).as_posix()}"
            elif "/" in pattern.rstrip("/"):
                text = f"/{(folder / name).absolute().as_posix()}"
            if expression.match(text):
                self.counts[pattern] += 1
                return True
        return False


def _compiled(patterns: Iterable[str]) -> list[tuple[str, re.Pattern[str]]]:
    return [(pattern, _expression(pattern)) for pattern in patterns if pattern.strip("/")]


def _is_anchored(pattern: str) -> bool:
    return pattern.startswith(("/", "./"))


def _expression(pattern: str) -> re.Pattern[str]:
    body = pattern.rstrip("/")
    if _is_anchored(pattern):
        text = translate("/" + body.partition("/")[2])
    else:
        text = "(?s:.*/)" * ("/" in body) + translate(body)
    return re.compile(text, re.IGNORECASE)
