"""Photos in object stores and on servers (`s3://`, `gs://`, `https://`, ...), through fsspec.

They are read and reported, never written. `file://` and `local://` name a local path.
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
"""Also with one slash, as `Path` spells it."""
_SECRET = re.compile(r"[^/@]*:[^/@]*@")
_LOCAL_SCHEMES = ("file", "local")
_TIMES = ("mtime", "LastModified", "last_modified", "updated", "created")
"""Names of the time of the last change in different file systems."""


class RemotePath(LocalPath):
    """A path whose text is a URL."""

    def __str__(self) -> str:
        scheme, _, rest = super().__str__().partition(":/")
        return f"{scheme}://{rest.lstrip('/')}"

    def read_bytes(self) -> bytes:
        system, path = _system(self)
        return bytes(system.cat_file(path))


def located(path: Path) -> Path:
    """The path as it is, as a `RemotePath` if it is a URL, or the local path of a `file://` or
    `local://` address.

    Raises:
        UsageError: the address contains a password, which reports and messages would show.
    """
    match = _URL.fullmatch(path.as_posix())
    if not match or path.exists():
        return path
    if _SECRET.match(match[2]):
        raise UsageError(
            f"{match[1]}://...@...: the password would be in every row of the report; give it to "
            "fsspec by the environment or its configuration file instead"
        )
    return Path("/", match[2]) if match[1] in _LOCAL_SCHEMES else RemotePath(path)


def listing(folder: RemotePath) -> Iterator[tuple[RemotePath, bool, int, int]]:
    """The content of a folder, or the file itself.

    Yields:
        Path, whether it is a folder, size in bytes, time of the last change in ns (0 if unknown).

    Raises:
        UsageError: fsspec or a package that it needs is not installed, or the address does not
            exist.
    """
    system, root = _system(folder)
    try:
        entries = system.ls(root, detail=True)
    except Exception as error:  # every file system raises its own kinds
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
