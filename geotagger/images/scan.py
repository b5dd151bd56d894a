"""Scans folders: one `Photo` for every file that may hold a picture.

Look here if a photo is missing from the report, or is there twice. A file is opened only if it has
no suffix or one that is not known here, and then only its first bytes are read.
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
from geotagger.images.excludes import Excludes
from geotagger.images.remote import RemotePath, listing, located
from geotagger.images.sniff import SNIFFED_BYTES, is_picture_head
from geotagger.types import Photo

# fmt: off
IMAGE_SUFFIXES = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".tif", ".tiff", ".heic", ".heif", ".hif",
    ".avif", ".gif", ".bmp", ".jp2", ".j2k", ".mpo", ".insp",
})
"""Files that `images.decode` can read. In lower case; names are compared without case."""

RAW_SUFFIXES = frozenset({
    ".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".kdc", ".mef",
    ".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf",
    ".srw", ".x3f", ".jxl",
})
"""Camera RAW, which is judged by a preview, and JPEG XL, which is decoded if its package is
installed. Without either, the file is skipped, with the reason in its row."""
# fmt: on

_SCANNED_SUFFIXES = IMAGE_SUFFIXES | RAW_SUFFIXES

# fmt: off
_OTHER_SUFFIXES = frozenset({
    # beside photos: metadata, edits, thumbnails, backups, downloads that are not finished
    ".xmp", ".aae", ".thm", ".pp3", ".dop", ".cos", ".cop", ".cot", ".nks", ".ithmb", ".lrprev",
    ".lrcat", ".lrf", ".jpg_original", ".jpeg_original", ".png_original", ".tif_original",
    ".tiff_original", ".webp_original", ".heic_original", ".avif_original", ".gif_original",
    ".bak", ".old", ".orig", ".tmp", ".temp", ".part", ".partial", ".crdownload", ".download",
    ".lock", ".log", ".sha256", ".sha1", ".md5",
    # videos and sound
    ".mp4", ".m4v", ".mov", ".avi", ".mts", ".m2ts", ".m2t", ".mkv", ".webm", ".3gp", ".3g2",
    ".mpg", ".mpeg", ".vob", ".wmv", ".flv", ".lrv", ".insv", ".mp", ".mp3", ".m4a", ".wav",
    ".aac", ".flac", ".ogg", ".opus", ".wma", ".aif", ".aiff", ".amr", ".mid", ".srt", ".vtt",
    ".gpx", ".fit", ".kml", ".kmz", ".nmea", ".tcx", ".geojson",
    # documents, tables and drawings
    ".txt", ".md", ".rst", ".pdf", ".doc", ".docx", ".odt", ".rtf", ".xls", ".xlsx", ".ods",
    ".csv", ".tsv", ".ppt", ".pptx", ".odp", ".json", ".jsonl", ".xml", ".yaml", ".yml",
    ".toml", ".ini", ".cfg", ".conf", ".html", ".htm", ".mhtml", ".epub", ".mobi", ".eml",
    ".msg", ".ics", ".vcf", ".svg", ".svgz", ".eps", ".ps", ".ai", ".psd", ".psb", ".xcf",
    ".kra", ".afphoto", ".indd", ".dwg", ".dxf", ".stl", ".obj", ".ttf", ".otf", ".woff",
    ".woff2", ".ico", ".icns", ".cur", ".url", ".webloc", ".lnk", ".desktop", ".parquet",
    # programs, archives and databases
    ".py", ".pyc", ".pyo", ".ipynb", ".js", ".mjs", ".ts", ".css", ".map", ".java", ".class",
    ".jar", ".c", ".h", ".cc", ".cpp", ".hpp", ".o", ".so", ".a", ".dll", ".dylib", ".exe",
    ".msi", ".com", ".app", ".bat", ".cmd", ".ps1", ".sh", ".pl", ".rb", ".go", ".rs", ".php",
    ".sql", ".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar", ".iso", ".dmg",
    ".img", ".bin", ".apk", ".deb", ".rpm", ".whl", ".db", ".db3", ".sqlite", ".sqlite3",
    ".mdb", ".idx", ".npz", ".npy", ".pkl", ".onnx", ".pt", ".pth", ".safetensors", ".h5",
})
# fmt: on
"""Suffixes of files that are never opened by the scan. Others, and none, are looked into."""
_NOT_TO_OPEN = 0x2 | 0x4 | 0x1000 | 0x400000
"""Windows' attributes of files that are hidden, belong to the system, or are kept in a cloud."""
_FLAGS_NOT_TO_OPEN = 0x8000 | 0x40000000
"""The same of macOS: UF_HIDDEN, SF_DATALESS."""

_OPEN_FLAGS = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

_SPECIAL = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: "a folder",
}


