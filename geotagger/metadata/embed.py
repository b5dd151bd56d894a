"""Tags and XMP into the bytes of a JPEG, PNG, TIFF or WebP file, and out again.

    written = embed(data, tags, change, sha256)     # CannotEmbedError: nothing can be written
    verify(written)                                 # CannotEmbedError: it must not be written
    restore(written.data, written.record) == written.original

`tags` None leaves the GPS directory alone. `change` takes the standard XMP packet of the original
(None: there is none) and returns the new one; None leaves XMP alone, and so does returning the same
packet. It may raise CannotEmbedError: then, as when the packet cannot be put in, EXIF is written
alone and `written.xmp_problem` says why.

Nothing here hashes a file whose SHA-256 is given: 4 MB cost 10 to 20 ms, more than all else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import NamedTuple

from geotagger.errors import CannotEmbedError
from geotagger.metadata.containers.fragile_jpeg import refuse_fragile
from geotagger.metadata.containers.jpeg import Jpeg, SegmentFullError
from geotagger.metadata.containers.png import SIGNATURE, Png
from geotagger.metadata.containers.tiff import TiffFile
from geotagger.metadata.containers.webp import Webp
from geotagger.metadata.exif.gps_tags import GpsTags
from geotagger.metadata.exif.ifd import Tiff, TiffError
from geotagger.metadata.exif.patch import new_block, patch
from geotagger.metadata.undo.edits import Edit, apply, difference, inverse
from geotagger.metadata.undo.record import MAX_EDITS, EditRecord, UndoRecord, record_at_end

Container = Jpeg | Png | TiffFile | Webp
ChangeXmp = Callable[[bytes | None], bytes]

_MAX_PACKET_BYTES = 65_502
"""What one JPEG segment holds (XMP part 3, 1.1.3), and no less sound a limit elsewhere."""
_MAX_UNDO_BYTES = 16_384


class Written(NamedTuple):
    """What `embed` made of a photo."""

    data: bytes
    original: bytes
    """The photo before geotagger wrote into it."""
    record: EditRecord
    """What takes `data` back to `original`; `data` carries it too."""
    tags: GpsTags | None
    packet: bytes | None
    """The new XMP packet; None: XMP was left alone."""
    xmp_problem: str = ""
    """Why the XMP was not written."""


def embed(
    data: bytes, tags: GpsTags | None, change: ChangeXmp | None = None, sha256: str = ""
) -> Written:
    """The photo with `tags` in its GPS directory and its XMP changed.

    `sha256` of `data` saves time where it is known. An earlier prediction that can be undone is
    undone first, so that undo always leads to the original, and the same tags always give the same
    bytes. Raises CannotEmbedError when nothing can be written.
    """
    container = open_container(data)
    record = record_at_end(container.exif or b"")
    if record and (as_it_was := restore(data, record)) is not None:
        container, sha256 = open_container(as_it_was), record.sha256
    try:
        old_block = None if container.exif is None else Tiff(container.exif)
        if old_block and not isinstance(container, TiffFile):
            old_block.check()
        if isinstance(container, Jpeg):
            refuse_fragile(container)
        else:
            container.refuse_fragile()
    except TiffError as error:
        raise CannotEmbedError(f"its EXIF block is damaged: {error}") from error
    packet, note = _changed(container, change)
    if tags is None and packet is None:
        raise CannotEmbedError(note or "there is nothing to write")
    sha256 = sha256 or hashlib.sha256(container.data).hexdigest()
    try:
        return _written(container, old_block, tags, packet, sha256, note)
    except SegmentFullError as error:
        if packet is None or tags is None:
            raise
        return _written(container, old_block, tags, None, sha256, str(error))


def _changed(container: Container, change: ChangeXmp | None) -> tuple[bytes | None, str]:
    """(the new packet, None to leave XMP alone; why it cannot be written)."""
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


def _written(
    container: Container,
    old_block: Tiff | None,
    tags: GpsTags | None,
    packet: bytes | None,
    sha256: str,
    xmp_problem: str,
) -> Written:
    in_block = packet if isinstance(container, TiffFile) else None
    if old_block:
        exif = patch(old_block, tags, in_block)
    else:
        density = container.density if isinstance(container, Jpeg) else None
        exif = [Edit(0, 0, new_block(tags, density))]
    xmp: list[Edit] = []
    if packet is not None and in_block is None:
        old = container.xmp
        xmp = [Edit(0, 0, packet)] if old is None else difference(old, packet)
    *others, (start, end, last) = exif
    packed, record = b"", EditRecord(sha256, ())
    for _ in range(3):  # the record's size, then its content, then the checksums over it
        edits = container.edits([*others, Edit(start, end, last + packed)], xmp)
        block_end = _end_of(last + packed, edits)
        record = EditRecord(sha256, tuple(inverse(container.data, edits)), block_end)
        packed = record.pack()
    if len(packed) > _MAX_UNDO_BYTES or len(edits) > MAX_EDITS:
        raise SegmentFullError("the way back to its XMP packet would be too long")
    data = apply(container.data, edits)
    return Written(data, container.data, record, tags, packet, xmp_problem)


def _end_of(appended: bytes, edits: list[Edit]) -> int:
    """Where that, which one of the edits brings, ends in the new file."""
    grown = 0
    for start, end, new in edits:
        if appended in new:
            return start + grown + new.index(appended) + len(appended)
        grown += len(new) - (end - start)
    raise AssertionError("no edit brings the EXIF block")


def open_container(data: bytes) -> Container:
    """Where the metadata of a file stands. Raises CannotEmbedError, with the reason."""
    if data[:2] == b"\xff\xd8":
        return Jpeg(data)
    if data.startswith(SIGNATURE):
        return Png(data)
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return TiffFile(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return Webp(data)
    raise CannotEmbedError("it is not a JPEG, PNG, TIFF or WebP file")


def undo_record(data: bytes) -> UndoRecord | None:
    """The undo record that the photo carries."""
    try:
        return record_at_end(open_container(data).exif or b"")
    except CannotEmbedError:
        return None


def original(data: bytes) -> bytes:
    """The photo before geotagger wrote into it; `data` itself when that is all there is."""
    record = undo_record(data)
    restored = restore(data, record) if record else None
    return data if restored is None else restored


def restore(data: bytes, record: UndoRecord) -> bytes | None:
    """The original file; None when `record` does not lead to its SHA-256 (any more)."""
    try:
        taken_back = apply(data, record.edits_on(data))
    except ValueError:
        return None
    return taken_back if hashlib.sha256(taken_back).hexdigest() == record.sha256 else None
