"""Writes tags into a photo on disk, into a copy of it, or into a sidecar next to it."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from geotagger.config import Overwrite
from geotagger.errors import CannotEmbedError, PhotoError
from geotagger.metadata.beside import with_positions_beside
from geotagger.metadata.containers.locate import metadata_blocks, xmp_packet
from geotagger.metadata.embed import embed_in, open_untagged
from geotagger.metadata.exiftool.embed import embed_by_exiftool, needs_exiftool
from geotagger.metadata.foreign_tags import foreign_tags, foreign_tags_for_sidecar
from geotagger.metadata.read import read_gps
from geotagger.metadata.safe_write.loading import (
    ChangedError,
    LoadedFile,
    load,
    load_if_present,
    load_unchanged,
)
from geotagger.metadata.safe_write.replace import named_disk_errors, replace
from geotagger.metadata.safe_write.verify import verify
from geotagger.metadata.sidecar import (
    existing_sidecars,
    sidecar_path,
    sidecar_with,
    sidecar_without,
)
from geotagger.metadata.undo.delta import delta
from geotagger.metadata.undo.record import original_sha256
from geotagger.metadata.undo.untag import original_of, untag_sidecar
from geotagger.metadata.xmp.prediction import (
    gps_in,
    prediction_in,
    spaces_written,
    with_prediction,
    withheld,
    without_prediction,
)
from geotagger.metadata.xmp.tags import TRACK, own_properties
from geotagger.printable import printable_path
from geotagger.reasons import Reason, ReasonCode
from geotagger.types import PhotoMetadata

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geotagger.metadata.containers.locate import MetadataBlocks
    from geotagger.metadata.exiftool.process import ExifTool
    from geotagger.metadata.file_tags import FileTags
    from geotagger.metadata.foreign_tags import ForeignTags
    from geotagger.metadata.undo.write_journal import WriteJournal
    from geotagger.metadata.xmp.tags import XmpTags

ALREADY_WRITTEN = Reason(ReasonCode.ALREADY_WRITTEN)


@dataclass(frozen=True, slots=True)
class WriteContext:
    """What every write needs besides the photo and its tags."""

    journal: WriteJournal
    overwrite: Overwrite = Overwrite.NEVER
    """never, predicted (geotagger's own earlier tags may be replaced) or always (measured too)."""
    exiftool: ExifTool | None = None
    touch: bool = False
    """Set the time of change of written files to now, instead of keeping it."""


@dataclass(frozen=True, slots=True)
class WriteResult:
    """The file that was written, or that holds everything already."""

    path: Path
    sha256: str
    reasons: tuple[Reason, ...] = ()
    """What else happened: nothing had to be written, or parts were left out."""
    original_sha256: str = ""
    """Of the photo before geotagger wrote to it."""
    lacks_xmp: bool = False
    """Only EXIF could be written, not XMP."""
    is_written: bool = True
    """The file was written, or would have been without a dry run; False: nothing had to be."""


class OverwriteRefusedError(PhotoError):
    """The overwrite policy keeps the existing value."""

    code = ReasonCode.EARLIER_PREDICTION_KEPT


def tag_file(
    path: Path, analysed_sha256: str, tags: FileTags, context: WriteContext
) -> WriteResult:
    """Writes tags into the photo itself. On any error the photo is unchanged.

    Args:
        path: The photo; links are followed.
        analysed_sha256: SHA-256 of the content that was analysed; the photo must still have it.
        tags: What to write.
        context: Journal, overwrite policy and ExifTool.

    Raises:
        OverwriteRefusedError: The overwrite policy keeps an existing value.
        CannotEmbedError: The photo must not or cannot hold the tags.
        PhotoError: The photo changed, or the disk refuses.
        GeotaggerError: The journal fails.
    """
    with named_disk_errors():
        try:
            with load_unchanged(path, analysed_sha256) as photo:
                if rehearsed := _rehearsed(photo.path, context):
                    raise ChangedError(photo.path, rehearsed)
                new = _new_content(photo, photo, tags, context, beside=[path])
        except ChangedError as changed:
            is_own = context.journal.has_write(changed.path, analysed_sha256, changed.sha256)
            if is_own or changed.sha256 == _rehearsed(changed.path, context):
                reason = Reason(ReasonCode.WRITTEN_UNDER_OTHER_NAME)
                return WriteResult(changed.path, changed.sha256, (reason,), is_written=False)
            raise
        return _write(photo, photo, new, context)


def tag_copy(
    path: Path, target: Path, analysed_sha256: str, tags: FileTags, context: WriteContext
) -> WriteResult:
    """Writes tags into a copy at `target`; the photo is only read. Otherwise as `tag_file`."""
    with named_disk_errors():
        with load_unchanged(path, analysed_sha256) as photo:
            copy = _load_copy(photo, target, context)
            new = _new_content(photo, copy, tags, context, beside=[path, target])
        return _write(photo, copy, new, context)


def copy_file(
    path: Path,
    target: Path,
    analysed_sha256: str,
    existing: PhotoMetadata,
    kind: str,
    context: WriteContext,
) -> WriteResult:
    """Copies the photo without tags, so that a sidecar can be put next to it. As `tag_file`.

    `existing` is its metadata, with its sidecars, and `kind` that of the position for the sidecar:
    a photo that gets no tags is not copied.
    """
    with named_disk_errors():
        _refuse_measured(existing, context, kind)
        with load_unchanged(path, analysed_sha256) as photo:
            copy = _load_copy(photo, target, context)
        is_written = copy.sha256 != photo.sha256
        if is_written:
            replace(copy, photo.data, b"", context.journal, like=photo.path, touch=context.touch)
        return WriteResult(copy.path, photo.sha256, is_written=is_written)


def tag_sidecar(
    path: Path, photo: Path, tags: XmpTags, existing: PhotoMetadata, context: WriteContext
) -> WriteResult:
    """Writes the XMP sidecar of a photo, or extends the existing one.

    Args:
        path: The sidecar.
        photo: Its photo; programs read what the sidecar lacks from there.
        tags: What to write.
        existing: The metadata of the photo, with its sidecars.
        context: Journal and overwrite policy.

    Raises:
        OverwriteRefusedError: The overwrite policy keeps an existing value.
        CannotEmbedError: The existing sidecar cannot be extended without risk.
        PhotoError: The disk refuses.
        GeotaggerError: The journal fails.
    """
    with named_disk_errors():
        sidecar = load_if_present(path)
        packet = sidecar.data if sidecar.stat else None
        gps = gps_in(packet)
        in_sidecar = PhotoMetadata(gps_sidecar=path.name)
        if gps:
            in_sidecar = PhotoMetadata(
                *gps[:3],
                gps_is_unread=gps.is_unread,
                gps_sidecar=path.name,
                gps_is_from_track=gps.is_from_track,
            )
        _refuse_measured(existing, context, tags.kind)
        _refuse_measured(in_sidecar, context, tags.kind)
        foreign = _foreign_tags_in(photo)
        new = sidecar_with(packet, tags, foreign)
        if new == packet:
            return WriteResult(sidecar.path, sidecar.sha256, (ALREADY_WRITTEN,), is_written=False)
        if prediction_in(packet) and context.overwrite == Overwrite.NEVER:
            raise OverwriteRefusedError(
                f"its sidecar holds {_earlier(in_sidecar)} (see --overwrite predicted)"
            )
        undo = delta(new, None if packet is None else sidecar_without(packet).packet)
        sha256 = replace(sidecar, new, undo, context.journal, touch=context.touch)
        return WriteResult(sidecar.path, sha256, _withheld_reasons(packet, tags, foreign))


def _foreign_tags_in(photo: Path) -> ForeignTags:
    data = load(photo).data
    packet = xmp_packet(data)
    try:
        original = without_prediction(packet).packet if packet else None
    except CannotEmbedError:
        original = None
    return foreign_tags_for_sidecar(data, original)


def retire_sidecars(
    photo: Path, source_sha256: str, tags: FileTags, context: WriteContext
) -> tuple[Reason, ...]:
    """Removes earlier predictions from the sidecars of a photo that now holds `tags` itself.

    Programs that read a sidecar first would show the old prediction. A sidecar that was only
    geotagger's is deleted; `untag` of the photo works without it. A prediction that differs from
    `tags` stays if the overwrite policy is never. So does one in `photo.xmp`, which several photos
    may share, unless it was made for the original with `source_sha256`.

    Returns:
        What happened to each; empty if there was nothing to remove.

    Raises:
        GeotaggerError: The journal fails.
    """
    unshared = sidecar_path(photo)
    reasons: list[Reason] = []
    for path in existing_sidecars(photo):
        required_source = "" if path == unshared else source_sha256
        reasons += _retire(path, required_source, tags, context)
    return tuple(reasons)


def _retire(
    path: Path, required_source: str, tags: FileTags, context: WriteContext
) -> tuple[Reason, ...]:
    try:
        with named_disk_errors():
            if _rehearsed(path, context) is not None:
                return ()
            earlier = prediction_in(path.read_bytes())
            if earlier is None or (required_source and earlier.source_sha256 != required_source):
                return ()
            new = tags.for_original(earlier.source_sha256, earlier).xmp
            new = new and dataclasses.replace(new, exif_gps=earlier.exif_gps)
            differs = new is not None and own_properties(new) != own_properties(earlier)
            if context.overwrite == Overwrite.NEVER and differs:
                return (Reason(ReasonCode.OLD_SIDECAR_KEPT),)
            result = untag_sidecar(path, context.journal, touch=context.touch)
    except PhotoError as error:
        return (Reason(ReasonCode.OLD_SIDECAR_NOT_CLEARED, str(error)),)
    cleared = Reason(ReasonCode.OLD_SIDECAR_CLEARED)
    if not result.note:
        return (cleared,)
    return cleared, Reason(ReasonCode.SIDECAR_UNTAGGED, result.note)


class _NewContent(NamedTuple):
    data: bytes
    undo: bytes
    """The packed record or delta that restores the original."""
    original_sha256: str
    reasons: tuple[Reason, ...] = ()
    lacks_xmp: bool = False


def _new_content(
    photo: LoadedFile,
    target: LoadedFile,
    tags: FileTags,
    context: WriteContext,
    *,
    beside: Sequence[Path],
) -> _NewContent:
    """The tagged content for `target`: the photo itself, an earlier copy, or a future file.

    Sidecars and records of the paths `beside` may hold the position of another program.
    """
    base = target if target.stat else photo
    blocks, kind = metadata_blocks(base.data), tags.kind
    existing = read_gps(blocks)
    _refuse_measured(existing, context, kind)
    for path in beside:
        _refuse_measured(with_positions_beside(PhotoMetadata(), path), context, kind)
    new = _embedded(base, blocks, tags, context)
    has_own_tags = (existing.gps_is_prediction or existing.gps_is_from_track) and base is target
    if has_own_tags and context.overwrite == Overwrite.NEVER and new.data != target.data:
        raise OverwriteRefusedError(f"it holds {_earlier(existing)} (see --overwrite predicted)")
    return new


def _write(
    photo: LoadedFile, target: LoadedFile, new: _NewContent, context: WriteContext
) -> WriteResult:
    is_written = new.data != target.data
    if is_written:
        sha256 = replace(
            target, new.data, new.undo, context.journal, like=photo.path, touch=context.touch
        )
        reasons = new.reasons
    else:
        sha256, reasons = target.sha256, (ALREADY_WRITTEN, *new.reasons)
    return WriteResult(target.path, sha256, reasons, new.original_sha256, new.lacks_xmp, is_written)


def _rehearsed(path: Path, context: WriteContext) -> str | None:
    """The SHA-256 that the file would have by now in a dry run; None if it would be as it is."""
    return (context.journal.rehearsed or {}).get(Path(os.path.realpath(path)))


def _embedded(
    base: LoadedFile, blocks: MetadataBlocks, tags: FileTags, context: WriteContext
) -> _NewContent:
    if needs_exiftool(base.data, base.path.suffix):
        return _embedded_by_exiftool(base, tags, context)
    photo = open_untagged(base.data, base.sha256)
    source_sha256 = photo.record.sha256 if photo.record else base.sha256
    tags = tags.for_original(source_sha256, prediction_in(blocks.xmp))
    is_untagged = photo.container.data is base.data
    old_packet = blocks.xmp if is_untagged else xmp_packet(photo.container.data)
    foreign = foreign_tags(base.data, blocks)
    gps, xmp = tags.gps, tags.xmp
    if gps and xmp:
        gps = gps.naming_spaces(spaces_written(old_packet, xmp, foreign))

    def change(packet: bytes | None) -> bytes:
        assert xmp is not None
        return with_prediction(packet, xmp, foreign=foreign)

    result = embed_in(photo, gps, change if xmp else None)
    if result.data != base.data:
        verify(result)
    reasons: list[Reason] = []
    if result.xmp_problem:
        reasons.append(Reason(ReasonCode.XMP_NOT_WRITTEN, result.xmp_problem))
    if xmp and result.packet:
        reasons += _withheld_reasons(old_packet, xmp, foreign)
    lacks_xmp = xmp is not None and result.packet is None
    record = result.record
    return _NewContent(result.data, record.pack(), record.sha256, tuple(reasons), lacks_xmp)


def _embedded_by_exiftool(base: LoadedFile, tags: FileTags, context: WriteContext) -> _NewContent:
    found = original_of(base, context.journal)
    untagged = base.data if found is None else found
    data, undo = embed_by_exiftool(untagged, base.data, base.path.suffix, tags, context.exiftool)
    return _NewContent(data, undo, original_sha256(undo))


def _load_copy(photo: LoadedFile, target: Path, context: WriteContext) -> LoadedFile:
    """The earlier copy at `target`, or a file that does not exist yet.

    Raises:
        PhotoError: `target` is the photo itself, or a file that is not a copy of it.
    """
    copy = load_if_present(target)
    if copy.path == photo.path:
        raise PhotoError("its copy would be the photo itself: choose another folder with --out")
    if copy.stat and not _versions(photo, context) & _versions(copy, context):
        raise PhotoError(f"another file is at {target} already: choose another folder with --out")
    return copy


def _versions(file: LoadedFile, context: WriteContext) -> set[bytes]:
    """The content as it is, and as it was before geotagger wrote to it."""
    earlier = original_of(file, context.journal)
    return {file.data} if earlier is None else {file.data, earlier}


def _earlier(existing: PhotoMetadata) -> str:
    """What geotagger wrote earlier, in words."""
    return "an earlier track position" if existing.gps_is_from_track else "an earlier prediction"


def _refuse_measured(existing: PhotoMetadata, context: WriteContext, kind: str) -> None:
    """Refuses to replace what any reader could take for a measured position.

    A track may replace what geotagger wrote from a track earlier, as far as --overwrite says so,
    because the clock offset may have been wrong. A prediction may not.
    """
    if context.overwrite == Overwrite.ALWAYS:
        return
    sidecar = printable_path(Path(existing.gps_sidecar)) if existing.gps_sidecar else ""
    it = f"its {existing.gps_file_kind} {sidecar}" if sidecar else "it"
    if existing.gps_is_from_track and not existing.gps_is_unread:
        if kind == TRACK:
            return
        raise OverwriteRefusedError(
            f"{it} has the position of a track, which is measured and kept",
            ReasonCode.MEASURED_GPS_KEPT,
        )
    if existing.gps and not existing.gps_is_prediction:
        raise OverwriteRefusedError(
            f"{it} has a GPS position of its own, which is kept", ReasonCode.MEASURED_GPS_KEPT
        )
    if existing.gps_is_unread:
        raise OverwriteRefusedError(
            f"{it} has GPS tags that other programs may read, which are kept",
            ReasonCode.MEASURED_GPS_KEPT,
        )


def _withheld_reasons(
    packet: bytes | None, tags: XmpTags, foreign: ForeignTags
) -> tuple[Reason, ...]:
    names = ", ".join(withheld(packet, tags, foreign))
    return (Reason(ReasonCode.OTHER_VALUES_KEPT, names),) if names else ()
