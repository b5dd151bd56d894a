"""Locks a file, so that two processes do not write the same things at the same time."""

from __future__ import annotations

from typing import IO

from geotagger.errors import UsageError


def lock(file: IO[bytes], problem: str) -> None:
    """Lock an open file until it is closed, also by a crash. Windows has no such locks here.

    Raises:
        UsageError: another process has locked it; `problem` is the message. The file is closed.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise UsageError(problem) from None
