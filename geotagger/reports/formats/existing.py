"""What stands where a report or a manifest is to go: an earlier one, or a file of the user's."""

from __future__ import annotations

import logging
import os
import zipfile
import zlib
from pathlib import Path

from geotagger.errors import GeotaggerError
from geotagger.plots import page

log = logging.getLogger(__name__)

MARKS = (b"gps_check", page.MARK.encode())
"""A column that no other program writes, and what a page says of itself. One of them stands in the
beginning or the end of every report."""
_LOOKED_AT_BYTES = 8192


def is_report(path: Path) -> bool:
    """Whether geotagger may have written it as a report: an empty file too. Raises OSError."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open("doc.kml") as inside:
            return _marked(inside.read(_LOOKED_AT_BYTES))
    except (zipfile.BadZipFile, zlib.error, EOFError, LookupError, RuntimeError):
        pass
    with path.open("rb") as file:
        head = file.read(_LOOKED_AT_BYTES)
        file.seek(max(0, path.stat().st_size - _LOOKED_AT_BYTES))
        return not head or _marked(head) or _marked(file.read())


def _marked(content: bytes) -> bool:
    return any(mark in content for mark in MARKS)


def keep(earlier: Path, path: Path, flag: str) -> None:
    """Moves a file, if it stands there, to `NAME.1.csv` beside `path`, or the next free number.

    Raises GeotaggerError: it cannot be moved. `flag` is what names another file.
    """
    if not (earlier.is_file() or earlier.is_symlink()):
        return
    number = 1
    while os.path.lexists(kept := path.with_name(f"{path.stem}.{number}{path.suffix}")):
        number += 1
    try:
        earlier.rename(kept)
    except OSError as error:
        raise GeotaggerError(
            f"cannot keep the earlier {earlier}: {error.strerror}; name another file with {flag}"
        ) from error
    log.warning("%s was there already: it is kept as %s", earlier, kept)
