"""Where EXIF and XMP lie in each kind of file. For reading only: lenient, bounded, no decoding.

JPEG: ITU-T T.81 and Exif 3.0. PNG: eXIf chunk (PNG 3rd edition). WebP: EXIF chunk (RFC 9649).
HEIF and AVIF: the Exif item (ISO/IEC 23008-12, annex A) in the boxes of ISO/IEC 14496-12.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from geotagger.metadata.jpeg import EXIF_HEADER, XMP_HEADER
from geotagger.metadata.png import XMP_KEYWORD
from geotagger.metadata.tiff import XMP_PACKET, Tiff

if TYPE_CHECKING:
    from collections.abc import Iterator

_PNG = b"\x89PNG\r\n\x1a\n"
_MAX_PARTS = 100_000  # segments, chunks, boxes or items that are looked at
_MAX_EXTENTS = 16
_MAX_EXIF = 1 << 20  # bytes of one extent
_MAX_PACKET = 1 << 20


def xmp_packet(data: bytes) -> bytes | None:
    """The standard XMP packet of a JPEG, PNG, TIFF or WebP file; None when none can be found.

    Never raises.
    """
    try:
        if data[:2] == b"\xff\xd8":
            return _in_jpeg(data, XMP_HEADER)
        if data[:8] == _PNG:
            return _png_packet(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _in_webp(data, b"XMP ")
        tiff = Tiff(data)
        return tiff.value(tiff.ifd(tiff.first).entry(XMP_PACKET), _MAX_PACKET) or None
    except (ValueError, IndexError, struct.error):
        return None


def exif_block(data: bytes) -> bytes | None:
    """The bytes from the TIFF header on; None when there are none that can be found.

    Raises struct.error or IndexError when the file ends before its directory does.
    """
    block: bytes | None = None
    if data[:4] in (b"II*\0", b"MM\0*"):
        return data
    if data[:2] == b"\xff\xd8":
        block = _in_jpeg(data, EXIF_HEADER)
    elif data[:8] == _PNG:
        block = next(_png_chunks(data, b"eXIf"), None)
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        block = _in_webp(data, b"EXIF")
    elif data[4:8] == b"ftyp":
        block = _in_boxes(data)
    return block.removeprefix(EXIF_HEADER) if block else None


def _in_jpeg(data: bytes, header: bytes) -> bytes | None:
    """What stands behind the header in the first APP1 segment that has it."""
    pos = 2
    for _ in range(_MAX_PARTS):
        pos = data.find(b"\xff", pos)
        if pos < 0 or pos + 4 > len(data):
            return None
        marker = data[pos + 1]
        if marker in (0xD9, 0xDA):  # EOI, SOS
            return None
        if marker in (0x00, 0x01, 0xFF) or 0xD0 <= marker <= 0xD8:
            pos += 1 if marker == 0xFF else 2
            continue
        end = pos + 2 + int.from_bytes(data[pos + 2 : pos + 4])
        if marker == 0xE1 and data.startswith(header, pos + 4):
            return data[pos + 4 + len(header) : end]
        pos = max(end, pos + 2)
    return None


def _png_chunks(data: bytes, wanted: bytes) -> Iterator[bytes]:
    pos = 8
    for _ in range(_MAX_PARTS):
        size, name = struct.unpack_from(">L4s", data, pos)
        if name == wanted:
            yield data[pos + 8 : pos + 8 + size]
        if name == b"IEND":
            return
        pos += 8 + size + 4  # a CRC follows


def _png_packet(data: bytes) -> bytes | None:
    for text in _png_chunks(data, b"iTXt"):
        if text.startswith(XMP_KEYWORD):
            compressed = text[len(XMP_KEYWORD)] == 1
            packet = text[len(XMP_KEYWORD) + 2 :].split(b"\0", 2)[2]  # languages stand before
            return _inflated(packet) if compressed else packet
    return None


def _inflated(packed: bytes) -> bytes | None:
    try:
        return zlib.decompressobj().decompress(packed, _MAX_PACKET)
    except zlib.error:
        return None


def _in_webp(data: bytes, wanted: bytes) -> bytes | None:
    pos = 12
    for _ in range(_MAX_PARTS):
        name, size = struct.unpack_from("<4sL", data, pos)
        if name == wanted:
            return data[pos + 8 : pos + 8 + size]
        pos += 8 + size + size % 2
    return None


def _boxes(data: bytes, pos: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(type, start of the content, end) of each box between two positions."""
    for _ in range(_MAX_PARTS):
        if pos + 8 > end:
            return
        size, name = struct.unpack_from(">L4s", data, pos)
        content = pos + 8
        if size == 1 and pos + 16 <= end:
            (size,) = struct.unpack_from(">Q", data, content)
            content += 8
        box_end = min(end, pos + size) if size else end
        if box_end < content:
            return
        yield name, content, box_end
        pos = box_end


def _in_boxes(data: bytes) -> bytes | None:
    found = {name: span for name, *span in _boxes(data, 0, len(data)) if name == b"meta"}
    if b"meta" not in found:
        return None
    start, end = found[b"meta"]
    parts = {name: span for name, *span in _boxes(data, start + 4, end)}  # 4: version and flags
    if b"iinf" not in parts or b"iloc" not in parts:
        return None
    item = _exif_item(data, *parts[b"iinf"])
    if item is None:
        return None
    content = _item_content(data, item, parts[b"iloc"], parts.get(b"idat", [0, 0])[0])
    if len(content) < 4:
        return None
    return content[4 + int.from_bytes(content[:4]) :]


def _exif_item(data: bytes, start: int, end: int) -> int | None:
    """The number of the Exif item in the item information box."""
    for name, info, _ in _boxes(data, start + (6 if data[start] == 0 else 8), end):
        id_bytes = 2 if data[info] == 2 else 4
        kind = info + 4 + id_bytes + 2
        if name == b"infe" and data[info] in (2, 3) and data[kind : kind + 4] == b"Exif":
            return int.from_bytes(data[info + 4 : info + 4 + id_bytes])
    return None


def _item_content(data: bytes, item: int, iloc: list[int], idat_at: int) -> bytes:
    """The bytes of one item, by the item location box (ISO/IEC 14496-12, 8.11.3)."""
    pos, end = iloc
    version = data[pos]
    offset_size, length_size = data[pos + 4] >> 4, data[pos + 4] & 15
    base_size, index_size = data[pos + 5] >> 4, data[pos + 5] & 15 if version else 0
    extent_size = index_size + offset_size + length_size
    id_size = 4 if version == 2 else 2
    pos += 6 + id_size  # the number of items, which the end of the box tells as well
    for _ in range(_MAX_PARTS):
        if pos >= end:
            break
        number = int.from_bytes(data[pos : pos + id_size])
        pos += id_size
        method = data[pos + 1] & 15 if version else 0
        pos += 4 if version else 2
        base = int.from_bytes(data[pos : pos + base_size]) + (idat_at if method == 1 else 0)
        pos += base_size
        extents = int.from_bytes(data[pos : pos + 2])
        pos += 2
        if number == item:
            parts = []
            for at in range(pos + index_size, end, extent_size or end)[
                : min(extents, _MAX_EXTENTS)
            ]:
                offset = base + int.from_bytes(data[at : at + offset_size])
                length = int.from_bytes(data[at + offset_size : at + offset_size + length_size])
                parts.append(data[offset : offset + min(length or _MAX_EXIF, _MAX_EXIF)])
            return b"".join(parts)
        pos += extents * extent_size
    return b""
