"""Lists folders for a person who chooses one. Of files only names are read, and only if asked."""

from __future__ import annotations

import os
import string
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import platformdirs

from geotagger.app.path_ids import path_json
from geotagger.images.scan import IMAGE_SUFFIXES, RAW_SUFFIXES
from geotagger.tracks.files import SUFFIXES as TRACK_SUFFIXES

MAX_ENTRIES = 2000
PHOTO_SUFFIXES = (*IMAGE_SUFFIXES, *RAW_SUFFIXES)
FILES_OF_KIND = {"folders": (), "tracks": TRACK_SUFFIXES, "area": (".geojson", ".json")}
"""Suffixes of the files that are listed too, by what is chosen."""


def listing(folder: Path, kind: str = "folders") -> dict[str, Any]:
    """The folders in a folder, by name, and how many photos lie in it.

    Args:
        folder: absolute.
        kind: one of `FILES_OF_KIND`.

    Raises:
        ValueError: there is no such kind.
    """
    if kind not in FILES_OF_KIND:
        raise ValueError(f"unknown kind: {kind!r:.40}")
    folders: list[str] = []
    files: list[str] = []
    photos, error = 0, ""
    try:
        for name, is_folder in _entries(folder):
            if is_folder:
                folders.append(name)
            elif name.lower().endswith(FILES_OF_KIND[kind]):
                files.append(name)
            photos += not is_folder and name.lower().endswith(PHOTO_SUFFIXES)
    except OSError as problem:
        error = f"this folder cannot be read: {problem.strerror or problem}"
    parent = None if folder.parent == folder else path_json(folder.parent)
    return {
        "folder": path_json(folder),
        "parent": parent,
        "folders": [
            {**path_json(folder / name), "hidden": name[0] == "."} for name in _first(folders)
        ],
        "files": [path_json(folder / name) for name in _first(files)],
        "more": max(0, len(folders) - MAX_ENTRIES),
        "photos": photos,
        "places": [path_json(path, name) for name, path in _places()],
        "error": error,
    }


def _entries(folder: Path) -> Iterator[tuple[str, bool]]:
    """Each name in a folder, and whether it is a folder. Raises OSError."""
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                yield entry.name, entry.is_dir()
            except OSError:  # a circular link
                continue


def _first(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: (name[0] == ".", name.casefold()))[:MAX_ENTRIES]


def _places() -> Iterator[tuple[str, Path]]:
    """Where photos often are: the user's folders, and the drives."""
    yield "Home", Path.home()
    for name, path in (
        ("Pictures", platformdirs.user_pictures_path()),
        ("Desktop", platformdirs.user_desktop_path()),
        ("Downloads", platformdirs.user_downloads_path()),
    ):
        if path.is_dir() and path != Path.home():
            yield name, path
    for drive in _drives():
        yield drive.name or str(drive), drive


def _drives() -> Iterator[Path]:
    if sys.platform == "win32":
        roots = (Path(f"{letter}:\\") for letter in string.ascii_uppercase)
        yield from (root for root in roots if root.exists())
        return
    user = Path.home().name
    for folder in ("/Volumes", f"/media/{user}", f"/run/media/{user}", "/mnt"):
        try:
            yield from sorted(path for path in Path(folder).iterdir() if path.is_dir())
        except OSError:
            continue
    yield Path("/")
