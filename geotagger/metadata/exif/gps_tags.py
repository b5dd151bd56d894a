"""The GPS directory: what geotagger writes there, and how any writer's is read (Exif 3.0, 4.6.6).

A prediction is marked so that no reader takes it for a fix: ProcessingMethod MANUAL, Status V, its
90 % radius as positioning error, and `PREDICTED by geotagger` in AreaInformation. There is never a
GPS time, satellite, DOP or measure mode, which only a receiver can know.
"""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from piexif import GPSIFD

from geotagger.metadata.exif.ifd import ASCII, BYTE, RATIONAL, SRATIONAL, UNDEFINED
from geotagger.types import Point

if TYPE_CHECKING:
    from geotagger.metadata.exif.ifd import Ifd, Tiff

PREDICTED_MARK = "PREDICTED by geotagger"

_VERSION, _STATUS, _DATUM = GPSIFD.GPSVersionID, GPSIFD.GPSStatus, GPSIFD.GPSMapDatum
_LAT_REF, _LAT = GPSIFD.GPSLatitudeRef, GPSIFD.GPSLatitude
_LON_REF, _LON = GPSIFD.GPSLongitudeRef, GPSIFD.GPSLongitude
_METHOD, _AREA = GPSIFD.GPSProcessingMethod, GPSIFD.GPSAreaInformation
_ERROR_M = GPSIFD.GPSHPositioningError
OWN_TAGS = frozenset(
    {_VERSION, _LAT_REF, _LAT, _LON_REF, _LON, _STATUS, _DATUM, _METHOD, _AREA, _ERROR_M}
)
"""The tags that only geotagger's values may stand in, once it has written."""

FIX_QUALITY_TAGS = frozenset(
    {GPSIFD.GPSSatellites, GPSIFD.GPSMeasureMode, GPSIFD.GPSDOP, GPSIFD.GPSDifferential}
)
"""Untrue beside a predicted position."""

_MANUAL = b"ASCII\0\0\0MANUAL"
_DATE = re.compile(rb"(\d{4})[:/.-](\d\d)[:/.-](\d\d)(?!\d)")
_SECOND_PARTS = 10_000  # 0.3 mm on the ground, and exact to read back
_MAX_TEXT = 500  # characters of the names, and of the note


@dataclass(frozen=True, slots=True)
class GpsTags:
    """What is written into one photo. Raises ValueError when the note lacks its mark."""

    point: Point | None
    """None: only the names of the region are known well enough to be written."""
    radius_km: float | None
    """Radius that holds 90 % of the belief."""
    area: str
    """Such as "Paris, Ile-de-France, France"; may be empty."""
    note: str
    """Begins with PREDICTED_MARK: version, model, confidence."""

    def __post_init__(self) -> None:
        if not self.note.startswith(PREDICTED_MARK):
            raise ValueError(f"the note must begin with {PREDICTED_MARK!r}")

    @property
    def text(self) -> str:
        """What stands in AreaInformation: the names and the note, printable and not endless."""
        parts = (self.area[:_MAX_TEXT], self.note[:_MAX_TEXT])
        return "".join(c if c.isprintable() else " " for c in "; ".join(filter(None, parts)))


def encode_tags(tags: GpsTags, order: str) -> dict[int, tuple[int, bytes]]:
    """Tag -> (type, value in byte order `order`)."""
    found = {
        _VERSION: (BYTE, b"\2\3\0\0"),
        _METHOD: (UNDEFINED, _MANUAL),
        _AREA: (UNDEFINED, _encode_text(tags)),
    }
    if tags.point is None:
        return found
    lat, lon = tags.point.lat, tags.point.lon
    found |= {
        _LAT_REF: (ASCII, b"S\0" if lat < 0 else b"N\0"),
        _LAT: (RATIONAL, _encode_degrees(lat, order)),
        _LON_REF: (ASCII, b"W\0" if lon < 0 else b"E\0"),
        _LON: (RATIONAL, _encode_degrees(lon, order)),
        _STATUS: (ASCII, b"V\0"),
        _DATUM: (ASCII, b"WGS-84\0"),
    }
    if tags.radius_km is not None:
        metres = max(1, round(tags.radius_km * 1000))
        found[_ERROR_M] = (RATIONAL, struct.pack(f"{order}2L", metres, 1))
    return found


