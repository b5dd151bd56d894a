"""Reads a photo's own metadata: position, time, camera. Decodes no pixel."""

from __future__ import annotations

import re
import struct
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from piexif import GPSIFD

from geotagger.metadata.containers.locate import exif_block, xmp_packet
from geotagger.metadata.coordinates import EmptyFixError
from geotagger.metadata.exif import gps_tags
from geotagger.metadata.exif.ifd import EXIF_IFD, RATIONAL, Tiff, gps_directory
from geotagger.metadata.xmp.prediction import gps_in, prediction_in
from geotagger.types import PhotoMetadata

if TYPE_CHECKING:
    from pathlib import Path

    from geotagger.metadata.exif.ifd import Ifd
    from geotagger.types import Point

_MAKE, _MODEL, _TAKEN, _OFFSET, _SERIAL = 0x010F, 0x0110, 0x9003, 0x9011, 0xA431
_DATE = re.compile(r"(\d{4})[:/.-](\d\d)[:/.-](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_UTC_OFFSET = re.compile(r"[+-](?:0\d|1[0-4]):[0-5]\d")
_MAX_NAME_CHARACTERS = 100
_MAX_GPS_ERROR_KM = 100.0  # of a cell tower; a larger value is not a measurement
_BLANK_SERIALS = frozenset({"none", "unknown", "n/a", "na", "null", "undefined"})
_HEAD_BYTES = 1 << 18
_MAX_WHOLE_BYTES = 32 << 20


class _Gps(NamedTuple):
    point: Point | None = None
    problem: str = ""
    """Why existing tags hold no valid position."""
    is_prediction: bool = False
    """geotagger wrote it."""
    is_unread: bool = False
    """Another reader could find a position in these tags."""


def read(data: bytes) -> PhotoMetadata:
    """Reads the EXIF of a JPEG, TIFF, PNG, WebP, HEIF or AVIF file, and the GPS of its XMP.

    If both have a position, that of EXIF is used. Never raises: damaged parts are left out.
    """
    packet = xmp_packet(data)
    try:
        tiff = Tiff(exif_block(data) or b"")
        ifd0 = tiff.ifd(tiff.first)
    except (ValueError, IndexError, struct.error):
        gps = _gps_with_xmp(_Gps(), packet)
        return PhotoMetadata(gps.point, gps.problem, gps.is_prediction, gps_is_unread=gps.is_unread)
    gps = _gps_with_xmp(_gps(tiff, ifd0), packet)
    is_measured = gps.point is not None and not gps.is_prediction
    return PhotoMetadata(
        gps.point,
        gps.problem,
        gps.is_prediction,
        taken_at=_taken_at(tiff, ifd0),
        camera=_camera(tiff, ifd0),
        gps_error_km=_gps_error_km(tiff, ifd0) if is_measured else 0.0,
        gps_time=_gps_time(tiff, ifd0),
        camera_serial=_serial(tiff, ifd0),
        gps_is_unread=gps.is_unread,
    )


def prediction_text(data: bytes) -> str:
    """What geotagger wrote into GPSAreaInformation; empty if it wrote nothing. Never raises."""
    try:
        tiff = Tiff(exif_block(data) or b"")
        gps, _ = gps_directory(tiff, tiff.ifd(tiff.first))
        return gps_tags.prediction_text(tiff, gps) if gps else ""
    except (ValueError, IndexError, struct.error):
        return ""


def read_head(path: Path) -> PhotoMetadata:
    """Reads the metadata of a file whose pixels are not needed, if possible from its first 256 KB.

    That is enough for all but a few JPEG and PNG files. TIFF, WebP and HEIF often have their EXIF
    at the end, so up to 32 MB of them are read. Never raises: an unreadable file has no metadata.
    """
    try:
        if not path.is_file():  # reading a pipe would never end
            return PhotoMetadata()
        with path.open("rb") as file:
            data = file.read(_HEAD_BYTES)
            metadata = read(data)
            if len(data) < _HEAD_BYTES or metadata.taken_at or not _may_follow(data):
                return metadata
            return read(data + file.read(_MAX_WHOLE_BYTES - _HEAD_BYTES))
    except OSError:
        return PhotoMetadata()


def _may_follow(head: bytes) -> bool:
    """Whether EXIF may come after the head in this format."""
    return head[4:8] == b"ftyp" or head[:4] in (b"RIFF", b"II*\0", b"MM\0*")


def _gps_with_xmp(in_exif: _Gps, packet: bytes | None) -> _Gps:
    if in_exif.point or not packet:
        return in_exif
    in_xmp = gps_in(packet)
    if in_xmp and in_xmp.point:
        return _Gps(in_xmp.point, "", in_xmp.is_prediction, in_exif.is_unread)
    return _Gps(
        None,
        in_exif.problem or (in_xmp.problem if in_xmp else ""),
        in_exif.is_prediction or prediction_in(packet) is not None,
        in_exif.is_unread or (in_xmp is not None and in_xmp.is_unread),
    )


def _gps(tiff: Tiff, ifd0: Ifd) -> _Gps:
    try:
        gps, _ = gps_directory(tiff, ifd0)
    except ValueError as error:
        return _Gps(problem=f"its GPS block is damaged: {error}", is_unread=True)
    if gps is None:
        return _Gps()
    is_prediction = False
    try:
        is_prediction = gps_tags.is_prediction(tiff, gps)
        if not gps_tags.has_position(gps):
            return _Gps(is_prediction=is_prediction)
        return _Gps(gps_tags.position(tiff, gps), "", is_prediction)
    except EmptyFixError as error:
        return _Gps(None, str(error), is_prediction)
    except ValueError as error:
        return _Gps(None, str(error), is_prediction, is_unread=not is_prediction)


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


def _taken_at(tiff: Tiff, ifd0: Ifd) -> str:
    try:
        exif = tiff.child(ifd0, EXIF_IFD)
    except ValueError:
        return ""
    return time_taken(tiff, exif) if exif else ""


def time_taken(tiff: Tiff, exif: Ifd) -> str:
    """`PhotoMetadata.taken_at` from the Exif directory."""
    date = _DATE.match(_text(tiff, exif, _TAKEN))
    if not date:
        return ""
    try:
        taken = datetime(*map(int, date.groups()))  # type: ignore[arg-type]  # noqa: DTZ001
    except ValueError:
        return ""
    offset = _text(tiff, exif, _OFFSET)
    return taken.isoformat() + (offset if _UTC_OFFSET.fullmatch(offset) else "")


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
