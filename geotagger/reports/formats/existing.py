"""A file that exists where a report is to be written: an earlier report, or another file."""

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
"""A column name that no other program uses, and the mark of an HTML page. Every report has one of
them near its beginning or its end."""
_READ_BYTES = 8192


def is_report(path: Path) -> bool:
    """Whether geotagger may have written the file as a report; also true for an empty file.

    Raises OSError.
    """
    try:
        with zipfile.ZipFile(path) as archive, archive.open("doc.kml") as inside:
            return _marked(inside.read(_READ_BYTES))
    except (zipfile.BadZipFile, zlib.error, EOFError, LookupError, RuntimeError):
        pass
    with path.open("rb") as file:
        head = file.read(_READ_BYTES)
        file.seek(max(0, path.stat().st_size - _READ_BYTES))
        return not head or _marked(head) or _marked(file.read())


def _marked(content: bytes) -> bool:
    return any(mark in content for mark in MARKS)


def move_aside(earlier: Path, path: Path, flag: str) -> None:
    """Renames the file `earlier`, if it exists, to `NAME.1.csv` or the next free number.

    Args:
        earlier: the file to rename.
        path: whose name the new name is made of.
        flag: of the command line, with which another file can be named.

    Raises:
        GeotaggerError: the file cannot be renamed.
    """
    if not (earlier.is_file() or earlier.is_symlink()):
        return
    number = 1
    while os.path.lexists(new_name := path.with_name(f"{path.stem}.{number}{path.suffix}")):
        number += 1
    try:
        earlier.rename(new_name)
    except OSError as error:
        raise GeotaggerError(
            f"cannot rename the earlier {earlier}: {error.strerror}; name another file with {flag}"
        ) from error
    log.warning("%s exists already: it was renamed to %s", earlier, new_name)
