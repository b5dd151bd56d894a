"""Where EXIF and XMP lie in each kind of file. For reading only: lenient, bounded, no decoding.

JPEG: ITU-T T.81 and Exif 3.0. PNG: eXIf chunk (PNG 3rd edition). WebP: EXIF chunk (RFC 9649).
HEIF and AVIF: see `heif`.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from geotagger.metadata.containers import heif
from geotagger.metadata.containers.jpeg import EXIF_HEADER, XMP_HEADER
from geotagger.metadata.containers.png import XMP_KEYWORD
from geotagger.metadata.exif.ifd import XMP_PACKET, Tiff

if TYPE_CHECKING:
    from collections.abc import Iterator

_PNG = b"\x89PNG\r\n\x1a\n"
_MAX_PARTS = 100_000  # segments or chunks that are looked at
_MAX_PACKET = 1 << 20


def xmp_packet(data: bytes) -> bytes | None:
    """The standard XMP packet of the picture; None when none can be found.

    Never raises.
    """
    try:
        if data[:2] == b"\xff\xd8":
            return _in_jpeg(data, XMP_HEADER)
        if data[:8] == _PNG:
            return _png_packet(data)
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _in_webp(data, b"XMP ")
        if data[4:8] == b"ftyp":
            return heif.xmp_packet(data)
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
        block = heif.exif_block(data)
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