def _encode_degrees(value: float, order: str) -> bytes:
    minutes, seconds = divmod(round(abs(value) * 3600 * _SECOND_PARTS), 60 * _SECOND_PARTS)
    degrees, minutes = divmod(minutes, 60)
    return struct.pack(f"{order}6L", degrees, 1, minutes, 1, seconds, _SECOND_PARTS)


def _encode_text(tags: GpsTags) -> bytes:
    """ASCII where it is; else UTF-8 under the code "undefined" (Exif 3.0, table 9).

    The standard's UNICODE code is UTF-16, which Exiv2 0.27 prints byte by byte. Both ExifTool and
    Exiv2 read this form back exactly.
    """
    text = tags.text
    return (b"ASCII\0\0\0" if text.isascii() else bytes(8)) + text.encode("utf-8", "replace")


def is_prediction(tiff: Tiff, gps: Ifd) -> bool:
    """Whether geotagger wrote this directory. Raises TiffError."""
    method = tiff.value(gps.entry(_METHOD))
    area = tiff.value(gps.entry(_AREA), max_bytes=16 * _MAX_TEXT)
    # Other writers may have recoded the text to UTF-16: its zero bytes are dropped.
    return b"MANUAL" in method and PREDICTED_MARK.encode() in area.replace(b"\0", b"")


def has_position(gps: Ifd) -> bool:
    """Whether a latitude or longitude stands in the directory, valid or not."""
    return gps.entry(_LAT) is not None or gps.entry(_LON) is not None


def position(tiff: Tiff, gps: Ifd) -> Point:
    """The position in the directory. Raises ValueError, with the reason, when it is none."""
    lat = _signed_degrees(tiff, gps, _LAT, _LAT_REF, "latitude", "NS")
    lon = _signed_degrees(tiff, gps, _LON, _LON_REF, "longitude", "EW")
    if math.isnan(lat) or math.isnan(lon):
        raise ValueError("its GPS position is 0/0 (no number)")
    if abs(lat) > 90 or abs(lon) > 180:
        raise ValueError(f"its GPS position is out of range ({lat:.6g}, {lon:.6g})")
    if lat == 0 and lon == 0:
        raise ValueError("its GPS position is 0, 0 (an empty fix)")
    return Point(lat, lon)


def time_utc(tiff: Tiff, gps: Ifd) -> str:
    """When the receiver had its fix, ISO 8601; empty unless date and time are both sound."""
    try:
        date = _DATE.match(tiff.value(gps.entry(GPSIFD.GPSDateStamp)))
        entry = gps.entry(GPSIFD.GPSTimeStamp)
        if date is None or entry is None or (entry.type, entry.length) != (RATIONAL, 3):
            return ""
        parts = struct.unpack(f"{tiff.order}6L", tiff.value(entry))
        hours, minutes, seconds = (parts[i] / parts[i + 1] for i in (0, 2, 4))
        day = datetime(*map(int, date.groups()))  # type: ignore[arg-type]  # noqa: DTZ001
        if not (hours < 24 and minutes < 60 and seconds < 60):
            return ""
        at = day + timedelta(seconds=int(hours * 3600 + minutes * 60 + seconds))
    except (ValueError, ZeroDivisionError, struct.error):
        return ""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _signed_degrees(tiff: Tiff, gps: Ifd, tag: int, ref_tag: int, name: str, refs: str) -> float:
    entry = gps.entry(tag)
    if entry is None or entry.type not in (RATIONAL, SRATIONAL) or not entry.length:
        raise ValueError(f"its GPS block has no {name}")
    ref = tiff.value(gps.entry(ref_tag))[:1].decode("latin-1").upper()
    if not ref or ref not in refs:
        raise ValueError(f"its GPS {name} has no {'/'.join(refs)} reference")
    raw = tiff.value(entry, max_bytes=24)
    kind = "l" if entry.type == SRATIONAL else "L"
    parts = struct.iter_unpack(f"{tiff.order}2{kind}", raw)
    degrees: float = sum((n / d if d else math.nan) / 60**i for i, (n, d) in enumerate(parts))
    return -degrees if ref == refs[1] else degrees
