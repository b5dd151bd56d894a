"""Writes tags and XMP into the bytes of a JPEG, PNG, TIFF or WebP file, and removes them again.

    result = embed(data, tags, change, sha256)      # CannotEmbedError: nothing can be written
    verify(result)                                  # CannotEmbedError: it must not be written
    result.record.restore(result.data) == result.original

`embed` is `open_untagged`, then `embed_in`. A file whose SHA-256 is given is not hashed: 4 MB take
2 to 20 ms, more than everything else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import NamedTuple

from geotagger.errors import CannotEmbedError
from geotagger.metadata.containers.jpeg import JpegFile, SegmentFullError
from geotagger.metadata.containers.png import SIGNATURE, PngFile
from geotagger.metadata.containers.tiff import TiffFile
from geotagger.metadata.containers.webp import WebpFile
from geotagger.metadata.exif.gps_tags import GpsTags
from geotagger.metadata.exif.ifd import Tiff, TiffError, read_tiff
from geotagger.metadata.exif.patch import new_block, patch
from geotagger.metadata.undo.edits import Edit, apply, difference, growth_of, inverse
from geotagger.metadata.undo.record import MAX_EDITS, EditRecord, record_at_end

Container = JpegFile | PngFile | TiffFile | WebpFile
ChangeXmp = Callable[[bytes | None], bytes]

_MAX_PACKET_BYTES = 65_502
"""What one JPEG segment holds (XMP part 3, 1.1.3); a sound limit for the other formats too."""
_MAX_UNDO_BYTES = 16_384


class EmbedResult(NamedTuple):
    """A photo with embedded tags, not yet verified."""

    data: bytes
    before: Container
    """The photo before geotagger wrote to it."""
    record: EditRecord
    """Restores `original` from `data`; `data` contains it too."""
    tags: GpsTags | None
    packet: bytes | None
    """The new XMP packet; None: XMP was not changed."""
    xmp_problem: str = ""
    """Why the XMP was not written."""

    @property
    def original(self) -> bytes:
        """The bytes of `before`."""
        return self.before.data


class UntaggedPhoto(NamedTuple):
    """A photo as it was before geotagger wrote to it."""

    container: Container
    sha256: str
    record: EditRecord | None
    """What the present file says of its original, even if it does not lead there any more."""


def embed(
    data: bytes, tags: GpsTags | None, change: ChangeXmp | None = None, sha256: str = ""
) -> EmbedResult:
    """Writes `tags` into the GPS directory of a photo and changes its XMP.

    An earlier prediction that can be undone is undone first. So undo always leads to the original,
    and the same tags always give the same bytes.

    Args:
        data: The whole file.
        tags: The GPS tags; None leaves the GPS directory as it is.
        change: Takes the standard XMP packet of the original (None: there is none) and returns the
            new one. None, or returning the same packet, leaves XMP as it is. If it raises
            CannotEmbedError, or the packet does not fit, only EXIF is written, and the result says
            why in `xmp_problem`.
        sha256: Of `data`, if known.

    Raises:
        CannotEmbedError: Nothing can be written.
    """
    return embed_in(open_untagged(data, sha256), tags, change)


def open_untagged(data: bytes, sha256: str = "") -> UntaggedPhoto:
    """Opens a photo, and undoes an earlier prediction that can be undone.

    Args:
        data: The whole file.
        sha256: Of `data`, if known.

    Raises:
        CannotEmbedError: The file does not follow its standard, or cannot be written.
    """
    container = open_container(data)
    record = record_at_end(container.exif or b"")
    if record and (earlier := record.restore(data)) is not None:
        return UntaggedPhoto(open_container(earlier), record.sha256, record)
    return UntaggedPhoto(container, sha256 or hashlib.sha256(data).hexdigest(), record)


def embed_in(
    photo: UntaggedPhoto, tags: GpsTags | None, change: ChangeXmp | None = None
) -> EmbedResult:
    """As `embed`, for a photo that is open."""
    container, sha256, _ = photo
    old_block = _checked_block(container)
    packet, xmp_problem = _changed_packet(container, change)
    if tags is None and packet is None:
        raise CannotEmbedError(xmp_problem or "there is nothing to write")
    try:
        return _embedded(container, old_block, tags, packet, sha256, xmp_problem)
    except SegmentFullError as error:
        if packet is None or tags is None:
            raise
        return _embedded(container, old_block, tags, None, sha256, str(error))


def _checked_block(container: Container) -> Tiff | None:
    """The EXIF block of a file that can be changed without risk; None if it has no block."""
    try:
        block = None if container.exif is None else read_tiff(container.exif)
        if block and not isinstance(container, TiffFile):
            block.check()
        container.refuse_fragile()
    except TiffError as error:
        raise CannotEmbedError(f"its EXIF block is damaged: {error}") from error
    return block


def _changed_packet(container: Container, change: ChangeXmp | None) -> tuple[bytes | None, str]:
    """(the new packet, or None to leave XMP as it is; why it cannot be written)."""
    if change is None:
        return None, ""
    try:
        old = container.xmp
        if old is not None and len(old) > _MAX_PACKET_BYTES:
            raise CannotEmbedError("the XMP packet is too large (64 KB)")
        new = change(old)
        if new == old:
            return None, ""
        if len(new) > _MAX_PACKET_BYTES:
            raise CannotEmbedError("the XMP packet would be too large (64 KB)")
    except CannotEmbedError as error:
        return None, str(error)
    return new, ""


def _embedded(
    container: Container,
    old_block: Tiff | None,
    tags: GpsTags | None,
    packet: bytes | None,
    sha256: str,
    xmp_problem: str,
) -> EmbedResult:
    exif, xmp = _block_edits(container, old_block, tags, packet)
    *patches, (start, end, appended) = exif
    packed, record = b"", EditRecord(sha256, ())
    for step in range(3):  # first the record's size settles, then its content, then the checksums
        edits = container.edits([*patches, Edit(start, end, appended + packed)], xmp)
        if step < 2:
            block_end = _end_of(appended + packed, edits)
            record = EditRecord(sha256, tuple(inverse(container.data, edits)), block_end)
            packed = record.pack()
    if len(packed) > _MAX_UNDO_BYTES or len(edits) > MAX_EDITS:
        raise SegmentFullError("the undo record of its XMP packet would be too long")
    data = apply(container.data, edits)
    return EmbedResult(data, container, record, tags, packet, xmp_problem)


def _block_edits(
    container: Container, old_block: Tiff | None, tags: GpsTags | None, packet: bytes | None
) -> tuple[list[Edit], list[Edit]]:
    """The edits of the EXIF block, of which the last one appends; the edits of the XMP packet."""
    in_block = packet if isinstance(container, TiffFile) else None
    if old_block:
        exif = patch(old_block, tags, in_block)
    else:
        density = container.density if isinstance(container, JpegFile) else None
        exif = [Edit(0, 0, new_block(tags, density))]
    if packet is None or in_block is not None:
        return exif, []
    old = container.xmp
    return exif, [Edit(0, 0, packet)] if old is None else difference(old, packet)


def _end_of(appended: bytes, edits: list[Edit]) -> int:
    """Where `appended`, which one of the edits inserts, ends in the new file."""
    for index, (start, _, new) in enumerate(edits):
        if appended in new:
            return start + growth_of(edits[:index]) + new.index(appended) + len(appended)
    raise AssertionError("no edit inserts the EXIF block")


def open_container(data: bytes) -> Container:
    """Finds the metadata of a file, strictly by its standard.

    Raises:
        CannotEmbedError: The file does not follow its standard, or cannot be written.
    """
    if data[:2] == b"\xff\xd8":
        return JpegFile(data)
    if data.startswith(SIGNATURE):
        return PngFile(data)
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return TiffFile(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return WebpFile(data)
    raise CannotEmbedError("it is not a JPEG, PNG, TIFF or WebP file")


def undo_record(data: bytes) -> EditRecord | None:
    """The undo record that the photo contains; None if there is none."""
    try:
        return record_at_end(open_container(data).exif or b"")
    except CannotEmbedError:
        return None


def original(data: bytes) -> bytes:
    """The photo before geotagger wrote to it; `data` itself if that is unknown."""
    record = undo_record(data)
    restored = record.restore(data) if record else None
    return data if restored is None else restored
