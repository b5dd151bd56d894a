"""Pictures of the photos in the report, only while their files are unchanged."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from pathlib import Path

from geotagger.errors import PhotoError
from geotagger.metadata.safe_write.loading import LoadedFile, load
from geotagger.metadata.undo.untag import original_of
from geotagger.metadata.undo.write_journal import WriteJournal
from geotagger.reports.formats.thumbnails import thumbnail
from geotagger.reports.read.find_photo import find_photo
from geotagger.review.decisions import PhotoKey

SIDES_PX = {"thumbnail": 160, "preview": 1400}
QUALITY = {"thumbnail": 60, "preview": 82}
MAX_CACHE_BYTES = 64 * 2**20
MAX_AT_ONCE = 2
"""Photos that are decoded at the same time: each may take hundreds of megabytes."""


def load_photo(key: PhotoKey, report: Path) -> LoadedFile:
    """The file of a photo, if it is the one in the report.

    Its content has the SHA-256 of the report, or had it before geotagger wrote to it. So another
    file at that path is never shown or written to.

    Raises:
        PhotoError: the file is missing, unreadable, or another one.
    """
    if not key.sha256:
        raise PhotoError("the report has no SHA-256 of it, so the file cannot be checked")
    path = find_photo(key.path, report)
    if path is None:
        raise PhotoError(
            "it does not exist any more; run the review from the folder of the first run"
        )
    try:
        file = load(path)
    except OSError as error:
        raise PhotoError(f"it cannot be read: {error.strerror or error}") from error
    if file.sha256 != key.sha256 and not _had_sha256(file, key.sha256):
        raise PhotoError("it has changed since the report was made: run geotagger tag again")
    return file


def _had_sha256(file: LoadedFile, sha256: str) -> bool:
    """Whether the file had that SHA-256 before geotagger wrote to it."""
    with WriteJournal.open() as journal:
        original = original_of(file, journal)
    return original is not None and hashlib.sha256(original).hexdigest() == sha256


class Pictures:
    """Small and large pictures as WebP, upright and without metadata, in a cache."""

    def __init__(self, report: Path) -> None:
        self.report = report
        self._cache: OrderedDict[tuple[PhotoKey, str], bytes] = OrderedDict()
        self._cache_bytes = 0
        self._lock = threading.Lock()
        self._decoding = threading.Semaphore(MAX_AT_ONCE)

    def picture(self, key: PhotoKey, kind: str) -> bytes:
        """A picture of `kind` thumbnail or preview. Raises PhotoError if there is none."""
        with self._lock:
            if (key, kind) in self._cache:
                self._cache.move_to_end((key, kind))
                return self._cache[key, kind]
        with self._decoding:
            made = thumbnail(load_photo(key, self.report).data, SIDES_PX[kind], QUALITY[kind])
        with self._lock:
            if (key, kind) not in self._cache:
                self._cache[key, kind] = made
                self._cache_bytes += len(made)
            while self._cache_bytes > MAX_CACHE_BYTES and len(self._cache) > 1:
                self._cache_bytes -= len(self._cache.popitem(last=False)[1])
        return made
