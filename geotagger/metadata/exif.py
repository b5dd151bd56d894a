"""Lossless EXIF writing: bytes in, bytes out, nothing but the metadata block touched.

The append-only patch of a TIFF block: a new GPS directory is put behind the last byte, and one
pointer is changed to lead there. Nothing moves, so that maker notes, whose inner offsets no program
knows for sure, stay valid. Whatever is odd is refused with a reason (CannotEmbedError), never
repaired. The undo record closes the block and takes the photo back to the very bytes it had.
"""

from __future__ import annotations

import hashlib
import struct

from geotagger.errors import CannotEmbedError
from geotagger.metadata import gps_tags, jpeg, undo
from geotagger.metadata.fragile import refuse_fragile
from geotagger.metadata.gps_tags import GpsTags
from geotagger.metadata.tiff import GPS_IFD, LONG, Ifd, Tiff, TiffError, encode

__all__ = ["GpsTags", "embed", "original", "patch_tiff", "restore", "take_back", "undo_record"]

_NEW_BLOCK = b"II*\0\x08\0\0\0" + encode("<", 8, {GPS_IFD: (LONG, bytes(4))})
"""An EXIF block with a GPS pointer that is still 0. It claims nothing else of the photo."""


def embed(data: bytes, tags: GpsTags, sha256: str = "") -> bytes:
    """The photo with `tags` in its GPS directory.

    `sha256` of `data` saves time where it is known.
    An earlier prediction that can be undone is undone first, so that undo always leads to the
    original, and the same tags always give the same bytes. Raises CannotEmbedError.
    """
    as_it_was = original(data)
    if as_it_was is not data:
        data, sha256 = as_it_was, ""
    segments = jpeg.segments(data)
    segment = jpeg.exif_segment(data, segments)
    block = jpeg.exif_block(data, segment)
    try:
        refuse_fragile(data, segments, segment)
        patched = patch_tiff(block, tags, sha256 or hashlib.sha256(data).hexdigest())
    except TiffError as error:
        raise CannotEmbedError(f"its EXIF block is damaged: {error}") from error
    return jpeg.with_exif(data, patched)


def patch_tiff(block: bytes | None, tags: GpsTags, sha256: str) -> bytes:
    """The TIFF block with `tags` and the undo record appended; None starts a block.

    `sha256` is of the whole original file. Raises TiffError, and CannotEmbedError for tags without
    a position on a block with a measured one.
    """
    old = Tiff(_NEW_BLOCK if block is None else block)
    old.check()
    ifd0 = old.ifd(old.first)
    pointer = ifd0.entry(GPS_IFD)
    # At least four zero bytes: some readers look for a next pointer behind a maker note.
    start = (len(old.data) + 4 + 3) // 4 * 4
    if pointer:
        patched_at, gps_at, directories = pointer.at + 8, start, b""
    else:
        patched_at, gps_at = 4, start + 2 + 12 * (len(ifd0.entries) + 1) + 4
        new = {GPS_IFD: (LONG, struct.pack(f"{old.order}L", gps_at))}
        directories = encode(old.order, start, new, [*map(old.raw, ifd0.entries)], ifd0.next)
    kept = _entries_to_keep(old, old.child(ifd0, GPS_IFD), tags)
    directories += encode(old.order, gps_at, gps_tags.encode_tags(tags, old.order), kept)

    appended = bytearray(old.data.ljust(start, b"\0") + directories)
    appended[patched_at : patched_at + 4] = struct.pack(f"{old.order}L", start)
    record = undo.UndoRecord(sha256)
    if block is not None:
        patched = block[patched_at : patched_at + 4]
        record = undo.UndoRecord(sha256, len(block), patched_at, patched)
    return bytes(appended) + record.pack()


def _entries_to_keep(old: Tiff, gps: Ifd | None, tags: GpsTags) -> list[bytes]:
    """What a GPS directory without a position says besides (time, direction of view).

    Nothing is kept next to a measured position: all of it belongs to the old fix.
    """
    if gps is None:
        return []
    try:
        gps_tags.position(old, gps)
        measured = not gps_tags.is_prediction(old, gps)
    except ValueError:
        measured = False
    if measured and tags.point is None:
        raise CannotEmbedError("region names would replace the GPS position it has")
    taken = gps_tags.OWN_TAGS | gps_tags.FIX_QUALITY_TAGS
    return [] if measured else [old.raw(e) for e in gps.entries if e.tag not in taken]


def undo_record(data: bytes) -> undo.UndoRecord | None:
    """The undo record that the photo carries."""
    try:
        block = jpeg.exif_block(data, jpeg.exif_segment(data, jpeg.segments(data)))
    except CannotEmbedError:
        return None
    return undo.record_at_end(block or b"")


def original(data: bytes) -> bytes:
    """The photo before geotagger wrote into it; `data` itself when that is all there is."""
    record = undo_record(data)
    restored = restore(data, record) if record else None
    return data if restored is None else restored


def restore(data: bytes, record: undo.UndoRecord) -> bytes | None:
    """The original file; None when `record` does not lead to its SHA-256 (any more)."""
    taken_back = take_back(data, record)
    if taken_back is None or hashlib.sha256(taken_back).hexdigest() != record.sha256:
        return None
    return taken_back


def take_back(data: bytes, record: undo.UndoRecord) -> bytes | None:
    """What `record` makes of the file, unproven; None when it is no sound JPEG."""
    try:
        block = jpeg.exif_block(data, jpeg.exif_segment(data, jpeg.segments(data)))
        return jpeg.with_exif(data, record.restore(block or b""))
    except CannotEmbedError:
        return None
