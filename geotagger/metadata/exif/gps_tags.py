"""The GPS directory (Exif 3.0, 4.6.6): the tags of a prediction, and positions by any writer.

A prediction is marked so that no reader takes it for a measured fix: ProcessingMethod MANUAL,
Status V (void), its 90 % radius as positioning error, and `PREDICTED by geotagger` in
AreaInformation. It has no GPS time, satellites, DOP or measure mode: only a receiver knows these.

A position from a track log was measured, but not by the camera. It is marked so: ProcessingMethod
GPS TRACK, Status A (active), and `TRACK position by geotagger` in AreaInformation.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from piexif import GPSIFD

from geotagger.metadata.coordinates import (
    EmptyFixError,
    checked_point,
    degrees_from_text,
    signed_degrees,
)
from geotagger.metadata.exif.ifd import ASCII, BYTE, RATIONAL, UNDEFINED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geotagger.metadata.exif.ifd import Ifd, Tiff
    from geotagger.types import Point

PREDICTED_MARK = "PREDICTED by geotagger"
TRACK_MARK = "TRACK position by geotagger"
MARKS = (PREDICTED_MARK, TRACK_MARK)
ALSO_IN_XMP = "; also in XMP "

_VERSION, _STATUS, _DATUM = GPSIFD.GPSVersionID, GPSIFD.GPSStatus, GPSIFD.GPSMapDatum
_LAT_REF, _LAT = GPSIFD.GPSLatitudeRef, GPSIFD.GPSLatitude
_LON_REF, _LON = GPSIFD.GPSLongitudeRef, GPSIFD.GPSLongitude
_METHOD, _AREA = GPSIFD.GPSProcessingMethod, GPSIFD.GPSAreaInformation
_ERROR_M = GPSIFD.GPSHPositioningError
OWN_TAGS = frozenset(
    {_VERSION, _LAT_REF, _LAT, _LON_REF, _LON, _STATUS, _DATUM, _METHOD, _AREA, _ERROR_M}
)
"""Tags that geotagger writes, or removes."""

FIX_QUALITY_TAGS = frozenset(
    {GPSIFD.GPSSatellites, GPSIFD.GPSMeasureMode, GPSIFD.GPSDOP, GPSIFD.GPSDifferential}
)
"""Tags of a measurement, removed because they are untrue for a predicted position."""

MANUAL, GPS_TRACK = "MANUAL", "GPS TRACK"
"""GPSProcessingMethod of a prediction and of a track. The second is a keyword of the standard, GPS,
and what tells it from the camera's own receiver."""
_DATE = re.compile(rb"(\d{4})[:/.-](\d\d)[:/.-](\d\d)(?!\d)")
_SECOND_PARTS = 10_000  # 0.3 mm on the ground, and exact to read back
_MAX_COORDINATE_BYTES = 100
_MAX_TEXT = 500  # characters of the names, and as many of the note


@dataclass(frozen=True, slots=True)
class GpsTags:
    """GPS tags of one position. Raises ValueError if the note lacks its mark."""

    point: Point | None
    """None: only the names of the region are certain enough to be written."""
    radius_km: float | None
    """Radius around the point that contains 90 % of the probability."""
    area: str
    """Such as "Paris, Ile-de-France, France"; may be empty."""
    note: str
    """Starts with one of MARKS, which says what the position is; then version, confidence."""

    def __post_init__(self) -> None:
        if not self.note.startswith(MARKS):
            raise ValueError(f"the note must begin with one of {MARKS}")

    @property
    def is_from_track(self) -> bool:
        """Whether the position was measured by a track; otherwise it is predicted."""
        return self.note.startswith(TRACK_MARK)

    @property
    def processing_method(self) -> str:
        """GPSProcessingMethod."""
        return GPS_TRACK if self.is_from_track else MANUAL

    @property
    def status(self) -> str:
        """GPSStatus: A for a measurement, V for none."""
        return "A" if self.is_from_track else "V"

    def naming_spaces(self, spaces: Sequence[str]) -> GpsTags:
        """The tags with a note that names the XMP namespaces to which geotagger adds properties.

        EXIF survives programs that drop geotagger's own XMP. So `untag` knows what to remove.
        """
        also = f"{ALSO_IN_XMP}{', '.join(spaces)}" if spaces else ""
        return replace(self, note=self.note[: _MAX_TEXT - len(also)] + also)

    @property
    def text(self) -> str:
        """The text of AreaInformation: names and note, printable, limited in length."""
        text = "; ".join(filter(None, (self.area[:_MAX_TEXT], self.note[:_MAX_TEXT])))
        if text.isprintable():  # nearly every text is, and the check is fast
            return text
        return "".join(c if c.isprintable() else " " for c in text)


def encode_tags(tags: GpsTags, order: str) -> dict[int, tuple[int, bytes]]:
    """Tag -> (type, value in byte order `order`)."""
    values = {
        _VERSION: (BYTE, b"\2\3\0\0"),
        _METHOD: (UNDEFINED, b"ASCII\0\0\0" + tags.processing_method.encode()),
        _AREA: (UNDEFINED, _encode_text(tags)),
    }
    if tags.point is None:
        return values
    lat, lon = tags.point.lat, tags.point.lon
    values |= {
        _LAT_REF: (ASCII, b"S\0" if lat < 0 else b"N\0"),
        _LAT: (RATIONAL, _encode_degrees(lat, order)),
        _LON_REF: (ASCII, b"W\0" if lon < 0 else b"E\0"),
        _LON: (RATIONAL, _encode_degrees(lon, order)),
        _STATUS: (ASCII, tags.status.encode() + b"\0"),
        _DATUM: (ASCII, b"WGS-84\0"),
    }
    if tags.radius_km is not None:
        metres = max(1, round(tags.radius_km * 1000))
        values[_ERROR_M] = (RATIONAL, struct.pack(f"{order}2L", metres, 1))
    return values


