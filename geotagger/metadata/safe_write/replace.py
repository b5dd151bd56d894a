"""Replaces one file on disk so that no failure can lose it.

The new file is written next to the old one as `.NAME.geotagger-XXXXXXXX.tmp`, synced, read back,
and renamed over the old one in one step. A temporary file that a killed run left behind is removed
at the next write to the same file, or by the next run: the journal knows its name. The folder is
not synced: after a power cut the old file may be back, whole. Links are followed. A file with
several hard links is refused because the others would still show the old content. Not preserved,
because no portable call can: the creation time on Windows and macOS, extended attributes on macOS.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
import stat
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from geotagger.errors import PhotoError
from geotagger.metadata.safe_write.loading import background_hash, load_if_present
from geotagger.metadata.undo.write_journal import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from geotagger.metadata.safe_write.loading import LoadedFile
    from geotagger.metadata.undo.write_journal import UnfinishedWrite, WriteJournal

_Identity = tuple[int, int, int, int] | None
_MAX_NAME_BYTES = 200
_READ_BACK_BYTES = 1 << 16  # fits into the processor's cache, and comes without page faults
_LEFTOVER_AGE_S = 60.0  # a younger one may belong to another run that is still writing
_ATTRIBUTES_UNSUPPORTED = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS)
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
    errno.EEXIST: "a file is where its folder should be",
    errno.ENOTDIR: "a file is where its folder should be",
}


def replace(
    file: LoadedFile,
    new: bytes,
    undo: bytes,
    journal: WriteJournal,
    like: Path | None = None,
    *,
    touch: bool = False,
) -> str:
    """Replaces the content of the file: completely or not at all, whatever happens meanwhile.

    Makes the folder of a new file. In a dry run of the journal, only what can be checked without a
    change is checked.

    Args:
        file: The file as it was read; it must not have changed since.
        new: The new content.
        undo: The packed record or delta that restores the original; b"" if `new` is the original.
        journal: Where the write is recorded.
        like: Gives mode, times and attributes to a file that does not exist yet.
        touch: The time of change becomes now; otherwise it is kept.

    Returns:
        SHA-256 of the new content.

    Raises:
        OSError: The disk refuses.
        PhotoError: The file may not be written, or has changed.
        GeotaggerError: The journal fails.
    """
    identity = _checked_identity(file)
    if journal.rehearsed is not None:
        _check_folder(file.path)
        journal.rehearsed[file.path] = hashlib.sha256(new).hexdigest()
        return journal.rehearsed[file.path]
    if file.stat is None:
        file.path.parent.mkdir(parents=True, exist_ok=True)
    temp = file.path.with_name(_temp_name(file.path.name))
    with background_hash(new) as pending:
        after = pending.result() if pending.done() else UNKNOWN
        write = journal.begin(file.path, temp, file.sha256, after, undo)
        try:
            _clear_leftovers(file, write.leftovers, journal)
            _write_temp(file.path if file.stat else like, temp, new, touch=touch)
            if after == UNKNOWN:
                after = pending.result()
                write = journal.complete(write, after)
            _rename_over(file.path, identity, temp)
        except BaseException:
            with suppress(OSError):
                temp.unlink(missing_ok=True)
                if _identity_at(file.path) == identity:
                    journal.forget(write.row)  # else Ctrl-C may have come after the replacement
            raise
    journal.finish(write)
    return after


def _rename_over(path: Path, identity: _Identity, temp: Path) -> None:
    if _identity_at(path) != identity:
        raise PhotoError("it changed while it was being written: run again")
    temp.replace(path)


def remove(file: LoadedFile, journal: WriteJournal) -> None:
    """Deletes a file that geotagger made. Raises as `replace` does."""
    identity = _checked_identity(file)
    if journal.rehearsed is not None:
        _check_folder(file.path)
        journal.rehearsed[file.path] = ""
        return
    temp = file.path.with_name(_temp_name(file.path.name))
    write = journal.begin(file.path, temp, file.sha256, "", b"")
    try:
        _clear_leftovers(file, write.leftovers, journal)
        if _identity_at(file.path) != identity:
            raise PhotoError("it changed while it was being removed: run again")
        file.path.unlink()
    except BaseException:
        journal.forget(write.row)
        raise
    journal.finish(write)


def _checked_identity(file: LoadedFile) -> _Identity:
    """The identity that the file must keep until it is replaced: inode, size, and both times.

    It covers every byte, the name, the mode and the number of links.

    Raises:
        OSError: The file cannot be opened for writing.
        PhotoError: It must not be written, or has changed since it was read.
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
    # renaming over a file needs no right to write into it, so check that right here
    with file.path.open("r+b") as opened:
        now = _identity(os.fstat(opened.fileno()))
    if now[:3] != _identity(file.stat)[:3]:  # opening sets the change time on some disks
        raise PhotoError("it changed while it was being analysed: run again")
    return now