def walk(paths: Iterable[Path], excludes: Excludes | None = None) -> Iterator[Photo]:
    """Yield the photos under `paths`, each file once, in the order of the arguments.

    Args:
        paths: photos and folders.
        excludes: names to leave out, which counts them; None for `DEFAULT_EXCLUDES`.

    In a folder the files come first, then the subfolders, both sorted by name. Names that start
    with a dot are left out unless they are an argument. Links are followed; a folder is scanned
    only once, whatever paths lead to it. What cannot be read (a folder without permission, a broken
    link, a named pipe) is yielded with a `problem`.

    The scan is lazy: it holds only the names of one folder at a time (about 125 bytes a photo), and
    an id of each folder seen.

    Raises:
        UsageError: an argument does not exist or cannot be accessed. Raised before the scan begins.
    """
    return _photos(_listings(_checked(paths), excludes or Excludes(), keep=True))


def count(paths: Iterable[Path], excludes: Excludes | None = None) -> Iterator[int]:
    """The number of photos that `walk` will yield, folder by folder.

    Faster than `walk`, because it keeps no names and asks for no sizes. Raises as `walk`.
    """
    found = _listings(_checked(paths), excludes or Excludes(), keep=False)
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


def _listings(roots: list[Path], excludes: Excludes, *, keep: bool) -> Iterator[_Listing | Photo]:
    """Folders, photos that are roots themselves, and folders that cannot be read (as a `Photo`).

    Args:
        roots: the arguments of the scan.
        excludes: names to leave out.
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
            yield from _remote(root, excludes)
            continue
        real = os.path.realpath(root)
        if real not in named:
            yield from _tree(root, folders_seen, named, excludes, keep=keep)
        elif real not in yielded:
            yielded.add(real)
            yield _photo(root, root)


def _remote(root: RemotePath, excludes: Excludes) -> Iterator[Photo]:
    """The photos under a URL, in the order of `walk`."""
    pending = [root]
    while pending:
        folders = []
        for path, is_folder, size_bytes, mtime_ns in sorted(listing(pending.pop())):
            if path.name.startswith("."):
                continue
            is_photo = path.suffix.lower() in _SCANNED_SUFFIXES
            if path != root and (is_folder or is_photo):
                parent, name = RemotePath(path.parent), path.name
                if excludes.leaves_out(parent, name, root, is_folder=is_folder):
                    continue
            if is_folder:
                folders.append(path)
            elif is_photo or path == root:
                yield Photo(path, root, size_bytes, mtime_ns)
        pending += reversed(folders)


def _tree(
    root: Path,
    folders_seen: set[tuple[int, int]],
    named: set[str],
    excludes: Excludes,
    *,
    keep: bool,
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
            photos, names, subfolders = _read(folder, root, excludes, keep=keep or bool(named))
        except OSError as error:
            yield Photo(folder, root, problem=f"the folder cannot be read: {error.strerror}")
            continue
        if named:
            real = os.path.realpath(folder)
            names = [name for name in names if os.path.join(real, name) not in named]  # noqa: PTH118
            photos = len(names)
        yield _Listing(folder, root, photos, names)
        pending += [folder / name for name in reversed(subfolders)]


def _read(
    folder: Path, root: Path, excludes: Excludes, *, keep: bool
) -> tuple[int, list[str], list[str]]:
    """Number of photos, their sorted names, and the sorted names of the subfolders.

    Names instead of directory entries, which take more memory.
    """
    photos, names, subfolders = 0, [], []
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            try:
                is_folder = entry.is_dir()
            except OSError:  # a circular link, or no permission
                is_folder = False
            if is_folder:
                left_out = excludes.leaves_out(folder, name, root, is_folder=True)
                if name[0] != "." and not left_out:
                    subfolders.append(name)
            elif name[0] != "." and _is_photo(entry):
                if excludes.leaves_out(folder, name, root, is_folder=False):
                    continue
                photos += 1
                if keep:
                    names.append(name)
    names.sort()
    subfolders.sort()
    return photos, names, subfolders


def _is_photo(entry: os.DirEntry[str]) -> bool:
    """By its suffix if that is known, else by its first bytes."""
    name = entry.name
    suffix = name[name.rfind(".") :].lower()
    if suffix in _SCANNED_SUFFIXES:
        return True
    if suffix in _OTHER_SUFFIXES or name[-1] == "~":
        return False
    try:
        status = entry.stat()
        if not S_ISREG(status.st_mode) or status.st_size < SNIFFED_BYTES:
            return False
        attributes = getattr(status, "st_file_attributes", 0) & _NOT_TO_OPEN
        if attributes or getattr(status, "st_flags", 0) & _FLAGS_NOT_TO_OPEN:
            return False
        handle = os.open(entry.path, os.O_RDONLY | _OPEN_FLAGS)
    except OSError:
        return False
    try:
        return is_picture_head(os.read(handle, SNIFFED_BYTES))
    except OSError:
        return False
    finally:
        os.close(handle)


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
