"""The metadata items of HEIF and AVIF files. For reading only: lenient, bounded, no decoding.

Boxes: ISO/IEC 14496-12, 8.11. Exif item: ISO/IEC 23008-12, annex A; XMP item: 6.5.4 there. A file
may hold an XMP packet for each of its pictures; only the one of the primary picture tells where it
was taken.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from itertools import islice

_MAX_PARTS = 100_000  # boxes or items that are looked at
_MAX_EXTENTS = 16
_MAX_EXTENT_BYTES = 1 << 20
_MAX_REUSE = 2  # an item may be made of the same bytes so many times
_XMP_TYPE = b"application/rdf+xml"

_Span = tuple[int, int]
_Parts = dict[bytes, _Span]


def exif_block(data: bytes) -> bytes | None:
    """What stands behind the offset at the start of the Exif item; None when there is none.

    Raises struct.error or IndexError for a file that is cut off.
    """
    parts = _meta_parts(data)
    for item, kind, _ in _items(data, parts):
        if kind == b"Exif":
            content = _item_content(data, item, parts)
            return content[4 + int.from_bytes(content[:4]) :] if len(content) >= 4 else None
    return None


def xmp_packet(data: bytes) -> bytes | None:
    """The XMP packet of the primary picture; None when there is none. Raises as `exif_block`."""
    parts = _meta_parts(data)
    for item, kind, content_type in _items(data, parts):
        if kind == b"mime" and content_type == _XMP_TYPE and _describes_primary(data, item, parts):
            return _item_content(data, item, parts) or None
    return None


def picture_parts(data: bytes) -> list[tuple[int, bytes, str]]:
    """All that makes the pictures: (number, kind, SHA-256) of each item but metadata, and of the
    properties and the primary one's number. Raises as `exif_block`.
    """
    parts = _meta_parts(data)
    found = [
        (item, kind, _sha256_of_item(data, item, parts))
        for item, kind, content_type in _items(data, parts)
        if kind != b"Exif" and content_type != _XMP_TYPE
    ]
    whole = ((name, parts[name]) for name in (b"iprp", b"pitm") if name in parts)
    for name, (start, end) in whole:
        found.append((0, name, hashlib.sha256(data[start:end]).hexdigest()))
    return found


def _meta_parts(data: bytes) -> _Parts:
    """The boxes inside the meta box: type -> (start of the content, end)."""
    for name, start, end in _boxes(data, 0, len(data)):
        if name == b"meta":
            return {name: (at, to) for name, at, to in _boxes(data, start + 4, end)}
    return {}


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


def _items(data: bytes, parts: _Parts) -> Iterator[tuple[int, bytes, bytes]]:
    """(number, kind, content type) of each item in the item information box."""
    if b"iinf" not in parts or b"iloc" not in parts:
        return
    start, end = parts[b"iinf"]
    for name, info, info_end in _boxes(data, start + (6 if data[start] == 0 else 8), end):
        if name != b"infe" or data[info] not in (2, 3):
            continue
        id_bytes = 2 if data[info] == 2 else 4
        kind = info + 4 + id_bytes + 2
        texts = data[kind + 4 : info_end].split(b"\0")  # name, content type
        number = int.from_bytes(data[info + 4 : info + 4 + id_bytes])
        yield number, data[kind : kind + 4], texts[1] if len(texts) > 1 else b""


def _describes_primary(data: bytes, item: int, parts: _Parts) -> bool:
    """Whether the item refers to the primary picture, or to none."""
    if b"iref" not in parts or b"pitm" not in parts:
        return True
    at, end = parts[b"pitm"]
    primary = int.from_bytes(data[at + 4 : at + (6 if data[at] == 0 else 8)])
    start, end = parts[b"iref"]
    size = 2 if data[start] == 0 else 4
    described: list[int] = []
    for name, pos, _ in _boxes(data, start + 4, end):
        if name == b"cdsc" and int.from_bytes(data[pos : pos + size]) == item:
            count = min(int.from_bytes(data[pos + size : pos + size + 2]), _MAX_PARTS)
            ids = (pos + size + 2 + size * i for i in range(count))
            described += [int.from_bytes(data[i : i + size]) for i in ids]
    return primary in described or not described


def _item_content(data: bytes, item: int, parts: _Parts) -> bytes:
    """The bytes of a metadata item, within bounds."""
    extents = islice(_extents(data, item, parts), _MAX_EXTENTS)
    return b"".join(
        data[at : at + min(length or _MAX_EXTENT_BYTES, _MAX_EXTENT_BYTES)]
        for at, length in extents
    )


def _sha256_of_item(data: bytes, item: int, parts: _Parts) -> str:
    """Raises IndexError for an item that claims more than a file can hold."""
    digest, left = hashlib.sha256(), _MAX_REUSE * len(data)
    for at, length in _extents(data, item, parts):
        part = data[at : at + length if length else None]
        left -= len(part) + 1
        if left < 0:
            raise IndexError("an item is larger than its file")
        digest.update(part)
    return digest.hexdigest()


def _extents(data: bytes, item: int, parts: _Parts) -> Iterator[_Span]:
    """(start, length) of each part of an item, by the item location box (ISO/IEC 14496-12, 8.11.3).

    Length 0: to the end of the file.
    """
    pos, end = parts[b"iloc"]
    idat_at = parts.get(b"idat", (0, 0))[0]
    version = data[pos]
    offset_size, length_size = data[pos + 4] >> 4, data[pos + 4] & 15
    base_size, index_size = data[pos + 5] >> 4, data[pos + 5] & 15 if version else 0
    extent_size = index_size + offset_size + length_size
    id_size = 4 if version == 2 else 2
    pos += 6 + id_size  # the number of items, which the end of the box tells as well
    for _ in range(_MAX_PARTS):
        if pos >= end:
            return
        number = int.from_bytes(data[pos : pos + id_size])
        pos += id_size
        method = data[pos + 1] & 15 if version else 0
        pos += 4 if version else 2
        base = int.from_bytes(data[pos : pos + base_size]) + (idat_at if method == 1 else 0)
        pos += base_size
        extents = int.from_bytes(data[pos : pos + 2])
        pos += 2
        if number == item:
            for at in range(pos + index_size, end, extent_size or end)[:extents]:
                length_at = at + offset_size
                length = int.from_bytes(data[length_at : length_at + length_size])
                yield base + int.from_bytes(data[at:length_at]), length
            return
        pos += extents * extent_size
