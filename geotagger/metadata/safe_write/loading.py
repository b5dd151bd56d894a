"""Files as they are read, with what a later step needs to tell whether they are still the same."""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from geotagger.errors import PhotoError
from geotagger.metadata.safe_write.digest import sha256_beside

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """A file as it was read: links resolved."""

    path: Path
    stat: os.stat_result | None
    """None: there is no such file yet."""
    data: bytes
    sha256: str
    """"" where there is no file."""


class ChangedError(PhotoError):
    """The file is not the one that was judged."""

    def __init__(self, path: Path, sha256: str) -> None:
        super().__init__("it changed while it was being judged: run again")
        self.path = path
        self.sha256 = sha256
        """Of the file as it is now."""


def load(path: Path) -> LoadedFile:
    """Reads the file that `path` leads to. Raises OSError, and PhotoError for a pipe or folder."""
    real, status, data = _read(path)
    return LoadedFile(real, status, data, hashlib.sha256(data).hexdigest())


@contextmanager
def judged(path: Path, sha256: str) -> Iterator[LoadedFile]:
    """As `load`, for work that may begin before the file is known to have that SHA-256.

    Nothing may be written inside the block. It ends with ChangedError, whatever happened in it,
    when the file has another.
    """
    file = LoadedFile(*_read(path), sha256)
    with sha256_beside(file.data) as digest:
        try:
            yield file
        except Exception as error:
            if digest.result() != sha256:
                raise ChangedError(file.path, digest.result()) from error
            raise
        if digest.result() != sha256:
            raise ChangedError(file.path, digest.result())


def _read(path: Path) -> tuple[Path, os.stat_result, bytes]:
    real = Path(os.path.realpath(path, strict=True))
    if not real.is_file():
        raise PhotoError("it is no regular file")
    with opened(real) as (file, status):
        return real, status, file.read()


@contextmanager
def opened(path: Path) -> Iterator[tuple[BinaryIO, os.stat_result]]:
    """The file that stands at `path` now, and what is known of that very one.

    A pipe that has come to stand there is not waited for. Raises OSError, and PhotoError for what
    is no regular file.
    """
    with open(path, "rb", opener=_open_at_once) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise PhotoError("it is no regular file")
        yield file, status


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def load_if_there(path: Path) -> LoadedFile:
    """As `load`; a file that is not there yet has no data."""
    try:
        return load(path)
    except FileNotFoundError:
        if path.is_symlink():
            raise PhotoError(f"{path.name} is a broken link") from None
        return LoadedFile(path, None, b"", "")
