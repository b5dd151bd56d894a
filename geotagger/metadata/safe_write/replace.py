"""Replaces one file on disk so that nothing that happens can cost it.

The new file is written beside the old one as `.NAME.geotagger-XXXXXXXX.tmp`, synced, read back,
and takes the old one's place in one step. A leftover of a killed run is removed at the next write
to the same file, or by the next run: the journal knows its name. The folder is not synced: after a
power cut the old file may be there again, and is whole. Links are followed; a file with several
hard links is refused because the others would go on showing the old one. Not kept, because no
portable call keeps them: the creation time on Windows and macOS, and extended attributes on macOS.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from geotagger.errors import PhotoError
from geotagger.metadata.safe_write.digest import sha256_beside
from geotagger.metadata.safe_write.loading import load_if_there
from geotagger.metadata.undo.write_journal import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from geotagger.metadata.safe_write.loading import LoadedFile
    from geotagger.metadata.undo.write_journal import Journal

_Identity = tuple[int, int, int, int] | None
_MAX_NAME_BYTES = 200
_READ_BACK_BYTES = 1 << 18  # stays in the processor's cache
_OLD_S = 60.0  # a write of another run may be under way
_NO_ATTRIBUTES = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS)
_REASONS = {
    errno.ENOENT: "it has vanished since the folder was read",
    errno.EACCES: "no permission to write there: change the rights of the file or its folder",
    errno.EPERM: "no permission to write there: change the rights of the file or its folder",
    errno.EROFS: "its folder is on a read-only disk: write copies elsewhere with --out",
    errno.ENOSPC: "the disk is full: free some space and run again",
    errno.EDQUOT: "your disk quota is used up: free some space and run again",
    **dict.fromkeys(
        (errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN),
        "the connection to its network folder is lost: connect it again and run again",
    ),
    errno.EBUSY: "another program is using it: close that and run again",
    errno.EIO: "the disk reports an error: save your photos and check it",
    errno.ENAMETOOLONG: "the name would be too long: rename the photo",
    errno.ELOOP: "it is a link that leads back to itself",
    errno.EEXIST: "a file stands where its folder should be",
    errno.ENOTDIR: "a file stands where its folder should be",
}


def replace(
    file: LoadedFile, new: bytes, undo: bytes, journal: Journal, like: Path | None = None
) -> str:
    """Puts `new` in the place of the file: wholly or not at all, whatever happens meanwhile.

    Returns its SHA-256. `undo` is the packed record that leads back to the original; b"" when `new`
    is the original. A file that was not there gets its mode, times and attributes from the one at
    `like`. Raises OSError, PhotoError, and GeotaggerError when the journal fails.
    """
    stands = _writable(file)
    _clear_leftovers(file, journal)
    temp = file.path.with_name(_temp_name(file.path.name))
    with sha256_beside(new) as digest:
        after = digest.result() if digest.done() else UNKNOWN
        row = journal.begin(file.path, temp, file.sha256, after, undo)
        try:
            _write_temp(file.path if file.stat else like, temp, new)
            if after == UNKNOWN:
                after = digest.result()
                journal.complete(row, after)
            _put_in_place(file.path, stands, temp)
        except BaseException:
            with suppress(OSError):
                temp.unlink(missing_ok=True)
                if _identity_at(file.path) == stands:
                    journal.forget(row)  # else Ctrl-C may have come after the replacement
            raise
    if not journal.finish(row):  # another run took the row for one that a killed run had left
        journal.finish(journal.begin(file.path, temp, file.sha256, after, undo))
    return after


def _put_in_place(path: Path, stands: _Identity, temp: Path) -> None:
    if _identity_at(path) != stands:
        raise PhotoError("it changed while it was being written: run again")
    temp.replace(path)


def remove(file: LoadedFile, journal: Journal) -> None:
    """Removes a file that is wholly ours. Raises as `replace` does."""
    stands = _writable(file)
    _clear_leftovers(file, journal)
    row = journal.begin(file.path, Path(_temp_name(file.path.name)), file.sha256, "", b"")
    try:
        if _identity_at(file.path) != stands:
            raise PhotoError("it changed while it was being removed: run again")
        file.path.unlink()
    except BaseException:
        journal.forget(row)
        raise
    journal.finish(row)


def _writable(file: LoadedFile) -> _Identity:
    """What must not change until the file is replaced: not one byte, nor its name, mode or links.

    Raises OSError and PhotoError where it may not be written, or is another file by now.
    """
    if file.stat is None:
        return None
    if file.stat.st_nlink > 1:
        raise PhotoError(
            "it has several hard links, and the others would go on showing the old photo: write "
            "copies with --out, or sidecars with --sidecar"
        )
    if not file.stat.st_mode & 0o222:  # which would not stop an administrator
        raise PhotoError("it is read-only: make it writable first")
    # a file may be replaced without the right to write into it
    with file.path.open("r+b") as opened:
        now = _identity(os.fstat(opened.fileno()))
    if now[:3] != _identity(file.stat)[:3]:  # opening makes some disks set the time of change
        raise PhotoError("it changed while it was being judged: run again")
    return now


def _temp_name(name: str) -> str:
    if len(os.fsencode(name)) > _MAX_NAME_BYTES:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
    return f".{name}.geotagger-{secrets.token_hex(4)}.tmp"


def _write_temp(like: Path | None, temp: Path, new: bytes) -> None:
    mode = 0o600 if like else 0o666  # the umask has its say
    with open(temp, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        file.write(new)
        file.flush()
        os.fsync(file.fileno())
    if like:
        _copy_attributes(like, temp)  # after closing, which may set the time on Windows
    if not _holds(temp, new):
        raise PhotoError("the disk did not give back what was written: check it")


def _holds(path: Path, wanted: bytes) -> bool:
    """Whether the file reads as `wanted`; it is not loaded as a whole."""
    buffer, at = memoryview(bytearray(_READ_BACK_BYTES)), 0
    with path.open("rb", buffering=0) as file:
        while size := file.readinto(buffer):
            if not wanted.startswith(buffer[:size], at):
                return False
            at += size
    return at == len(wanted)


def _copy_attributes(like: Path, temp: Path) -> None:
    """Mode, times, extended attributes and flags; owner and group where that is allowed."""
    status = like.stat()
    if os.name != "nt":
        for owner, group in ((status.st_uid, -1), (-1, status.st_gid)):
            with suppress(OSError):
                os.chown(temp, owner, group)
    try:
        shutil.copystat(like, temp)
    except OSError as error:
        if error.errno not in _NO_ATTRIBUTES:
            raise


def _identity(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _identity_at(path: Path) -> _Identity:
    try:
        return _identity(path.lstat() if path.is_symlink() else path.stat())
    except FileNotFoundError:
        return None


def _clear_leftovers(file: LoadedFile, journal: Journal) -> None:
    for row, temp, before, after in journal.unfinished(file.path):
        temp.unlink(missing_ok=True)
        # A power cut may have cost the last word on a write that has happened. Then the record is
        # kept: what it leads to tells whether it is the right one.
        lost = after == UNKNOWN and file.sha256 not in ("", before)
        if lost or after == file.sha256:
            journal.finish(row)
        else:
            journal.forget(row)


def clear_old_leftovers(journal: Journal) -> None:
    """Removes what killed runs have left, wherever it is; what is not at hand waits."""
    for path in journal.cut_short(time.time() - _OLD_S):
        with suppress(OSError, PhotoError):
            if path.parent.is_dir():
                _clear_leftovers(load_if_there(path), journal)


@contextmanager
def disk_errors_named() -> Iterator[None]:
    """Turns an OSError into a PhotoError that says what to do about it."""
    try:
        yield
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, error.strerror or str(error))
        raise PhotoError(f"{reason} ({error.strerror})") from error