def _check_folder(path: Path) -> None:
    """Raises the OSError that a new file next to `path` would cause."""
    folder = next(folder for folder in path.absolute().parents if folder.exists())
    code = 0
    if not os.access(folder, os.W_OK | os.X_OK):
        is_read_only_disk = hasattr(os, "statvfs") and os.statvfs(folder).f_flag & os.ST_RDONLY
        code = errno.EROFS if is_read_only_disk else errno.EACCES
    elif hasattr(os, "pathconf"):
        is_too_long = len(os.fsencode(path.name)) > os.pathconf(folder, "PC_NAME_MAX")
        code = errno.ENAMETOOLONG if is_too_long else 0
    if code:
        raise OSError(code, os.strerror(code))


def _temp_name(name: str) -> str:
    if len(os.fsencode(name)) > _MAX_NAME_BYTES:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
    return f".{name}.geotagger-{secrets.token_hex(4)}.tmp"


def _write_temp(like: Path | None, temp: Path, new: bytes, *, touch: bool) -> None:
    mode = 0o600 if like else 0o666  # the umask applies
    with open(temp, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        file.write(new)
        file.flush()
        os.fsync(file.fileno())
    if like:
        _copy_attributes(like, temp)  # after closing, which may set the time on Windows
    if touch:
        os.utime(temp)
    if not _reads_as(temp, new):
        raise PhotoError("the disk did not give back what was written: check it")


def _reads_as(path: Path, expected: bytes) -> bool:
    """Whether the file holds `expected`. Reads it in pieces."""
    buffer, at = memoryview(bytearray(_READ_BACK_BYTES)), 0
    with path.open("rb", buffering=0) as file:
        while size := file.readinto(buffer):
            if not expected.startswith(buffer[:size], at):
                return False
            at += size
    return at == len(expected)


def _copy_attributes(like: Path, temp: Path) -> None:
    """Copies mode, times, extended attributes and flags; owner and group where allowed."""
    status, made = like.stat(), temp.stat()
    if (made.st_uid, made.st_gid) != (status.st_uid, status.st_gid):
        for owner, group in ((status.st_uid, -1), (-1, status.st_gid)):
            with suppress(OSError):
                os.chown(temp, owner, group)
    try:
        if _has_more_attributes(like):
            shutil.copystat(like, temp)
        else:
            os.utime(temp, ns=(status.st_atime_ns, status.st_mtime_ns))
            temp.chmod(stat.S_IMODE(status.st_mode))
    except OSError as error:
        if error.errno not in _ATTRIBUTES_UNSUPPORTED:
            raise


def _has_more_attributes(path: Path) -> bool:
    """Whether a file may have attributes besides mode and times. On Linux few files have."""
    try:
        return not hasattr(os, "listxattr") or bool(os.listxattr(path))
    except OSError:
        return True


def _identity(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _identity_at(path: Path) -> _Identity:
    try:
        return _identity(path.lstat())
    except FileNotFoundError:
        return None


def _clear_leftovers(
    file: LoadedFile, leftovers: Iterable[UnfinishedWrite], journal: WriteJournal
) -> None:
    for row, temp, before, _ in leftovers:
        temp.unlink(missing_ok=True)
        # Unless the file is as it was before, the write may have happened, and something else
        # since. The SHA-256 of what a record restores shows whether it is the right one.
        if file.sha256 == before:
            journal.forget(row)
        else:
            journal.keep(row)


def clear_old_leftovers(journal: WriteJournal) -> None:
    """Removes the temporary files of killed runs, except in folders that are not mounted now."""
    for path in journal.interrupted(time.time() - _LEFTOVER_AGE_S):
        with suppress(OSError, PhotoError):
            if path.parent.is_dir():
                file = load_if_present(path)
                _clear_leftovers(file, journal.unfinished(file.path), journal)


@contextmanager
def named_disk_errors() -> Iterator[None]:
    """Turns an OSError into a PhotoError that names the remedy."""
    try:
        yield
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, error.strerror or str(error))
        raise PhotoError(f"{reason} ({error.strerror})") from error
