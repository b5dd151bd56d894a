"""Photos in object stores and on servers (`s3://`, `gs://`, `https://`, ...), by fsspec.

They are read and reported, never written. `file://` is this computer, and like any folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from geotagger.errors import UsageError

if TYPE_CHECKING:
    LocalPath = Path
else:
    LocalPath = type(Path())  # before Python 3.12 Path itself has no subclasses

_URL = re.compile(r"([a-z][a-z0-9+.-]+):/+(.*)", re.DOTALL)
"""Also as `Path` spells it, with one slash."""
_SECRET = re.compile(r"[^/@]*:[^/@]*@")
_TIMES = ("mtime", "LastModified", "last_modified", "updated", "created")
"""What the systems call the time of the last change."""


class RemotePath(LocalPath):
    """A path whose text is a URL."""

    def __str__(self) -> str:
        scheme, _, rest = super().__str__().partition(":/")
        return f"{scheme}://{rest.lstrip('/')}"

    def read_bytes(self) -> bytes:
        system, path = _system(self)
        return bytes(system.cat_file(path))


def located(path: Path) -> Path:
    """The path itself, a `RemotePath` where it is a URL, or the local path of a `file://`.

    Raises UsageError: it holds a password, which reports and messages would tell.
    """
    match = _URL.fullmatch(path.as_posix())
    if not match or path.exists():
        return path
    if _SECRET.match(match[2]):
        raise UsageError(
            f"{match[1]}://...@...: an address with a password would stand in every row; give it "
            "to fsspec by the environment or its configuration file instead"
        )
    return Path("/", match[2]) if match[1] == "file" else RemotePath(path)


def listing(folder: RemotePath) -> Iterator[tuple[RemotePath, bool, int, int]]:
    """What is in a folder, or the file itself: (path, is it a folder, bytes, mtime in ns or 0).

    Raises UsageError: fsspec or what it needs is not installed, or there is nothing there.
    """
    system, root = _system(folder)
    try:
        entries = system.ls(root, detail=True)
    except Exception as error:  # every system has its own kinds
        raise UsageError(f"{str(folder)!r} cannot be read: {error}") from error
    for entry in entries:
        path = RemotePath(system.unstrip_protocol(entry["name"]))
        if entry["name"].rstrip("/") != root.rstrip("/") or entry["type"] == "file":
            yield path, entry["type"] == "directory", int(entry.get("size") or 0), _mtime_ns(entry)


def _system(path: RemotePath) -> tuple[Any, str]:
    try:
        import fsspec

        system, root = fsspec.core.url_to_fs(str(path))
    except (ImportError, ValueError) as error:
        raise UsageError(
            f"{str(path)!r}: {error}; pip install 'geotagger-photos[remote]', and what fsspec "
            "needs for this kind of address (s3fs for s3://, gcsfs for gs://)"
        ) from error
    return system, str(root)


def _mtime_ns(entry: dict[str, Any]) -> int:
    for name in _TIMES:
        value = entry.get(name)
        if isinstance(value, datetime):
            return round(value.timestamp() * 1e9)
        if isinstance(value, int | float):
            return round(value * 1e9)
    return 0
