"""Pictures of the report's photos: only of these, and only while they are the very same files."""

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
from geotagger.review.decisions import Key

SIDES_PX = {"thumbnail": 160, "preview": 1400}
QUALITY = {"thumbnail": 60, "preview": 82}
KEPT_BYTES = 64 * 2**20


def load_photo(key: Key, report: Path) -> LoadedFile:
    """The photo as it is now, and as the report means it.

    Its content has the report's SHA-256, or had it before geotagger wrote to it. So nothing else is
    ever read out or written to, whatever stands at that path by now. Raises PhotoError.
    """
    if not key.sha256:
        raise PhotoError(
            "the report has no SHA-256 of it, so it cannot be told whether it is the same"
        )
    path = find_photo(key.path, report)
    if path is None:
        raise PhotoError(
            "it is not there any more; run the review from the folder of the first run"
        )
    try:
        file = load(path)
    except OSError as error:
        raise PhotoError(f"it cannot be read: {error.strerror or error}") from error
    if file.sha256 != key.sha256 and not _was(file, key.sha256):
        raise PhotoError("it has changed since the report was made: run geotagger tag again")
    return file


def _was(file: LoadedFile, sha256: str) -> bool:
    """Whether geotagger made it from a file with that SHA-256, and nobody else has changed it."""
    with WriteJournal.open() as journal:
        original = original_of(file, journal)
    return original is not None and hashlib.sha256(original).hexdigest() == sha256


class Pictures:
    """Small and large pictures as WebP, upright, without metadata; the latest are kept."""

    def __init__(self, report: Path) -> None:
        self.report = report
        self._kept: OrderedDict[tuple[Key, str], bytes] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def picture(self, key: Key, kind: str) -> bytes:
        """Of `kind` thumbnail or preview. Raises PhotoError, UnreadableImageError among them."""
        with self._lock:
            if (key, kind) in self._kept:
                self._kept.move_to_end((key, kind))
                return self._kept[key, kind]
        made = thumbnail(load_photo(key, self.report).data, SIDES_PX[kind], QUALITY[kind])
        with self._lock:
            if (key, kind) not in self._kept:
                self._kept[key, kind] = made
                self._size += len(made)
            while self._size > KEPT_BYTES and len(self._kept) > 1:
                self._size -= len(self._kept.popitem(last=False)[1])
        return made