def _encode_degrees(value: float, order: str) -> bytes:
    minutes, seconds = divmod(round(abs(value) * 3600 * _SECOND_PARTS), 60 * _SECOND_PARTS)
    degrees, minutes = divmod(minutes, 60)
    return struct.pack(f"{order}6L", degrees, 1, minutes, 1, seconds, _SECOND_PARTS)


def _encode_text(tags: GpsTags) -> bytes:
    """ASCII if possible; otherwise UTF-8 under the character code "undefined" (Exif 3.0, table 9).

    The standard's code UNICODE means UTF-16, which Exiv2 0.27 prints byte by byte. ExifTool and
    Exiv2 both read this form back exactly.
    """
    text = tags.text
    return (b"ASCII\0\0\0" if text.isascii() else bytes(8)) + text.encode("utf-8", "replace")


def is_prediction(tiff: Tiff, gps: Ifd) -> bool:
    """Whether geotagger wrote a prediction into this directory. Raises TiffError."""
    return _is_marked(tiff, gps, MANUAL, PREDICTED_MARK)


def is_from_track(tiff: Tiff, gps: Ifd) -> bool:
    """Whether geotagger wrote the position of a track into this directory. Raises TiffError."""
    return _is_marked(tiff, gps, GPS_TRACK, TRACK_MARK)


def is_own(tiff: Tiff, gps: Ifd) -> bool:
    """Whether geotagger wrote this directory. Raises TiffError."""
    return is_prediction(tiff, gps) or is_from_track(tiff, gps)


def _is_marked(tiff: Tiff, gps: Ifd, method: str, mark: str) -> bool:
    found_method = tiff.value(gps.entry(_METHOD))
    area = tiff.value(gps.entry(_AREA), max_bytes=16 * _MAX_TEXT)
    # Another writer may have recoded the text to UTF-16, so zero bytes are dropped.
    return method.encode() in found_method and mark.encode() in area.replace(b"\0", b"")


def prediction_text(tiff: Tiff, gps: Ifd) -> str:
    """The text of AreaInformation if geotagger wrote this directory; else empty. Raises TiffError.

    Another writer may have recoded it to UTF-16.
    """
    if not is_own(tiff, gps):
        return ""
    raw = tiff.value(gps.entry(_AREA), max_bytes=16 * _MAX_TEXT)
    codec = "utf-8"
    if raw.startswith(b"UNICODE\0"):
        codec = "utf-16-le" if tiff.order == "<" else "utf-16-be"
    return raw[8:].decode(codec, "replace").rstrip("\0 ")


def has_position(gps: Ifd) -> bool:
    """Whether the directory has a latitude or longitude, valid or not."""
    return any(entry.length for tag in (_LAT, _LON) if (entry := gps.entry(tag)))


def holds_foreign_position(tiff: Tiff, gps: Ifd) -> bool:
    """Whether any reader could take the directory for a position that geotagger did not write.

    Raises TiffError.
    """
    if not has_position(gps) or is_own(tiff, gps):
        return False
    try:
        position(tiff, gps)
    except EmptyFixError:
        return False
    except ValueError:
        return True
    return True


def position(tiff: Tiff, gps: Ifd) -> Point:
    """The position in the directory.

    Raises:
        EmptyFixError: No reader could find one.
        ValueError: It cannot be read, or is out of range; the text says why.
    """
    lat = _signed_degrees(tiff, gps, _LAT, _LAT_REF, "latitude", "NS")
    lon = _signed_degrees(tiff, gps, _LON, _LON_REF, "longitude", "EW")
    return checked_point(lat, lon)


def stated_degrees(tiff: Tiff, gps: Ifd) -> tuple[float, float]:
    """Latitude and longitude as they are stored, also out of range.

    Raises:
        ValueError: One of them cannot be read.
    """
    lat = _signed_degrees(tiff, gps, _LAT, _LAT_REF, "latitude", "NS")
    return lat, _signed_degrees(tiff, gps, _LON, _LON_REF, "longitude", "EW")


def time_utc(tiff: Tiff, gps: Ifd) -> str:
    """Time of the fix, ISO 8601; empty unless date and time are both valid."""
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
    if entry is None or not entry.length:
        raise ValueError(f"its GPS block has no {name}")
    ref = tiff.value(gps.entry(ref_tag), max_bytes=8).decode("latin-1")
    if entry.type in (ASCII, UNDEFINED):
        text = tiff.value(entry, max_bytes=_MAX_COORDINATE_BYTES).decode("latin-1")
        return degrees_from_text(text, ref, name, refs)
    numbers = tiff.numbers(entry, max_values=3)
    if not numbers:
        raise ValueError(f"its GPS {name} is no number")
    return signed_degrees(numbers, ref, name, refs)
