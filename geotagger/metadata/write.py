"""Tags into one photo on disk, and out again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from geotagger.errors import CannotEmbedError, PhotoError
from geotagger.metadata.exif import GpsTags, embed, restore, undo_record
from geotagger.metadata.read import read
from geotagger.metadata.replace import disk_errors_named, load, replace
from geotagger.metadata.verify import verify

if TYPE_CHECKING:
    from pathlib import Path

    from geotagger.metadata.journal import Journal


def tag_file(
    path: Path, data_sha256: str, tags: GpsTags, journal: Journal, *, overwrite: str
) -> str:
    """Writes `tags` into the photo, whose content was judged when it had `data_sha256`.

    `overwrite` is "never", "predicted" (geotagger's own earlier tags may be replaced) or "always"
    (a measured position too). Returns "", or a note when the photo holds these very tags already.

    Raises CannotEmbedError when the photo must not or cannot hold them, PhotoError when the disk
    refuses; in either case the photo is as it was. Raises GeotaggerError when the journal fails.
    """
    with disk_errors_named():
        photo = load(path)
        if photo.sha256 != data_sha256:
            raise PhotoError("it changed while it was being judged: run again")
        existing = read(photo.data)
        if existing.gps and not existing.gps_is_prediction and overwrite != "always":
            raise CannotEmbedError("it has a GPS position of its own, which is kept")
        tagged = embed(photo.data, tags, photo.sha256)
        if tagged == photo.data:
            return "holds this prediction already"
        if existing.gps_is_prediction and overwrite == "never":
            raise CannotEmbedError("it holds an earlier prediction (see --overwrite predicted)")
        verify(photo.data, tagged, tags)
        replace(photo, tagged, undo_record(tagged), journal)
    return ""


def untag_file(path: Path, journal: Journal) -> bool:
    """Puts the photo back, byte for byte. False when geotagger has written nothing into it.

    Raises PhotoError when the original cannot be had any more, or the disk refuses.
    """
    with disk_errors_named():
        photo = load(path)
        own = undo_record(photo.data)
        known = journal.undo_records(photo.path, photo.sha256)
        records = dict.fromkeys([own, *known] if own else known)
        if any(record.sha256 == photo.sha256 for record in records):
            return False
        originals = (restore(photo.data, record) for record in records)
        original = next((data for data in originals if data is not None), None)
        if original is not None:
            replace(photo, original, None, journal)
            return True
    if own or read(photo.data).gps_is_prediction:
        raise PhotoError(
            "another program changed it after it was tagged, so that the original cannot be "
            "restored: take it from a backup, or remove the GPS tags with that program"
        )
    return False
