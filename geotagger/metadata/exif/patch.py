"""The append-only patch of a TIFF block (an EXIF block, or a whole TIFF file).

New directories are put behind the last byte, and pointers are changed to lead there. Nothing moves,
so that maker notes, whose inner offsets no program knows for sure, stay valid. Whatever is odd is
refused with a reason, never repaired.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from geotagger.errors import CannotEmbedError
from geotagger.metadata.exif import gps_tags
from geotagger.metadata.exif.ifd import (
    ASCII,
    BYTE,
    GPS_IFD,
    LONG,
    RATIONAL,
    SHORT,
    XMP_PACKET,
    Ifd,
    Tiff,
    TiffError,
    encode,
)
from geotagger.metadata.undo.edits import Edit, apply

if TYPE_CHECKING:
    from geotagger.metadata.exif.gps_tags import GpsTags

_PROCESSING_SOFTWARE = 0x000B
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT, _YCBCR_POSITIONING = 0x11A, 0x11B, 0x128, 0x213
NEW_BLOCK_TAGS = frozenset(
    {_PROCESSING_SOFTWARE, _X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT, _YCBCR_POSITIONING}
)
"""What `new_block` writes besides the GPS directory."""
_MAX_FILE_BYTES = 0xFFFF_FFFF - (1 << 20)  # offsets have 32 bits


def patch(tiff: Tiff, tags: GpsTags | None, packet: bytes | None = None) -> list[Edit]:
    """What puts `tags` and the XMP `packet` (each unless None) into a block; the last edit appends.

    Raises TiffError when the block is odd, and CannotEmbedError for tags without a position on a
    block with a measured one.
    """
    ifd0 = tiff.ifd(tiff.first)
    end = len(tiff.data)
    # At least four zero bytes: some readers look for a next pointer behind a maker note.
    start = (end + 4 + 3) // 4 * 4
    if start > _MAX_FILE_BYTES:
        raise TiffError("it is too large (4 GB)")
    appended, entries = bytes(start - end), {}
    if tags is not None:
        kept = _entries_to_keep(tiff, tiff.child(ifd0, GPS_IFD), tags)
        entries[GPS_IFD] = (LONG, 1, start)
        appended += encode(tiff.order, start, gps_tags.encode_tags(tags, tiff.order), kept)
    if packet is not None:
        entries[XMP_PACKET] = (BYTE, len(packet), end + len(appended))
        appended += packet + bytes(-len(packet) % 4)
    raw = {tag: struct.pack(f"{tiff.order}HHLL", tag, *entry) for tag, entry in entries.items()}
    present = [entry for entry in ifd0.entries if entry.tag in raw]
    if len(present) > len({entry.tag for entry in present}):
        raise TiffError("a tag that is to be changed stands there twice")
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
    """An EXIF block for a photo that has none. It claims nothing of the photo but `tags`.

    `density` is for JPEG, where Exif 3.0 (4.6.3) demands it: (unit, x, y) in EXIF's units.
    """
    entries: dict[int, tuple[int, bytes]] = {_PROCESSING_SOFTWARE: (ASCII, b"geotagger\0")}
    if density:
        unit, x, y = density
        entries |= {
            _X_RESOLUTION: (RATIONAL, struct.pack("<2L", x, 1)),
            _Y_RESOLUTION: (RATIONAL, struct.pack("<2L", y, 1)),
            _RESOLUTION_UNIT: (SHORT, struct.pack("<H", unit)),
            _YCBCR_POSITIONING: (SHORT, struct.pack("<H", 1)),  # centred, as JFIF has it
        }
    if tags is not None:  # else the name alone says what made the block
        entries |= {GPS_IFD: (LONG, bytes(4))}
        del entries[_PROCESSING_SOFTWARE]
    empty = b"II*\0\x08\0\0\0" + encode("<", 8, entries)
    return apply(empty, patch(Tiff(empty), tags)) if tags else empty


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
