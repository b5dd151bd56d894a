"""Replaces one photo on disk so that nothing that happens can cost it.

The new file is written beside the old one as `.NAME.geotagger-XXXXXXXX.tmp`, synced, read back,
and takes the old one's place in one step. A leftover of a killed run is removed at the next write
to the same photo: the journal knows its name. Links are followed; a file with several hard links is
refused because the others would go on showing the old photo. Not kept, because no portable call
keeps them: the creation time on Windows and macOS, and extended attributes on macOS.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from geotagger.errors import PhotoError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from geotagger.metadata.journal import Journal
    from geotagger.metadata.undo import UndoRecord

_MAX_NAME_BYTES = 200
_NO_ATTRIBUTES = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS)
_REASONS = {
    errno.ENOENT: "it has vanished since the folder was read",
    errno.EACCES: "no permission to write there: change the rights of the file or its folder",
    errno.EPERM: "no permission to write there: change the rights of the file or its folder",
    errno.EROFS: "its folder is on a read-only disk: copy the photos to one that can be written",
    errno.ENOSPC: "the disk is full: free some space and run again",
    errno.EDQUOT: "your disk quota is used up: free some space and run again",
    errno.EBUSY: "another program is using it: close that and run again",
    errno.EIO: "the disk reports an error: save your photos and check it",
    errno.ELOOP: "it is a link that leads back to itself",
}


@dataclass(frozen=True, slots=True)
class LoadedPhoto:
    """A photo as it was read: links resolved."""

    path: Path
    stat: os.stat_result
    data: bytes
    sha256: str


def load(path: Path) -> LoadedPhoto:
    """Reads the file that `path` leads to. Raises OSError, and PhotoError for a pipe or folder."""
    real = Path(os.path.realpath(path, strict=True))
    if not real.is_file():
        raise PhotoError("it is no regular file")
    with real.open("rb") as file:
        status = os.fstat(file.fileno())
        data = file.read()
    return LoadedPhoto(real, status, data, hashlib.sha256(data).hexdigest())


def replace(photo: LoadedPhoto, new: bytes, undo: UndoRecord | None, journal: Journal) -> None:
    """Puts `new` in the place of the photo: wholly or not at all, whatever happens meanwhile.

    `undo` leads back to the original; None when `new` is the original. Raises OSError, PhotoError,
    and GeotaggerError when the journal fails.
    """
    if photo.stat.st_nlink > 1:
        raise PhotoError("it has several hard links: copy it first, so that it stands alone")
    if not photo.stat.st_mode & 0o222:  # which would not stop an administrator
        raise PhotoError("it is read-only: make it writable first")
    photo.path.open("r+b").close()  # a file may be replaced without the right to write into it
    _clear_leftovers(photo, journal)
    temp = photo.path.with_name(_temp_name(photo.path.name))
    after = hashlib.sha256(new).hexdigest()
    row = journal.begin(photo.path, temp, photo.sha256, after, undo)
    try:
        _write_temp(photo, temp, new)
        if _identity(photo.path.stat()) != _identity(photo.stat):
            raise PhotoError("it changed while it was being written: run again")
        temp.replace(photo.path)
    except BaseException:
        with suppress(OSError):
            temp.unlink()
            journal.forget(row)
        raise
    _sync_folder(photo.path.parent)
    journal.finish(row)


def _temp_name(name: str) -> str:
    if len(os.fsencode(name)) > _MAX_NAME_BYTES:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
    return f".{name}.geotagger-{secrets.token_hex(4)}.tmp"


def _write_temp(photo: LoadedPhoto, temp: Path, new: bytes) -> None:
    with open(temp, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(new)
        file.flush()
        os.fsync(file.fileno())
    _copy_attributes(photo, temp)  # after closing, which may set the time on Windows
    if temp.read_bytes() != new:
        raise PhotoError("the disk did not give back what was written: check it")


def _copy_attributes(photo: LoadedPhoto, temp: Path) -> None:
    """Mode, times, extended attributes and flags; owner and group where that is allowed."""
    if os.name != "nt":
        for owner, group in ((photo.stat.st_uid, -1), (-1, photo.stat.st_gid)):
            with suppress(OSError):
                os.chown(temp, owner, group)
    try:
        shutil.copystat(photo.path, temp)
    except OSError as error:
        if error.errno not in _NO_ATTRIBUTES:
            raise


def _identity(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _sync_folder(folder: Path) -> None:
    """Makes the new name durable. The photo is in place already, so a refusal changes nothing."""
    if os.name == "nt":  # a folder cannot be opened there
        return
    with suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def _clear_leftovers(photo: LoadedPhoto, journal: Journal) -> None:
    for row, temp, after in journal.unfinished(photo.path):
        temp.unlink(missing_ok=True)
        if after == photo.sha256:
            journal.finish(row)
        else:
            journal.forget(row)


@contextmanager
def disk_errors_named() -> Iterator[None]:
    """Turns an OSError into a PhotoError that says what to do about it."""
    try:
        yield
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, error.strerror or str(error))
        raise PhotoError(f"{reason} ({error.strerror})") from error
