"""Embeds by ExifTool, and verifies what it wrote before it goes to disk.

In HEIF and AVIF every coded picture must be the same, byte by byte. In the other formats (camera
RAW and JPEG XL, which a run does not analyse yet) only undo and the tags are verified.
"""

from __future__ import annotations

import hashlib
import math
import struct
from dataclasses import replace
from typing import TYPE_CHECKING

from piexif import TAGS

from geotagger.errors import CannotEmbedError
from geotagger.metadata.containers import heif
from geotagger.metadata.containers.locate import xmp_packet
from geotagger.metadata.exif.gps_tags import OWN_TAGS
from geotagger.metadata.exiftool.process import SUFFIXES, gps_arguments
from geotagger.metadata.foreign_tags import foreign_tags
from geotagger.metadata.read import read
from geotagger.metadata.undo.delta import delta
from geotagger.metadata.xmp.prediction import (
    prediction_in,
    spaces_written,
    with_prediction,
    without_prediction,
)

if TYPE_CHECKING:
    from geotagger.metadata.exif.gps_tags import GpsTags
    from geotagger.metadata.exiftool.process import ExifTool
    from geotagger.metadata.file_tags import FileTags

_TOLERANCE_DEGREES = 1e-6
_EMPTY_PACKET = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"
_DELETE_GPS = [f"-GPS:{TAGS['GPS'][tag]['name']}=" for tag in sorted(OWN_TAGS)]
_CR3 = b"crx "
_FTYP, _JXL = b"ftyp", (b"\xff\x0a", b"\0\0\0\x0cJXL ")


def needs_exiftool(data: bytes, suffix: str) -> bool:
    """Whether only ExifTool can write the file.

    HEIF and its kin are recognised by content, camera RAW by name: much of it is TIFF inside.
    """
    if data[4:8] == _FTYP or data.startswith(_JXL):
        return True
    is_raw = suffix.lower() in SUFFIXES and data[:2] in (b"II", b"MM", b"FU", b"\0M")
    return is_raw and suffix.lower() not in (".heic", ".heif", ".hif", ".avif", ".jxl")


def embed_by_exiftool(
    original: bytes, current: bytes, suffix: str, tags: FileTags, exiftool: ExifTool | None
) -> tuple[bytes, bytes]:
    """Writes tags into a file.

    Args:
        original: The file before geotagger wrote to it.
        current: The file as it is now; it may hold an earlier prediction.
        suffix: Of its name.
        tags: What to write.
        exiftool: None if the backend was not chosen.

    Returns:
        (the original with the tags, the packed delta that restores the original).

    Raises:
        CannotEmbedError: ExifTool is missing, refuses the file, or wrote something else.
    """
    if exiftool is None:
        raise CannotEmbedError(
            "HEIC, AVIF, JPEG XL and camera RAW are written only with --backend exiftool; "
            "without it the tags are in the sidecar, where --compat-tags adds the place names that "
            "other programs show"
        )
    existing = read(original)
    has_measured = existing.gps is not None and not existing.gps_is_prediction
    if has_measured and tags.gps and tags.gps.point is None:
        raise CannotEmbedError("region names would replace the GPS position it has")
    packet = None
    if tags.xmp:
        earlier = prediction_in(_packet(current, suffix, exiftool))
        tags = tags.for_original(hashlib.sha256(original).hexdigest(), earlier)
        assert tags.xmp
        old_packet, foreign = _packet(original, suffix, exiftool), foreign_tags(original)
        packet = with_prediction(old_packet, tags.xmp, foreign=foreign)
        if tags.gps:
            spaces = spaces_written(old_packet, tags.xmp, foreign)
            tags = replace(tags, gps=tags.gps.naming_spaces(spaces))
    gps = gps_arguments(tags.gps) if tags.gps else []
    new = exiftool.rewrite(original, suffix, ["-GPS:all="] * has_measured + gps, packet)
    undo = delta(new, original)
    if new != current:
        _verify(original, new, suffix, tags.gps, packet, exiftool)
    return new, undo


def without_own_by_exiftool(data: bytes, suffix: str, exiftool: ExifTool, note: str = "") -> bytes:
    """The file without geotagger's GPS tags and XMP, after another program has changed it.

    `note` is the note in its EXIF, as for `without_prediction`.

    Raises:
        CannotEmbedError: ExifTool refuses the file, or wrote something else.
    """
    packet = _packet(data, suffix, exiftool)
    if packet is not None:
        cleaned = without_prediction(packet, note).packet
        packet = None if cleaned == packet else cleaned or _EMPTY_PACKET
    existing = read(data)
    gps_is_ours = existing.gps_is_prediction or existing.gps_is_from_track
    new = exiftool.rewrite(data, suffix, _DELETE_GPS if gps_is_ours else [], packet)
    _verify(data, new, suffix, None, packet, exiftool)
    return new


def _packet(data: bytes, suffix: str, exiftool: ExifTool) -> bytes | None:
    """The XMP packet. ExifTool may return that of a depth map, so HEIF is read here."""
    if _is_heif(data):
        return xmp_packet(data)
    return exiftool.xmp_packet(data, suffix)


def _verify(
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
    if gps is not None and not _agrees(gps, exiftool.position(new, suffix)):
        raise CannotEmbedError("the position that ExifTool wrote does not read back")
    if not _is_heif(original):
        return
    try:
        same = heif.picture_parts(original) == heif.picture_parts(new)
    except (struct.error, IndexError) as error:
        raise CannotEmbedError("its HEIF boxes are damaged") from error
    if not same:
        raise CannotEmbedError("ExifTool changed the picture")


def _agrees(gps: GpsTags, position: tuple[float, float] | None) -> bool:
    """Whether the position that was read, (latitude, longitude), is the one that was written."""
    if gps.point is None or position is None:
        return gps.point is None and position is None
    lat_error, lon_error = position[0] - gps.point.lat, position[1] - gps.point.lon
    return max(math.fabs(lat_error), math.fabs(lon_error)) < _TOLERANCE_DEGREES


def _is_heif(data: bytes) -> bool:
    return data[4:8] == _FTYP and data[8:12] != _CR3
