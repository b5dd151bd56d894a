"""Restores files to what they were before geotagger wrote to them, or removes what it wrote."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from geotagger.errors import CannotEmbedError, PhotoError, UsageError
from geotagger.metadata.containers.locate import xmp_packet
from geotagger.metadata.embed import undo_record
from geotagger.metadata.exiftool.embed import needs_exiftool, without_own_by_exiftool
from geotagger.metadata.exiftool.process import ExifTool
from geotagger.metadata.foreign_tags import foreign_tags
from geotagger.metadata.read import prediction_text, read
from geotagger.metadata.safe_write.loading import LoadedFile, load
from geotagger.metadata.safe_write.replace import named_disk_errors, remove, replace
from geotagger.metadata.sidecar import sidecar_without
from geotagger.metadata.undo.record import original_from, original_sha256
from geotagger.metadata.undo.removal import without_own
from geotagger.metadata.xmp.packet import mentions_geotagger
from geotagger.metadata.xmp.prediction import without_prediction

if TYPE_CHECKING:
    from pathlib import Path

    from geotagger.metadata.undo.write_journal import WriteJournal


class UntagStatus(StrEnum):
    """What `untag` did to one file, worst first."""

    FAILED = "failed"
    CLEANED = "cleaned"
    """Another program changed it since; only what geotagger wrote was removed."""
    RESTORED = "restored"
    """It is the original again, byte for byte."""
    UNTOUCHED = "untouched"
    """It holds nothing of geotagger's."""


@dataclass(frozen=True, slots=True)
class UntagResult:
    """What `untag` did to one file, and why."""

    result: UntagStatus
    note: str = ""


_RESTORED = UntagResult(UntagStatus.RESTORED)
_UNTOUCHED = UntagResult(UntagStatus.UNTOUCHED)


def untag_file(path: Path, journal: WriteJournal, *, touch: bool = False) -> UntagResult:
    """Restores the photo, byte for byte where possible.

    With `touch` its time of change becomes now; otherwise it is kept.

    Raises:
        PhotoError: Nothing can be removed safely, or the disk refuses.
        GeotaggerError: The journal fails.
    """
    with named_disk_errors():
        photo = load(path)
        if photo.sha256 in set(_original_hashes(photo, journal)):
            return _UNTOUCHED
        original = original_of(photo, journal)
        if original is not None:
            replace(photo, original, b"", journal, touch=touch)
            return _RESTORED
        return _cleaned(photo, journal, touch=touch)


def untag_sidecar(path: Path, journal: WriteJournal, *, touch: bool = False) -> UntagResult:
    """Restores the sidecar; deletes it if geotagger made it and nobody else wrote to it.

    With `touch` its time of change becomes now; otherwise it is kept.

    Raises:
        PhotoError: Nothing can be removed safely, or the disk refuses.
        GeotaggerError: The journal fails.
    """
    with named_disk_errors():
        sidecar = load(path)
        if not mentions_geotagger(sidecar.data):
            return _UNTOUCHED
        cleaned = sidecar_without(sidecar.data)
        if not cleaned.removed:
            return _UNTOUCHED
        if cleaned.packet is None:
            remove(sidecar, journal)
            note = "the sidecar was geotagger's and is removed"
            return UntagResult(UntagStatus.RESTORED, note)
        original = original_of(sidecar, journal)
        new = cleaned.packet if original is None else original
        replace(sidecar, new, b"", journal, touch=touch)
        if cleaned.exact or original is not None:
            return _RESTORED
        return _cleaned_result(", ".join(cleaned.removed))


def original_of(file: LoadedFile, journal: WriteJournal) -> bytes | None:
    """The file before geotagger wrote to it, by its own record or the journal; None if unknown."""
    record = undo_record(file.data)
    if record and (original := record.restore(file.data)) is not None:
        return original
    for packed in journal.undo_records(file.path, file.sha256) if file.stat else ():
        if (original := original_from(packed, file.data)) is not None:
            return original
    return None


def _original_hashes(file: LoadedFile, journal: WriteJournal) -> Iterator[str]:
    """SHA-256 of every original that is known for this file."""
    record = undo_record(file.data)
    if record:
        yield record.sha256
    yield from map(original_sha256, journal.undo_records(file.path, file.sha256))


def _cleaned_result(removed: str) -> UntagResult:
    note = f"another program has changed it since; taken out: {removed}"
    return UntagResult(UntagStatus.CLEANED, note)


def _cleaned(photo: LoadedFile, journal: WriteJournal, *, touch: bool) -> UntagResult:
    """Removes only what is ours; another program may have kept any part of it."""
    try:
        new, removed = _without_ours(photo)
    except CannotEmbedError as error:
        if not _holds_ours(photo.data):
            return _UNTOUCHED
        raise PhotoError(
            "another program changed it after it was tagged, so that the original cannot be "
            f"restored, nor the tags be taken out: {error}. Take it from a backup, or remove the "
            "GPS tags with that program."
        ) from error
    if new == photo.data:
        return _UNTOUCHED
    replace(photo, new, b"", journal, touch=touch)
    return _cleaned_result(removed)


def _without_ours(photo: LoadedFile) -> tuple[bytes, str]:
    """(the file without what geotagger wrote, what that was)."""
    suffix, note = photo.path.suffix, prediction_text(photo.data)
    if not needs_exiftool(photo.data, suffix):
        words = foreign_tags(photo.data).keywords

        def change(packet: bytes) -> bytes | None:
            return without_prediction(packet, note, words).packet

        cleaned = without_own(photo.data, change)
        return cleaned.data, ", ".join(cleaned.removed)
    if not _holds_ours(photo.data):  # do not start ExifTool for nothing
        return photo.data, ""
    try:
        with ExifTool() as exiftool:
            new = without_own_by_exiftool(photo.data, suffix, exiftool, note)
            return new, "GPS tags, XMP properties"
    except UsageError as error:
        raise CannotEmbedError("that takes ExifTool, which is not installed") from error


def _holds_ours(data: bytes) -> bool:
    """Whether the lenient readers find anything of geotagger's."""
    in_packet = mentions_geotagger(xmp_packet(data) or b"")
    return in_packet or undo_record(data) is not None or _gps_is_ours(data)


def _gps_is_ours(data: bytes) -> bool:
    metadata = read(data)
    return metadata.gps_is_prediction or metadata.gps_is_from_track
