"""Looks at folders before a run: what is there, what has GPS, and what will be left out."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from geotagger.errors import GeotaggerError
from geotagger.images.excludes import DEFAULT_EXCLUDES, Excludes
from geotagger.images.scan import IMAGE_SUFFIXES, RAW_SUFFIXES, walk
from geotagger.images.sniff import FORMATS
from geotagger.metadata.beside import with_files_beside
from geotagger.metadata.read_file import read_head
from geotagger.pipeline.prepare import MAX_FILE_BYTES
from geotagger.printable import printable_path
from geotagger.types import Photo

FORMAT_NAMES = {suffix: item.name for item in FORMATS for suffix in item.suffixes}
"""By suffix; the others of `RAW_SUFFIXES` are camera RAW."""
MAX_OTHER = 12
NO_SUFFIX = "no suffix"


class _Skips:
    """Why photos will be left out: how many, one of them, and what helps."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, Any]] = {}

    def add(self, why: str, remedy: str, count: int = 1, example: str = "") -> None:
        row = self._rows.setdefault(
            why, {"why": why, "count": 0, "example": example, "remedy": remedy}
        )
        row["count"] += count

    def to_json(self) -> list[dict[str, Any]]:
        return sorted(self._rows.values(), key=lambda row: -row["count"])


class Survey:
    """A look at folders, in a thread. It may be stopped at any moment."""

    def __init__(self, folders: Sequence[Path], exclude: Sequence[str]) -> None:
        self._folders = folders
        self._exclude = exclude
        self._is_stopped = threading.Event()
        self._lock = threading.Lock()
        self._values: dict[str, Any] = {
            "running": True, "photos": 0, "checked": 0, "with_gps": 0, "without_gps": 0, "bytes": 0,
            "folders": 0, "formats": {}, "other_files": {}, "skipped": [], "error": "",
        }  # fmt: skip
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it, and wait until it has ended."""
        self._is_stopped.set()
        self._thread.join()

    def to_json(self) -> dict[str, Any]:
        """What was found so far."""
        with self._lock:
            return dict(self._values)

    def _set(self, **values: Any) -> None:
        with self._lock:
            self._values |= values

    def _run(self) -> None:
        try:
            self._count()
            self._check_gps()
        except GeotaggerError as error:
            self._set(error=str(error))
        except OSError as error:
            self._set(error=f"the folders cannot be read: {error.strerror or error}")
        finally:
            self._set(running=False)

    def _photos(self, excludes: Excludes) -> Iterator[Photo]:
        for photo in walk(self._folders, excludes):
            if self._is_stopped.is_set():
                return
            yield photo

    def _count(self) -> None:
        """Names alone: photos, formats, what is left out, and the other files."""
        excludes, skips, formats = self._excludes(), _Skips(), Counter[str]()
        photos, size_bytes, folders = 0, 0, set[Path]()
        for photo in self._photos(excludes):
            photos += 1
            size_bytes += photo.size_bytes
            formats[_format(photo)] += 1
            folders.add(photo.folder)
            _note_skip(photo, skips)
            if photos % 64 == 0:
                self._set(
                    photos=photos, bytes=size_bytes, folders=len(folders), formats=dict(formats)
                )
        for pattern, count in excludes.counts.items():
            why = f"left out by its name: {pattern}"
            skips.add(why, "Folders of thumbnails, previews and bins hold no photos.", count)
        self._set(
            photos=photos,
            bytes=size_bytes,
            folders=len(folders),
            formats=dict(formats.most_common()),
            skipped=skips.to_json(),
            other_files=dict(self._other_files().most_common(MAX_OTHER)),
        )

    def _other_files(self) -> Counter[str]:
        """The files that are no photos, by suffix."""
        found = Counter[str]()
        for root in self._folders:
            for _, subfolders, names in os.walk(root):
                if self._is_stopped.is_set():
                    return found
                subfolders[:] = [name for name in subfolders if name[0] != "."]
                suffixes = (Path(name).suffix.lower() for name in names if name[0] != ".")
                found.update(one for one in suffixes if one and not _is_photo_suffix(one))
        return found

    def _check_gps(self) -> None:
        """The head of each photo: whether it has a measured position."""
        with_gps = 0
        for checked, photo in enumerate(self._photos(self._excludes()), 1):
            with suppress(Exception):  # a damaged photo is a row of the run
                metadata = with_files_beside(read_head(photo.path), photo.path)
                with_gps += metadata.has_measured_gps
            self._set(checked=checked, with_gps=with_gps, without_gps=checked - with_gps)

    def _excludes(self) -> Excludes:
        return Excludes((*DEFAULT_EXCLUDES, *self._exclude))


def _is_photo_suffix(suffix: str) -> bool:
    return suffix in IMAGE_SUFFIXES or suffix in RAW_SUFFIXES


def _format(photo: Photo) -> str:
    suffix = Path(photo.name).suffix.lower()
    return FORMAT_NAMES.get(suffix, "RAW" if suffix in RAW_SUFFIXES else NO_SUFFIX)


def _note_skip(photo: Photo, skips: _Skips) -> None:
    shown = printable_path(photo.path)
    if photo.problem:
        skips.add(photo.problem, "Check that it is there and that you may read it.", 1, shown)
    elif photo.size_bytes == 0:
        skips.add("the file is empty", "Copy it from the card again.", 1, shown)
    elif photo.size_bytes > MAX_FILE_BYTES:
        skips.add("larger than 1 GiB", "Export a smaller copy.", 1, shown)
    elif photo.name.lower().endswith(".jxl") and find_spec("pillow_jxl") is None:
        skips.add("JPEG XL", "Install the package pillow-jxl-plugin.", 1, shown)
