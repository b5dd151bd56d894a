"""Reads a photo's own metadata: position, time, camera. Decodes no pixel."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from piexif import GPSIFD

from geotagger.metadata.containers.locate import exif_block, metadata_blocks
from geotagger.metadata.coordinates import EmptyFixError
from geotagger.metadata.exif import gps_tags
from geotagger.metadata.exif.ifd import EXIF_IFD, RATIONAL, gps_directory, read_tiff
from geotagger.metadata.xmp.prediction import gps_in, prediction_in
from geotagger.metadata.xmp.tags import PREDICTION, TRACK
from geotagger.metadata.xmp.times import time_in
from geotagger.times.dates import iso_time
from geotagger.types import PhotoMetadata, TimeOrigin

if TYPE_CHECKING:
    from geotagger.metadata.containers.locate import MetadataBlocks
    from geotagger.metadata.exif.ifd import Ifd, Tiff
    from geotagger.types import Point

_MAKE, _MODEL, _SERIAL = 0x010F, 0x0110, 0xA431
_OFFSET = 0x9010
_DATES = ((0x9003, 0x9011, TimeOrigin.ORIGINAL), (0x9004, 0x9012, TimeOrigin.DIGITIZED))
"""Tags of a date and its UTC offset, the moment of exposure first."""
_MAX_NAME_CHARACTERS = 100
_MAX_GPS_ERROR_KM = 100.0  # of a cell tower; a larger value is not a measurement
_BLANK_SERIALS = frozenset({"none", "unknown", "n/a", "na", "null", "undefined"})


class _Gps(NamedTuple):
    point: Point | None = None
    problem: str = ""
    """Why existing tags hold no valid position."""
    is_prediction: bool = False
    """geotagger wrote it."""
    is_unread: bool = False
    """Another reader could find a position in these tags."""
    is_from_track: bool = False
    """geotagger wrote it, and a track measured it."""


def read(data: bytes) -> PhotoMetadata:
    """Reads the EXIF of a JPEG, TIFF, PNG, WebP, HEIF or AVIF file, and the GPS of its XMP.

    If both have a position, that of EXIF is used. Never raises: damaged parts are left out.
    """
    block, packet = metadata_blocks(data)
    exif = _exif(block)
    metadata = _with_gps(packet, exif)
    if exif is None:
        return metadata.with_time(time_in(packet), TimeOrigin.XMP)
    tiff, ifd0 = exif
    is_measured = metadata.gps is not None and not metadata.gps_is_prediction
    taken_at, origin = _taken_at(tiff, ifd0)
    metadata = replace(
        metadata,
        taken_at=taken_at,
        time_origin=origin,
        camera=_camera(tiff, ifd0),
        gps_error_km=_gps_error_km(tiff, ifd0) if is_measured else 0.0,
        gps_time=_gps_time(tiff, ifd0),
        camera_serial=_serial(tiff, ifd0),
    )
    return metadata if taken_at else metadata.with_time(time_in(packet), TimeOrigin.XMP)


def read_gps(blocks: MetadataBlocks) -> PhotoMetadata:
    """Only what `read` says of the position."""
    return _with_gps(blocks.xmp, _exif(blocks.exif))


def _exif(block: bytes | None) -> tuple[Tiff, Ifd] | None:
    """The EXIF block and its first directory; None if there is none, or it is damaged."""
    try:
        tiff = read_tiff(block or b"")
        return tiff, tiff.ifd(tiff.first)
    except (ValueError, IndexError, struct.error):
        return None


def _with_gps(packet: bytes | None, exif: tuple[Tiff, Ifd] | None) -> PhotoMetadata:
    gps = _gps_with_xmp(_gps(*exif) if exif else _Gps(), packet)
    return PhotoMetadata(
        gps.point,
        gps.problem,
        gps.is_prediction,
        gps_is_unread=gps.is_unread,
        gps_is_from_track=gps.is_from_track,
    )


def prediction_text(data: bytes) -> str:
    """What geotagger wrote into GPSAreaInformation; empty if it wrote nothing. Never raises."""
    try:
        tiff = read_tiff(exif_block(data) or b"")
        gps, _ = gps_directory(tiff, tiff.ifd(tiff.first))
        return gps_tags.prediction_text(tiff, gps) if gps else ""
    except (ValueError, IndexError, struct.error):
        return ""


def _gps_with_xmp(in_exif: _Gps, packet: bytes | None) -> _Gps:
    if in_exif.point or not packet:
        return in_exif
    in_xmp = gps_in(packet)
    if in_xmp and in_xmp.point:
        return _Gps(in_xmp.point, "", in_xmp.is_prediction, in_exif.is_unread, in_xmp.is_from_track)
    own = prediction_in(packet)
    return _Gps(
        None,
        in_exif.problem or (in_xmp.problem if in_xmp else ""),
        in_exif.is_prediction or (own is not None and own.kind == PREDICTION),
        in_exif.is_unread or (in_xmp is not None and in_xmp.is_unread),
        in_exif.is_from_track or (own is not None and own.kind == TRACK),
    )


def _gps(tiff: Tiff, ifd0: Ifd) -> _Gps:
    try:
        gps, _ = gps_directory(tiff, ifd0)
    except ValueError as error:
        return _Gps(problem=f"its GPS block is damaged: {error}", is_unread=True)
    if gps is None:
        return _Gps()
    found = _Gps()
    try:
        found = _Gps(
            is_prediction=gps_tags.is_prediction(tiff, gps),
            is_from_track=gps_tags.is_from_track(tiff, gps),
        )
        if not gps_tags.has_position(gps):
            return found
        return found._replace(point=gps_tags.position(tiff, gps))
    except EmptyFixError as error:
        return found._replace(problem=str(error))
    except ValueError as error:
        is_own = found.is_prediction or found.is_from_track
        return found._replace(problem=str(error), is_unread=not is_own)


def _gps_error_km(tiff: Tiff, ifd0: Ifd) -> float:
    """The error that the receiver states, in kilometres; 0 if it states none."""
    try:
        gps, _ = gps_directory(tiff, ifd0)
        entry = gps.entry(GPSIFD.GPSHPositioningError) if gps else None
        if entry is None or entry.type != RATIONAL:
            return 0.0
        metres, parts = struct.unpack(f"{tiff.order}2L", tiff.value(entry, max_bytes=8))
    except (ValueError, struct.error):
        return 0.0
    return min(metres / parts / 1000, _MAX_GPS_ERROR_KM) if parts else 0.0


def _gps_time(tiff: Tiff, ifd0: Ifd) -> str:
    """Time of a measured fix; empty for a prediction."""
    try:
        gps, _ = gps_directory(tiff, ifd0)
        is_measured = gps is not None and not gps_tags.is_prediction(tiff, gps)
        return gps_tags.time_utc(tiff, gps) if gps and is_measured else ""
    except ValueError:
        return ""


def _serial(tiff: Tiff, ifd0: Ifd) -> str:
    try:
        exif = tiff.child(ifd0, EXIF_IFD)
    except ValueError:
        return ""
    serial = _text(tiff, exif, _SERIAL) if exif else ""
    is_blank = len(set(serial) - set(" -._/")) < 2 or serial.casefold() in _BLANK_SERIALS
    return "" if is_blank else serial


def _taken_at(tiff: Tiff, ifd0: Ifd) -> tuple[str, TimeOrigin]:
    try:
        exif = tiff.child(ifd0, EXIF_IFD)
    except ValueError:
        exif = None
    return time_taken(tiff, exif) if exif else ("", TimeOrigin.ORIGINAL)


def time_taken(tiff: Tiff, exif: Ifd) -> tuple[str, TimeOrigin]:
    """`PhotoMetadata.taken_at` and its origin, from the Exif directory; empty without a time."""
    for tag, offset_tag, origin in _DATES:
        offset = _text(tiff, exif, offset_tag) or _text(tiff, exif, _OFFSET)
        taken_at = iso_time(_text(tiff, exif, tag), offset)
        if taken_at:
            return taken_at, origin
    return "", TimeOrigin.ORIGINAL


def _camera(tiff: Tiff, ifd0: Ifd) -> str:
    make, model = _text(tiff, ifd0, _MAKE), _text(tiff, ifd0, _MODEL)
    repeats_make = model and model.split()[0].casefold() in make.casefold().split()
    return model if repeats_make else f"{make} {model}".strip()


def _text(tiff: Tiff, ifd: Ifd, tag: int) -> str:
    try:
        raw = tiff.value(ifd.entry(tag)).split(b"\0")[0]
    except ValueError:
        return ""
    text = raw.decode("utf-8", "replace")[:_MAX_NAME_CHARACTERS]
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
