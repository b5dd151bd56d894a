"""Formats that ExifTool embeds into: what it made is proven here before it goes to the disk.

Of HEIF and AVIF every coded picture must be the same, byte by byte. Of the others (camera RAW, JPEG
XL; both are reported and not yet judged, so that a run never comes here) only the way back is.
"""

from __future__ import annotations

import hashlib
import math
import struct
from typing import TYPE_CHECKING

from piexif import TAGS

from geotagger.errors import CannotEmbedError
from geotagger.metadata.containers import heif
from geotagger.metadata.containers.locate import xmp_packet
from geotagger.metadata.exif.gps_tags import OWN_TAGS
from geotagger.metadata.exiftool.process import SUFFIXES, gps_arguments
from geotagger.metadata.read import read
from geotagger.metadata.undo import delta
from geotagger.metadata.xmp.prediction import prediction_in, with_prediction, without_prediction

if TYPE_CHECKING:
    from geotagger.metadata.exif.gps_tags import GpsTags
    from geotagger.metadata.exiftool.process import ExifTool
    from geotagger.metadata.file_tags import FileTags

_SAME_DEGREES = 1e-6
_EMPTY_PACKET = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"
_NO_GPS = [f"-GPS:{TAGS['GPS'][tag]['name']}=" for tag in sorted(OWN_TAGS)]
_CR3 = b"crx "
_BOXES, _JXL = b"ftyp", (b"\xff\x0a", b"\0\0\0\x0cJXL ")


def needs_exiftool(data: bytes, suffix: str) -> bool:
    """HEIF and its kin by content, camera RAW by name (much of it is TIFF inside)."""
    if data[4:8] == _BOXES or data.startswith(_JXL):
        return True
    raw = suffix.lower() in SUFFIXES and data[:2] in (b"II", b"MM", b"FU", b"\0M")
    return raw and suffix.lower() not in (".heic", ".heif", ".hif", ".avif", ".jxl")


def embedded(
    original: bytes, now: bytes, suffix: str, tags: FileTags, exiftool: ExifTool | None
) -> tuple[bytes, bytes]:
    """(`original` with the tags, the packed delta that leads back to it).

    `now` is the file as it is, with an earlier prediction perhaps. Raises CannotEmbedError.
    """
    if exiftool is None:
        raise CannotEmbedError("HEIC, AVIF, JPEG XL and camera RAW take --backend exiftool")
    existing = read(original)
    measured = existing.gps is not None and not existing.gps_is_prediction
    if measured and tags.gps and tags.gps.point is None:
        raise CannotEmbedError("region names would replace the GPS position it has")
    packet = None
    if tags.xmp:
        earlier = prediction_in(_packet(now, suffix, exiftool))
        tags = tags.of(hashlib.sha256(original).hexdigest(), earlier)
        assert tags.xmp
        packet = with_prediction(_packet(original, suffix, exiftool), tags.xmp)
    gps = gps_arguments(tags.gps) if tags.gps else []
    new = exiftool.rewrite(original, suffix, ["-GPS:all="] * measured + gps, packet)
    back = delta.delta(new, original)
    if new != now:
        _check(original, new, suffix, tags.gps, packet, exiftool)
    return new, back


def cleaned(data: bytes, suffix: str, exiftool: ExifTool) -> bytes:
    """The file without our GPS tags and XMP, after another program has written to it since.

    Raises CannotEmbedError.
    """
    packet = _packet(data, suffix, exiftool)
    if packet is not None:
        left = without_prediction(packet).packet
        packet = None if left == packet else left or _EMPTY_PACKET
    ours = read(data).gps_is_prediction
    new = exiftool.rewrite(data, suffix, _NO_GPS if ours else [], packet)
    _check(data, new, suffix, None, packet, exiftool)
    return new


def _packet(data: bytes, suffix: str, exiftool: ExifTool) -> bytes | None:
    """ExifTool does not tell the packet of the picture from that of, say, its depth map."""
    if _is_heif(data):
        return xmp_packet(data)
    return exiftool.xmp_packet(data, suffix)


def _check(
    original: bytes,
    new: bytes,
    suffix: str,
    gps: GpsTags | None,
    packet: bytes | None,
    exiftool: ExifTool,
) -> None:
    """Raises CannotEmbedError unless the tags read back and the picture is the same."""
    if packet is not None and _packet(new, suffix, exiftool) != packet:
        raise CannotEmbedError("the XMP packet that ExifTool wrote does not read back")
    if gps is not None and not _same(gps, exiftool.position(new, suffix)):
        raise CannotEmbedError("the position that ExifTool wrote does not read back")
    if not _is_heif(original):
        return
    try:
        same = heif.picture_parts(original) == heif.picture_parts(new)
    except (struct.error, IndexError) as error:
        raise CannotEmbedError("its HEIF boxes are damaged") from error
    if not same:
        raise CannotEmbedError("ExifTool changed the picture")


def _same(gps: GpsTags, found: tuple[float, float] | None) -> bool:
    if gps.point is None or found is None:
        return gps.point is None and found is None
    there = math.fabs(found[0] - gps.point.lat), math.fabs(found[1] - gps.point.lon)
    return max(there) < _SAME_DEGREES


def _is_heif(data: bytes) -> bool:
    return data[4:8] == _BOXES and data[8:12] != _CR3
