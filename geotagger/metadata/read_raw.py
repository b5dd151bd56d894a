"""Reads the metadata of camera RAW and JPEG XL files, which keep EXIF in places of their own."""

from __future__ import annotations

import struct
from dataclasses import replace

from geotagger.metadata.containers import heif
from geotagger.metadata.containers.raw import cr3_block, ifd0_block, raf_jpeg
from geotagger.metadata.exif.gps_tags import has_position, position
from geotagger.metadata.exif.ifd import Ifd, Tiff
from geotagger.metadata.read import read, time_taken
from geotagger.types import PhotoMetadata


def read_raw(data: bytes, preview: bytes | None) -> PhotoMetadata:
    """Reads the metadata of a camera RAW file, or of its preview if it has none itself.

    Never raises: damaged parts are left out.
    """
    block = ifd0_block(data) or raf_jpeg(data)
    metadata = read(block) if block else PhotoMetadata()
    if data[4:12] == b"ftypcrx ":
        metadata = _with_cr3(metadata, data)
    if preview is None or metadata.camera or metadata.taken_at or metadata.gps:
        return metadata
    return read(preview)


def read_jpeg_xl(data: bytes) -> PhotoMetadata:
    """Reads the `Exif` box of a JPEG XL file (ISO/IEC 18181-2). Never raises."""
    try:
        for name, start, end in heif.walk(data, 0, len(data)):
            if name == b"Exif":
                skip = int.from_bytes(data[start : start + 4], "big")
                return read(data[start + 4 + skip : end])
    except (ValueError, IndexError, struct.error):
        pass
    return PhotoMetadata()


def _with_cr3(metadata: PhotoMetadata, data: bytes) -> PhotoMetadata:
    try:
        tiff, exif = _directory(cr3_block(data, b"CMT2"))
        taken_at, origin = time_taken(tiff, exif)
        metadata = replace(metadata, taken_at=taken_at, time_origin=origin)
    except (ValueError, IndexError, struct.error):
        pass
    block = cr3_block(data, b"CMT4")
    if not block:
        return metadata
    try:
        tiff, gps = _directory(block)
        if has_position(gps):
            metadata = replace(metadata, gps=position(tiff, gps))
    except ValueError as error:
        metadata = replace(metadata, gps_problem=str(error), gps_is_unread=True)
    except (IndexError, struct.error):
        pass
    return metadata


def _directory(block: bytes | None) -> tuple[Tiff, Ifd]:
    tiff = Tiff(block or b"")
    return tiff, tiff.ifd(tiff.first)
