"""One run at a time on a folder: each run holds a locked file that names its folders.

The system drops the lock with the process, so that a crash leaves none.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from geotagger.app.path_ids import path_id, path_of_id
from geotagger.errors import UsageError
from geotagger.file_lock import lock
from geotagger.printable import printable_path


class FolderBusyError(UsageError):
    """Another run is at work on a folder."""


@contextmanager
def locked_folders(locks: Path, folders: Sequence[Path]) -> Iterator[None]:
    """Holds the folders for a run.

    Args:
        locks: the folder of the lock files.
        folders: a run on these, on one above or on one below is refused.

    Raises:
        FolderBusyError: another run is at work on one of them.
    """
    locks.mkdir(mode=0o700, parents=True, exist_ok=True)
    own = locks / f"{os.getpid()}-{secrets.token_hex(4)}.lock"
    try:
        with own.open("wb") as file:
            lock(file, "a lock file of this run is in use")
            file.write("\n".join(path_id(_real(folder)) for folder in folders).encode())
            file.flush()
            check_free(locks, folders, own)  # two that start together may both be refused
            yield
    finally:
        own.unlink(missing_ok=True)


def check_free(locks: Path, folders: Sequence[Path], own: Path | None = None) -> None:
    """
    Raises:
        FolderBusyError: another run than that of `own` is at work on one of the folders.
    """
    for file in locks.glob("*.lock"):
        if file != own and _is_held(file):
            for busy in _folders_in(file):
                if any(_overlap(busy, _real(folder)) for folder in folders):
                    raise FolderBusyError(
                        f"another run is at work on {printable_path(busy)}: wait until it has "
                        "ended, or stop it where it was started"
                    )


def _is_held(file: Path) -> bool:
    """Whether the process that made the lock file lives; a file that was left over is deleted."""
    try:
        with file.open("rb") as handle:
            lock(handle, "held")
    except UsageError:
        return True
    except OSError:  # it has just ended
        return False
    try:
        file.unlink(missing_ok=True)
    except PermissionError:  # Windows, where an open file cannot be deleted
        return True
    return False


def _folders_in(file: Path) -> list[Path]:
    with suppress(OSError, ValueError):
        return [path_of_id(line) for line in file.read_text("ascii").split()]
    return []


def _real(folder: Path) -> Path:
    return Path(os.path.realpath(folder))


def _overlap(one: Path, other: Path) -> bool:
    return one.is_relative_to(other) or other.is_relative_to(one)
