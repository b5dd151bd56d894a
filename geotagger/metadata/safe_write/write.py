"""Tags into one photo on disk, into a copy of it, or into a sidecar beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from geotagger.errors import PhotoError
from geotagger.metadata.containers.locate import xmp_packet
from geotagger.metadata.embed import embed, undo_record
from geotagger.metadata.exiftool import foreign
from geotagger.metadata.read import read
from geotagger.metadata.safe_write.loading import ChangedError, LoadedFile, judged, load_if_there
from geotagger.metadata.safe_write.replace import disk_errors_named, replace
from geotagger.metadata.safe_write.verify import verify
from geotagger.metadata.sidecar import sidecar_bytes, sidecar_without
from geotagger.metadata.undo import delta
from geotagger.metadata.undo.untag import original_of
from geotagger.metadata.xmp.prediction import gps_in, prediction_in, with_prediction, withheld
from geotagger.reasons import Reason, ReasonCode

if TYPE_CHECKING:
    from geotagger.metadata.exiftool.process import ExifTool
    from geotagger.metadata.file_tags import FileTags
    from geotagger.metadata.undo.write_journal import Journal
    from geotagger.metadata.xmp.tags import XmpTags
    from geotagger.types import PhotoMetadata

ALREADY_WRITTEN = Reason(ReasonCode.ALREADY_WRITTEN)


@dataclass(frozen=True, slots=True)
class WriteContext:
    """What every write needs besides the photo and its tags."""

    journal: Journal
    overwrite: str = "never"
    """never, predicted (geotagger's own earlier tags may be replaced) or always (measured too)."""
    exiftool: ExifTool | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """The file that was written, or holds all this already."""

    path: Path
    sha256: str
    reasons: tuple[Reason, ...] = ()
    """What else happened: nothing had to be written, parts were left out."""
    original_sha256: str = ""
    """Of the photo before geotagger wrote to it."""
    lacks_xmp: bool = False
    """EXIF was written alone: the XMP could not be."""


class OverwriteRefusedError(PhotoError):
    """The overwrite policy keeps the existing value."""

    code = ReasonCode.EARLIER_PREDICTION_KEPT


def tag_file(path: Path, judged_sha256: str, tags: FileTags, pen: WriteContext) -> Result:
    """Writes `tags` into the photo, whose content was judged when it had `judged_sha256`.

    Raises KeptError when something that stands there is kept, CannotEmbedError when the photo must
    not or cannot hold the tags, other PhotoErrors when the disk refuses; in each case the photo is
    as it was. Raises GeotaggerError when the journal fails.
    """
    with disk_errors_named():
        try:
            with judged(path, judged_sha256) as photo:
                new = _new_version(photo, photo, tags, pen)
        except ChangedError as now:
            if pen.journal.made(now.path, judged_sha256, now.sha256):
                reason = Reason(ReasonCode.WRITTEN_UNDER_OTHER_NAME)
                return Result(now.path, now.sha256, (reason,))
            raise
        return _written(photo, photo, new, pen)


def tag_copy(
    path: Path, target: Path, judged_sha256: str, tags: FileTags, pen: WriteContext
) -> Result:
    """As `tag_file`, into a copy at `target`; the photo is only read."""
    with disk_errors_named():
        with judged(path, judged_sha256) as photo:
            there = _copy_of(photo, target, pen)
            new = _new_version(photo, there, tags, pen)
        return _written(photo, there, new, pen)


def copy_file(path: Path, target: Path, judged_sha256: str, pen: WriteContext) -> Result:
    """A copy of the photo without tags, for a sidecar to stand beside. Raises as `tag_file`."""
    with disk_errors_named():
        with judged(path, judged_sha256) as photo:
            there = _copy_of(photo, target, pen)
        if there.sha256 != photo.sha256:
            target.parent.mkdir(parents=True, exist_ok=True)
            replace(there, photo.data, b"", pen.journal, like=photo.path)
        return Result(there.path, photo.sha256)


def tag_sidecar(sidecar: Path, tags: XmpTags, existing: PhotoMetadata, pen: WriteContext) -> Result:
    """Writes the XMP sidecar of a photo, or adds to the one that is there.

    `existing` is what the photo itself says. Raises as `tag_file` does; CannotEmbedError for a
    sidecar that cannot be extended without risk.
    """
    with disk_errors_named():
        there = load_if_there(sidecar)
        packet = there.data if there.stat else None
        gps = gps_in(packet)
        measured = gps is not None and gps.point is not None and not gps.is_prediction
        if measured or (existing.gps and not existing.gps_is_prediction):
            _keep_measured(pen)
        new = sidecar_bytes(packet, tags)
        if new == packet:
            return Result(there.path, there.sha256, (ALREADY_WRITTEN,))
        if prediction_in(packet) and pen.overwrite == "never":
            raise OverwriteRefusedError(
                "its sidecar holds an earlier prediction (see --overwrite predicted)"
            )
        before = None if packet is None else sidecar_without(packet).packet
        sha256 = replace(there, new, delta.delta(new, before), pen.journal)
        return Result(there.path, sha256, _withheld(new, tags))


class _Embedded(NamedTuple):
    data: bytes
    undo: bytes
    """The packed record that leads back."""
    original_sha256: str
    reasons: tuple[Reason, ...] = ()
    lacks_xmp: bool = False


def _new_version(
    photo: LoadedFile, there: LoadedFile, tags: FileTags, pen: WriteContext
) -> _Embedded:
    """Of `there`: the photo itself, an earlier copy of it, or a file that is to be."""
    now = there if there.stat else photo
    existing = read(now.data)
    if existing.gps and not existing.gps_is_prediction:
        _keep_measured(pen)
    new = _embedded(now, tags, pen)
    kept = existing.gps_is_prediction and pen.overwrite == "never" and now is there
    if kept and new.data != there.data:
        raise OverwriteRefusedError("it holds an earlier prediction (see --overwrite predicted)")
    return new


def _written(photo: LoadedFile, there: LoadedFile, new: _Embedded, pen: WriteContext) -> Result:
    if new.data == there.data:
        sha256, reasons = there.sha256, (ALREADY_WRITTEN, *new.reasons)
    else:
        if there.stat is None:
            there.path.parent.mkdir(parents=True, exist_ok=True)
        sha256 = replace(there, new.data, new.undo, pen.journal, like=photo.path)
        reasons = new.reasons
    return Result(there.path, sha256, reasons, new.original_sha256, new.lacks_xmp)


def _embedded(now: LoadedFile, tags: FileTags, pen: WriteContext) -> _Embedded:
    suffix = now.path.suffix
    if foreign.needs_exiftool(now.data, suffix):
        original = original_of(now, pen.journal)
        original = now.data if original is None else original
        data, undo = foreign.embedded(original, now.data, suffix, tags, pen.exiftool)
        return _Embedded(data, undo, delta.leads_to(undo) or "")
    earlier = undo_record(now.data)
    tags = tags.of(earlier.sha256 if earlier else now.sha256, prediction_in(xmp_packet(now.data)))
    xmp = tags.xmp

    def change(packet: bytes | None) -> bytes:
        assert xmp is not None
        return with_prediction(packet, xmp)

    written = embed(now.data, tags.gps, change if xmp else None, now.sha256)
    if written.data != now.data:
        verify(written)
    record = written.record
    reasons: list[Reason] = []
    if written.xmp_problem:
        reasons.append(Reason(ReasonCode.XMP_NOT_WRITTEN, written.xmp_problem))
    if xmp and written.packet and xmp_packet(written.original):  # others' values may stand there
        reasons += _withheld(written.packet, xmp)
    lacks_xmp = xmp is not None and written.packet is None
    return _Embedded(written.data, record.pack(), record.sha256, tuple(reasons), lacks_xmp)


def _copy_of(photo: LoadedFile, target: Path, pen: WriteContext) -> LoadedFile:
    """The earlier copy, or the file that is to be."""
    there = load_if_there(target)
    if there.path == photo.path:
        raise PhotoError("its copy would be the photo itself: choose another folder with --out")
    if there.stat and not _versions(photo, pen) & _versions(there, pen):
        raise PhotoError(f"another file is at {target} already: choose another folder with --out")
    return there


def _versions(file: LoadedFile, pen: WriteContext) -> set[bytes]:
    """The file as it is, and as it was before geotagger wrote to it."""
    original = original_of(file, pen.journal)
    return {file.data} if original is None else {file.data, original}


def _keep_measured(pen: WriteContext) -> None:
    if pen.overwrite != "always":
        raise OverwriteRefusedError(
            "it has a GPS position of its own, which is kept", ReasonCode.MEASURED_GPS_KEPT
        )


def _withheld(packet: bytes, tags: XmpTags) -> tuple[Reason, ...]:
    lacking = ", ".join(withheld(packet, tags))
    return (Reason(ReasonCode.OTHER_VALUES_KEPT, lacking),) if lacking else ()
