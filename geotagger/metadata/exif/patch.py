"""The append-only patch of a TIFF block (an EXIF block, or a whole TIFF file).

New directories are appended, and pointers to them are changed. Nothing moves, so that maker
notes, whose inner offsets no program knows for sure, stay valid. Odd blocks are refused with a
reason, never repaired.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import piexif
from piexif import ImageIFD

from geotagger.errors import CannotEmbedError
from geotagger.metadata.exif import gps_tags
from geotagger.metadata.exif.ifd import (
    BYTE,
    GPS_IFD,
    LONG,
    XMP_PACKET,
    Ifd,
    Tiff,
    TiffError,
    encode,
    gps_directory,
)
from geotagger.metadata.undo.edits import Edit, apply

if TYPE_CHECKING:
    from geotagger.metadata.exif.gps_tags import GpsTags

NEW_BLOCK_TAGS = frozenset(
    {
        ImageIFD.ProcessingSoftware,
        ImageIFD.XResolution,
        ImageIFD.YResolution,
        ImageIFD.ResolutionUnit,
        ImageIFD.YCbCrPositioning,
    }
)
"""Tags of IFD0 that `new_block` may write."""
_MAX_FILE_BYTES = 0xFFFF_FFFF - (1 << 20)  # offsets have 32 bits


def patch(tiff: Tiff, tags: GpsTags | None, packet: bytes | None = None) -> list[Edit]:
    """The edits that write GPS tags and an XMP packet into a block; the last edit appends.

    Args:
        tiff: The block.
        tags: The GPS tags; None: no change.
        packet: The XMP packet, for a TIFF file; None: no change.

    Raises:
        TiffError: The block is odd.
        CannotEmbedError: `tags` has no position, and the block has a measured one.
    """
    ifd0 = tiff.ifd(tiff.first)
    end = len(tiff.data)
    # At least four zero bytes: some readers expect a next pointer after a maker note.
    start = (end + 4 + 3) // 4 * 4
    if start > _MAX_FILE_BYTES:
        raise TiffError("it is too large (4 GB)")
    appended, entries = bytes(start - end), {}
    if tags is not None:
        gps, is_standard = gps_directory(tiff, ifd0)
        if not is_standard:
            raise TiffError("its GPS directory is not where the standard demands it")
        kept = _entries_to_keep(tiff, gps, tags)
        entries[GPS_IFD] = (LONG, 1, start)
        appended += encode(tiff.order, start, gps_tags.encode_tags(tags, tiff.order), kept)
    if packet is not None:
        entries[XMP_PACKET] = (BYTE, len(packet), end + len(appended))
        appended += packet + bytes(-len(packet) % 4)
    raw = {tag: struct.pack(f"{tiff.order}HHLL", tag, *entry) for tag, entry in entries.items()}
    present = [entry for entry in ifd0.entries if entry.tag in raw]
    if len(present) > len({entry.tag for entry in present}):
        raise TiffError("a tag to be changed occurs twice")
    if len(present) == len(raw):
        patches = [Edit(entry.at, entry.at + 12, raw[entry.tag]) for entry in present]
    else:
        at = end + len(appended)
        patches = [Edit(4, 8, struct.pack(f"{tiff.order}L", at))]
        others = [tiff.raw(entry) for entry in ifd0.entries if entry.tag not in raw]
        appended += encode(tiff.order, at, {}, [*others, *raw.values()], ifd0.next)
    patches.sort()
    return [*patches, Edit(end, end, appended)]


def new_block(tags: GpsTags | None, density: tuple[int, int, int] | None) -> bytes:
    """An EXIF block for a photo that has none. It states nothing about the photo but `tags`.

    piexif encodes IFD0. The GPS directory is appended by `patch`, because that of piexif lacks the
    pointer to a next directory and the word alignment that TIFF 6.0 demands.

    Args:
        tags: The GPS tags; None for a block that only holds the undo record of an XMP packet.
        density: (unit, x, y) in EXIF's units for a JPEG, where Exif 3.0 (4.6.3) demands it.
    """
    ifd0: dict[int, object]
    ifd0 = {ImageIFD.GPSTag: 0} if tags else {ImageIFD.ProcessingSoftware: "geotagger"}
    if density:
        unit, x, y = density
        ifd0 |= {
            ImageIFD.XResolution: (x, 1),
            ImageIFD.YResolution: (y, 1),
            ImageIFD.ResolutionUnit: unit,
            ImageIFD.YCbCrPositioning: 1,  # centred, as in JFIF
        }
    block: bytes = piexif.dump({"0th": ifd0}).removeprefix(b"Exif\0\0")
    return apply(block, patch(Tiff(block), tags)) if tags else block


def _entries_to_keep(old: Tiff, gps: Ifd | None, tags: GpsTags) -> list[bytes]:
    """The raw entries of a GPS directory to keep next to a prediction (time, view direction).

    Nothing of a measured position is kept: all of it belongs to the old fix.
    """
    if gps is None:
        return []
    is_measured = gps_tags.holds_foreign_position(old, gps)
    if is_measured and tags.point is None:
        raise CannotEmbedError("region names would replace the GPS position it has")
    if is_measured:
        return []
    dropped = gps_tags.OWN_TAGS | gps_tags.FIX_QUALITY_TAGS
    return [old.raw(entry) for entry in gps.entries if entry.tag not in dropped]
