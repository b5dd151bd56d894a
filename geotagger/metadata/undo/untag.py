"""Files as they were before geotagger wrote into them; at least without what is geotagger's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from geotagger.errors import CannotEmbedError, PhotoError, UsageError
from geotagger.metadata.containers.locate import xmp_packet
from geotagger.metadata.embed import restore, undo_record
from geotagger.metadata.exiftool import foreign
from geotagger.metadata.exiftool.process import ExifTool
from geotagger.metadata.read import read
from geotagger.metadata.safe_write.loading import LoadedFile, load
from geotagger.metadata.safe_write.replace import disk_errors_named, remove, replace
from geotagger.metadata.sidecar import sidecar_without
from geotagger.metadata.undo import delta
from geotagger.metadata.undo.record import record_at_end
from geotagger.metadata.undo.removal import without_own
from geotagger.metadata.xmp.prediction import without_prediction
from geotagger.metadata.xmp.tree import GEOTAGGER

if TYPE_CHECKING:
    from pathlib import Path

    from geotagger.metadata.undo.write_journal import Journal


@dataclass(frozen=True, slots=True)
class Untagged:
    """What became of one file."""

    result: str
    """restored: the very original. cleaned: another program has written to it since, so that only
    what is geotagger's was taken out. untouched: there is nothing of geotagger's in it."""
    note: str = ""


UNTOUCHED = Untagged("untouched")
RESTORED = Untagged("restored")


def untag_file(path: Path, journal: Journal) -> Untagged:
    """Puts the photo back, byte for byte where that can be.

    Raises PhotoError when nothing can be taken out safely, or the disk refuses.
    """
    with disk_errors_named():
        photo = load(path)
        if photo.sha256 in set(_leads_to(photo, journal)):
            return UNTOUCHED
        original = original_of(photo, journal)
        if original is not None:
            replace(photo, original, b"", journal)
            return RESTORED
        return _cleaned(photo, journal)


def untag_sidecar(path: Path, journal: Journal) -> Untagged:
    """As `untag_file`. A sidecar that geotagger made, and no one has written to, is removed."""
    with disk_errors_named():
        sidecar = load(path)
        if GEOTAGGER.encode() not in sidecar.data.replace(b"\0", b""):
            return UNTOUCHED
        removal = sidecar_without(sidecar.data)
        if not removal.removed:
            return UNTOUCHED
        if removal.packet is None:
            remove(sidecar, journal)
            return Untagged("restored", "the sidecar was geotagger's and is removed")
        known = original_of(sidecar, journal)
        replace(sidecar, removal.packet if known is None else known, b"", journal)
        if removal.exact or known is not None:
            return RESTORED
        taken = ", ".join(removal.removed)
        return Untagged("cleaned", f"another program has changed it since; taken out: {taken}")


def original_of(file: LoadedFile, journal: Journal) -> bytes | None:
    """The file before geotagger wrote to it; None when nothing leads there."""
    record = undo_record(file.data)
    if record and (original := restore(file.data, record)) is not None:
        return original
    for packed in journal.undo_records(file.path, file.sha256) if file.stat else ():
        if delta.leads_to(packed) is not None:
            original = delta.earlier_version(file.data, packed)
        else:
            record = record_at_end(packed)
            original = restore(file.data, record) if record else None
        if original is not None:
            return original
    return None


def _leads_to(file: LoadedFile, journal: Journal) -> Iterator[str]:
    """SHA-256 of the originals that are known for this file."""
    record = undo_record(file.data)
    if record:
        yield record.sha256
    for packed in journal.undo_records(file.path, file.sha256):
        record = record_at_end(packed)
        yield (delta.leads_to(packed) or "") if record is None else record.sha256


def _cleaned(photo: LoadedFile, journal: Journal) -> Untagged:
    """Only what is ours is taken out. Another program may have left any part of it alone."""
    try:
        new, what = _without_ours(photo)
    except CannotEmbedError as error:
        if not _bears_ours(photo.data):
            return UNTOUCHED
        raise PhotoError(
            "another program changed it after it was tagged, so that the original cannot be "
            f"restored, nor the tags be taken out: {error}. Take it from a backup, or remove the "
            "GPS tags with that program."
        ) from error
    if new == photo.data:
        return UNTOUCHED
    replace(photo, new, b"", journal)
    return Untagged("cleaned", f"another program has changed it since; taken out: {what}")


def _without_ours(photo: LoadedFile) -> tuple[bytes, str]:
    """(the file without what is geotagger's, what that was)."""
    suffix = photo.path.suffix
    if not foreign.needs_exiftool(photo.data, suffix):
        removed = without_own(photo.data, lambda packet: without_prediction(packet).packet)
        return removed.data, ", ".join(removed.what)
    if not _bears_ours(photo.data):  # ExifTool takes its time
        return photo.data, ""
    try:
        with ExifTool() as exiftool:
            return foreign.cleaned(photo.data, suffix, exiftool), "GPS tags, XMP properties"
    except UsageError as error:
        raise CannotEmbedError("that takes ExifTool, which is not installed") from error


def _bears_ours(data: bytes) -> bool:
    """Whether a lenient reader finds anything of geotagger's."""
    packet = xmp_packet(data) or b""
    in_packet = GEOTAGGER.encode() in packet.replace(b"\0", b"")
    return in_packet or undo_record(data) is not None or read(data).gps_is_prediction
