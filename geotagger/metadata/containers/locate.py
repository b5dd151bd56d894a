"""Finds the EXIF block and the XMP packet in a file of any format. Lenient, for reading only.

JPEG: ITU-T T.81 and Exif 3.0. PNG: eXIf and iTXt chunks (PNG 3rd edition). WebP: EXIF and XMP
chunks (RFC 9649). HEIF and AVIF: metadata items, see `heif`.
"""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

from geotagger.metadata.containers import heif, jpeg, png, webp
from geotagger.metadata.exif.ifd import XMP_PACKET, Tiff

_MAX_PACKET_BYTES = 1 << 20
_JPEG_KINDS = ((jpeg.APP1, jpeg.EXIF_HEADER), (jpeg.APP1, jpeg.XMP_HEADER))


class MetadataBlocks(NamedTuple):
    """The blocks of metadata in a file; None: it has no such block, or a damaged one."""

    exif: bytes | None
    """From its TIFF header on."""
    xmp: bytes | None
    """The standard XMP packet."""


def metadata_blocks(data: bytes) -> MetadataBlocks:
    """EXIF and XMP of the picture, looked for once. Never raises."""
    if data.startswith(jpeg.SOI):
        exif, xmp = jpeg.find_payloads(data, _JPEG_KINDS)
        return MetadataBlocks(_tiff_block(exif), xmp)
    try:
        exif = exif_block(data)
    except (ValueError, IndexError, struct.error):
        exif = None
    return MetadataBlocks(exif, xmp_packet(data))


def xmp_packet(data: bytes) -> bytes | None:
    """The standard XMP packet of the picture; None if there is none. Never raises."""
    try:
        if data.startswith(jpeg.SOI):
            return jpeg.find_payload(data, jpeg.APP1, jpeg.XMP_HEADER)
        if data.startswith(png.SIGNATURE):
            return _png_packet(data)
        if _is_webp(data):
            return webp.find_payload(data, b"XMP ")
        if _is_heif(data):
            return heif.xmp_packet(data)
        tiff = Tiff(data)
        packet = tiff.value(tiff.ifd(tiff.first).entry(XMP_PACKET), _MAX_PACKET_BYTES)
    except (ValueError, IndexError, struct.error):
        return None
    return packet or None


def exif_block(data: bytes) -> bytes | None:
    """The EXIF block, from its TIFF header on; None if there is none.

    Raises:
        struct.error, IndexError: The file is damaged or cut off.
    """
    block: bytes | None = None
    if data[:4] in (b"II*\0", b"MM\0*"):
        return data
    if data.startswith(jpeg.SOI):
        block = jpeg.find_payload(data, jpeg.APP1, jpeg.EXIF_HEADER)
    elif data.startswith(png.SIGNATURE):
        block = next(png.find_payloads(data, b"eXIf"), None)
    elif _is_webp(data):
        block = webp.find_payload(data, b"EXIF")
    elif _is_heif(data):
        block = heif.exif_block(data)
    return _tiff_block(block)


def _tiff_block(payload: bytes | None) -> bytes | None:
    return payload.removeprefix(jpeg.EXIF_HEADER) if payload else None


def _is_webp(data: bytes) -> bool:
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def _is_heif(data: bytes) -> bool:
    return data[4:8] == b"ftyp"


def _png_packet(data: bytes) -> bytes | None:
    for text in png.find_payloads(data, b"iTXt"):
        if text.startswith(png.XMP_KEYWORD):
            is_compressed = text[len(png.XMP_KEYWORD)] == 1
            _, _, packet = text[len(png.XMP_KEYWORD) + 2 :].split(b"\0", 2)  # after two languages
            return _inflated(packet) if is_compressed else packet
    return None


def _inflated(packed: bytes) -> bytes | None:
    try:
        return zlib.decompressobj().decompress(packed, _MAX_PACKET_BYTES)
    except zlib.error:
        return None
