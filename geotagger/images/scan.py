"""Scans folders: one `Photo` for every file that may hold a picture. No file is opened.

Look here if a photo is missing from the report, or is there twice.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from stat import S_ISREG

from geotagger.errors import UsageError
from geotagger.images.remote import RemotePath, listing, located
from geotagger.types import Photo

# fmt: off
IMAGE_SUFFIXES = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".tif", ".tiff", ".heic", ".heif", ".hif",
    ".avif", ".gif", ".bmp", ".jp2", ".j2k",
})
"""Files that `images.decode` can read. In lower case; names are compared without case."""

RAW_SUFFIXES = frozenset({
    ".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".kdc", ".mef",
    ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf",
    ".srw", ".x3f", ".jxl",
})
"""Camera RAW and JPEG XL: not decoded, but scanned, so that each gets a row that says why."""
# fmt: on

_SCANNED_SUFFIXES = IMAGE_SUFFIXES | RAW_SUFFIXES

_SPECIAL = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}


def walk(paths: Iterable[Path]) -> Iterator[Photo]:
    """Yield the photos under `paths`, each file once, in the order of the arguments.

    In a folder the files come first, then the subfolders, both sorted by name. Names that start
    with a dot are left out unless they are an argument. Links are followed; a folder is scanned
    only
    once, whatever paths lead to it. What cannot be read (a folder without permission, a broken
    link,
    a named pipe) is yielded with a `problem`.

    The scan is lazy: it holds only the names of one folder at a time (about 125 bytes a photo), and
    an id of each folder seen.

    Raises:
        UsageError: an argument does not exist or cannot be accessed. Raised before the scan begins.
    """
    return _photos(_listings(_checked(paths), keep=True))


def count(paths: Iterable[Path]) -> Iterator[int]:
    """The number of photos that `walk` will yield, folder by folder.

    Faster than `walk`, because it looks at no file; it keeps no names. Raises as `walk`.
    """
    found = _listings(_checked(paths), keep=False)
    return (1 if isinstance(item, Photo) else item.photos for item in found)


@dataclass(frozen=True, slots=True)
class _Listing:
    """The photos in one folder."""

    folder: Path
    root: Path
    photos: int
    names: list[str]
    """Sorted; empty if the photos are only counted."""


def _checked(paths: Iterable[Path]) -> list[Path]:
    roots = [located(path) for path in paths]
    for root in roots:
        if isinstance(root, RemotePath):
            continue
        try:
            root.lstat()
        except FileNotFoundError:
            raise UsageError(f"{str(root)!r} does not exist: name photos or folders") from None
        except OSError as error:
            raise UsageError(f"{str(root)!r} cannot be read: {error.strerror}") from error
    return roots


def _photos(items: Iterator[_Listing | Photo]) -> Iterator[Photo]:
    for item in items:
        if isinstance(item, Photo):
            yield item
            continue
        folder, root, names = item.folder, item.root, item.names
        photo = Photo._make
        names.reverse()
        with _looking_into(folder) as look:
            while names:  # drop each name, or a million of them would be kept twice
                name = names.pop()
                try:
                    status = look(name)
                except OSError:
                    status = None
                if status is not None and S_ISREG(status.st_mode):
                    yield photo((folder, name, root, status.st_size, status.st_mtime_ns, ""))
                else:
                    yield _photo(folder / name, root)


@contextmanager
def _looking_into(folder: Path) -> Iterator[Callable[[str], os.stat_result]]:
    """A function that stats a name in the folder: faster than `os.stat` of whole paths."""
    if os.stat not in os.supports_dir_fd:
        yield lambda name: (folder / name).stat()
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # the folder has gone since it was read
        yield lambda name: (folder / name).stat()
        return
    try:
        yield partial(os.stat, dir_fd=handle)
    finally:
        os.close(handle)


def _listings(roots: list[Path], *, keep: bool) -> Iterator[_Listing | Photo]:
    """Folders, photos that are roots themselves, and folders that cannot be read (as a `Photo`).

    Args:
        roots: the arguments of the scan.
        keep: keep the names of the photos in a folder.
    """
    named = {
        os.path.realpath(root)
        for root in roots
        if not isinstance(root, RemotePath) and not os.path.isdir(root)  # noqa: PTH112 Path.is_dir raises without permission
    }
    yielded: set[str] = set()
    folders_seen: set[tuple[int, int]] = set()
    for root in roots:
        if isinstance(root, RemotePath):
            yield from _remote(root)
            continue
        real = os.path.realpath(root)
        if real not in named:
            yield from _tree(root, folders_seen, named, keep=keep)
        elif real not in yielded:
            yielded.add(real)
            yield _photo(root, root)


def _remote(root: RemotePath) -> Iterator[Photo]:
    """The photos under a URL, in the order of `walk`."""
    pending = [root]
    while pending:
        folders = []
        for path, is_folder, size_bytes, mtime_ns in sorted(listing(pending.pop())):
            if path.name.startswith("."):
                continue
            if is_folder:
                folders.append(path)
            elif path.suffix.lower() in _SCANNED_SUFFIXES or path == root:
                yield Photo(path, root, size_bytes, mtime_ns)
        pending += reversed(folders)


def _tree(
    root: Path, folders_seen: set[tuple[int, int]], named: set[str], *, keep: bool
) -> Iterator[_Listing | Photo]:
    """Scan one tree, without recursion. Files in `named` are yielded for their own argument
    instead."""
    pending = [root]
    while pending:
        folder = pending.pop()
        try:
            status = folder.stat()
            if (status.st_dev, status.st_ino) in folders_seen:
                continue
            folders_seen.add((status.st_dev, status.st_ino))
            photos, names, subfolders = _read(folder, keep=keep or bool(named))
        except OSError as error:
            yield Photo(folder, root, problem=f"the folder cannot be read: {error.strerror}")
            continue
        if named:
            real = os.path.realpath(folder)
            names = [name for name in names if os.path.join(real, name) not in named]  # noqa: PTH118
            photos = len(names)
        yield _Listing(folder, root, photos, names)
        pending += [folder / name for name in reversed(subfolders)]


def _read(folder: Path, *, keep: bool) -> tuple[int, list[str], list[str]]:
    """Number of photos, their sorted names, and the sorted names of the subfolders.

    Names instead of directory entries, which take more memory.
    """
    photos, names, subfolders = 0, [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if name[0] == ".":
                continue
            try:
                is_folder = entry.is_dir()
            except OSError:  # a circular link, or no permission
                is_folder = False
            if is_folder:
                subfolders.append(name)
            elif name[name.rfind(".") :].lower() in _SCANNED_SUFFIXES:
                photos += 1
                if keep:
                    names.append(name)
    names.sort()
    subfolders.sort()
    return photos, names, subfolders


def _photo(path: Path, root: Path) -> Photo:
    try:
        status = path.stat()
    except OSError as error:
        return Photo(path, root, problem=_stat_problem(path, error))
    if not S_ISREG(status.st_mode):
        kind = _SPECIAL.get(stat.S_IFMT(status.st_mode), "no plain file")
        return Photo(path, root, problem=f"this is {kind}, not a photo")
    return Photo(path, root, status.st_size, status.st_mtime_ns)


def _stat_problem(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError) and path.is_symlink():
        return f"broken link to {os.readlink(path)!r}"  # noqa: PTH115 the link's own text
    return f"cannot be read: {error.strerror}"
