"""Files as they were read, with what later steps need to check that they are still the same.

The SHA-256 of a large file is computed in a thread while other work goes on. One thread serves the
whole run: on a busy machine a new one would take longer to start than the hash takes. A caller that
needs a hash which the thread has not started yet computes it itself.
"""

from __future__ import annotations

import hashlib
import os
import stat
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from geotagger.errors import PhotoError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MIN_THREAD_BYTES = 1 << 21  # 1.3 ms of work; less is hashed at once, since a thread costs 0.1
_HASH_THREAD = ThreadPoolExecutor(1, "sha256")  # starts with the first hash


class BackgroundHash:
    """The SHA-256 of some bytes, hexadecimal, available now or later."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._value = "" if len(data) >= _MIN_THREAD_BYTES else _sha256(data)
        self._future: Future[str] | None = None
        if not self._value:
            self._future = _HASH_THREAD.submit(_sha256, data)

    def done(self) -> bool:
        """Whether `result` returns at once."""
        return bool(self._value) or (self._future is not None and self._future.done())

    def result(self) -> str:
        """The hash. Waits for the thread, or computes it here if the thread has not started."""
        if not self._value and self._future:
            not_started = self._future.cancel()
            self._value = _sha256(self._data) if not_started else self._future.result()
        return self._value

    def cancel(self) -> None:
        """Cancels the hash, or waits for it if the thread has started."""
        if self._future and not self._future.cancel():
            wait((self._future,))


@contextmanager
def background_hash(data: bytes) -> Iterator[BackgroundHash]:
    """Computes the SHA-256 while the block runs; the thread is idle again when the block ends."""
    pending = BackgroundHash(data)
    try:
        yield pending
    finally:
        pending.cancel()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """A file as it was read."""

    path: Path
    """Links resolved."""
    stat: os.stat_result | None
    """None: there is no such file yet."""
    data: bytes
    sha256: str
    """Empty if there is no file."""


class ChangedError(PhotoError):
    """The file is not the one that was analysed."""

    def __init__(self, path: Path, sha256: str) -> None:
        super().__init__("it changed while it was being analysed: run again")
        self.path = path
        self.sha256 = sha256
        """Of the file as it is now."""


def load(path: Path) -> LoadedFile:
    """Reads a file.

    Raises:
        OSError: It cannot be read.
        PhotoError: It is a pipe, a folder or the like.
    """
    real, status, data = _read(path)
    return LoadedFile(real, status, data, _sha256(data))


@contextmanager
def load_unchanged(path: Path, sha256: str) -> Iterator[LoadedFile]:
    """Reads a file that must still have the SHA-256 it had when it was analysed.

    The hash is computed while the block runs, so the block must not write anything.

    Raises:
        ChangedError: At the end of the block, whatever happened in it, if the file has changed.
        OSError: It cannot be read.
        PhotoError: It is a pipe, a folder or the like.
    """
    file = LoadedFile(*_read(path), sha256)
    with background_hash(file.data) as actual:
        try:
            yield file
        except Exception as error:
            if actual.result() != sha256:
                raise ChangedError(file.path, actual.result()) from error
            raise
        if actual.result() != sha256:
            raise ChangedError(file.path, actual.result())


def load_if_present(path: Path) -> LoadedFile:
    """As `load`; a file that does not exist yet has no data."""
    try:
        return load(path)
    except FileNotFoundError:
        if path.is_symlink():
            raise PhotoError(f"{path.name} is a broken link") from None
        return LoadedFile(path, None, b"", "")


@contextmanager
def opened(path: Path) -> Iterator[tuple[BinaryIO, os.stat_result]]:
    """Opens the regular file at `path` for reading, without waiting for a pipe.

    Yields:
        The open file and the status of that very file.

    Raises:
        OSError: It cannot be opened.
        PhotoError: It is not a regular file.
    """
    with open(path, "rb", opener=_open_without_waiting) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise PhotoError("it is not a regular file")
        yield file, status


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _read(path: Path) -> tuple[Path, os.stat_result, bytes]:
    real = Path(os.path.realpath(path, strict=True))
    if not real.is_file():
        raise PhotoError("it is not a regular file")
    with opened(real) as (file, status):
        return real, status, file.read()
