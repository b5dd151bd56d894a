"""HEIF and AVIF files: their boxes and metadata items. Lenient, bounded, for reading only.

Boxes: ISO/IEC 14496-12, 8.11. Exif item: ISO/IEC 23008-12, annex A; XMP item: 6.5.4 there. A file
may hold an XMP packet for each of its pictures; only that of the primary picture says where it was
taken.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import NamedTuple

_MAX_PARTS = 100_000  # boxes or items
_MAX_EXTENTS = 16
_MAX_EXTENT_BYTES = 1 << 20
_MAX_REUSE = 2  # how many times the items together may contain the bytes of the file
_XMP_TYPE = b"application/rdf+xml"

_Span = tuple[int, int]
_Parts = dict[bytes, _Span]


class _Location(NamedTuple):
    """The place of one item, by the item location box (ISO/IEC 14496-12, 8.11.3)."""

    base: int
    entries: range
    """Byte at which the offset of each extent is stored, followed by its length."""
    offset_size: int
    length_size: int

    def spans(self, data: bytes) -> Iterator[_Span]:
        """(start, length) of each extent. Length 0: to the end of the file."""
        for at in self.entries:
            length_at = at + self.offset_size
            length = int.from_bytes(data[length_at : length_at + self.length_size])
            yield self.base + int.from_bytes(data[at:length_at]), length


def exif_block(data: bytes) -> bytes | None:
    """The EXIF block, from its TIFF header on; None if there is none.

    Raises:
        struct.error, IndexError: The file is cut off or has too many boxes.
    """
    parts = _meta_parts(data)
    for item, kind, _ in _items(data, parts):
        if kind == b"Exif":
            content = _item_content(data, item, _locations(data, parts))
            return content[4 + int.from_bytes(content[:4]) :] if len(content) >= 4 else None
    return None


def xmp_packet(data: bytes) -> bytes | None:
    """The XMP packet of the primary picture; None if there is none. Raises as `exif_block`."""
    parts = _meta_parts(data)
    of_others = _items_of_others(data, parts)
    for item, kind, content_type in _items(data, parts):
        if kind == b"mime" and content_type == _XMP_TYPE and item not in of_others:
            return _item_content(data, item, _locations(data, parts)) or None
    return None


def picture_parts(data: bytes) -> list[tuple[int, bytes, str]]:
    """Everything that makes the pictures, to compare two versions of a file.

    Returns:
        (number, type, SHA-256) of each item except metadata, of the item properties (iprp) and of
        the number of the primary item (pitm).

    Raises:
        struct.error, IndexError: As `exif_block`.
    """
    parts = _meta_parts(data)
    locations = _locations(data, parts)
    left = _MAX_REUSE * len(data)
    pictures = []
    for item, kind, content_type in _items(data, parts):
        if kind != b"Exif" and content_type != _XMP_TYPE:
            sha256, left = _sha256_of_item(data, locations.get(item), left)
            pictures.append((item, kind, sha256))
    boxes = ((name, parts[name]) for name in (b"iprp", b"pitm") if name in parts)
    for name, (start, end) in boxes:
        pictures.append((0, name, hashlib.sha256(data[start:end]).hexdigest()))
    return pictures


def _meta_parts(data: bytes) -> _Parts:
    """The boxes inside the meta box: type -> (start of the content, end)."""
    for name, start, end in walk(data, 0, len(data)):
        if name == b"meta":
            return {name: (at, to) for name, at, to in walk(data, start + 4, end)}
    return {}


def walk(data: bytes, pos: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(type, start of the content, end) of each box between two positions, not nested.

    Stops where a size makes no sense.

    Raises:
        IndexError: There are too many boxes.
    """
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
    raise IndexError("the file has too many boxes")


def _items(data: bytes, parts: _Parts) -> Iterator[tuple[int, bytes, bytes]]:
    """(number, type, content type) of each item in the item information box."""
    if b"iinf" not in parts or b"iloc" not in parts:
        return
    start, end = parts[b"iinf"]
    for name, info, info_end in walk(data, start + (6 if data[start] == 0 else 8), end):
        if name != b"infe" or data[info] not in (2, 3):
            continue
        id_bytes = 2 if data[info] == 2 else 4
        kind = info + 4 + id_bytes + 2
        texts = data[kind + 4 : info_end].split(b"\0", 2)  # name, content type
        number = int.from_bytes(data[info + 4 : info + 4 + id_bytes])
        yield number, data[kind : kind + 4], texts[1] if len(texts) > 1 else b""


def _items_of_others(data: bytes, parts: _Parts) -> set[int]:
    """Items that describe pictures other than the primary one."""
    if b"iref" not in parts or b"pitm" not in parts:
        return set()
    at, _ = parts[b"pitm"]
    primary = data[at + 4 : at + (6 if data[at] == 0 else 8)].lstrip(b"\0")
    start, end = parts[b"iref"]
    size = 2 if data[start] == 0 else 4
    others: set[int] = set()
    of_primary: set[int] = set()
    for name, pos, box_end in walk(data, start + 4, end):
        if name == b"cdsc":
            ids_at = pos + size + 2
            count = min(int.from_bytes(data[pos + size : ids_at]), (box_end - ids_at) // size)
            ids = (data[i : i + size] for i in range(ids_at, ids_at + count * size, size))
            item = int.from_bytes(data[pos : pos + size])
            items = of_primary if any(i.lstrip(b"\0") == primary for i in ids) else others
            items.add(item)
    return others - of_primary


def _item_content(data: bytes, item: int, locations: Mapping[int, _Location]) -> bytes:
    """The bytes of a metadata item, up to the limits."""
    spans = locations[item].spans(data) if item in locations else ()
    return b"".join(
        data[at : at + min(length or _MAX_EXTENT_BYTES, _MAX_EXTENT_BYTES)]
        for at, length in islice(spans, _MAX_EXTENTS)
    )


def _sha256_of_item(data: bytes, location: _Location | None, left: int) -> tuple[str, int]:
    """The hash, and how many bytes are left to hash; IndexError if that is too few."""
    digest = hashlib.sha256()
    for at, length in location.spans(data) if location else ():
        part = data[at : at + length if length else None]
        left -= len(part) + 1
        if left < 0:
            raise IndexError("its items together are larger than the file")
        digest.update(part)
    return digest.hexdigest(), left


def _locations(data: bytes, parts: _Parts) -> dict[int, _Location]:
    """The place of each item."""
    if b"iloc" not in parts:
        return {}
    pos, end = parts[b"iloc"]
    idat_at = parts.get(b"idat", (0, 0))[0]
    version = data[pos]
    offset_size, length_size = data[pos + 4] >> 4, data[pos + 4] & 15
    base_size, index_size = data[pos + 5] >> 4, data[pos + 5] & 15 if version else 0
    extent_size = index_size + offset_size + length_size
    id_size = 4 if version == 2 else 2
    pos += 6 + id_size  # skips the number of items: the box ends with the last
    locations: dict[int, _Location] = {}
    while pos < end and len(locations) < _MAX_PARTS:
        number = int.from_bytes(data[pos : pos + id_size])
        pos += id_size
        method = data[pos + 1] & 15 if version else 0
        pos += 4 if version else 2
        base = int.from_bytes(data[pos : pos + base_size]) + (idat_at if method == 1 else 0)
        pos += base_size
        count = int.from_bytes(data[pos : pos + 2])
        pos += 2
        entries = range(pos + index_size, end, extent_size or end)[:count]
        locations.setdefault(number, _Location(base, entries, offset_size, length_size))
        pos += count * extent_size
    return locations
