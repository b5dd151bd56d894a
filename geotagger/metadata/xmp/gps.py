"""A position that stands in XMP: exif:GPSLatitude and exif:GPSLongitude (CIPA DC-010).

The standard's form is `48,51.504N` or `48,51,30N`. Apple writes decimal degrees with a separate
GPSLatitudeRef; both are read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from geotagger.metadata.xmp.tree import Value
from geotagger.types import Point

_COORDINATE = re.compile(
    r"\s*(-?\d{1,3}(?:\.\d{1,20})?)"
    r"(?:,(\d{1,2}(?:\.\d{1,20})?)(?:,(\d{1,2}(?:\.\d{1,20})?))?)?\s*([NSEW]?)\s*",
    re.IGNORECASE,
)
LATITUDE, LONGITUDE = "exif:GPSLatitude", "exif:GPSLongitude"


def position(values: Mapping[str, Value]) -> Point | None:
    """The position in a packet's properties, None when there is none.

    Raises ValueError, with the reason, when what stands there is no position.
    """
    lat, lon = values.get(LATITUDE), values.get(LONGITUDE)
    if lat is None and lon is None:
        return None
    found = Point(
        _signed(lat, values.get("exif:GPSLatitudeRef"), "latitude", "NS"),
        _signed(lon, values.get("exif:GPSLongitudeRef"), "longitude", "EW"),
    )
    if abs(found.lat) > 90 or abs(found.lon) > 180:
        raise ValueError(f"its GPS position is out of range ({found.lat:.6g}, {found.lon:.6g})")
    if found.lat == 0 and found.lon == 0:
        raise ValueError("its GPS position is 0, 0 (an empty fix)")
    return found


def _signed(value: Value | None, ref: Value | None, name: str, refs: str) -> float:
    if value is None:
        raise ValueError(f"its XMP has no GPS {name}")
    found = _COORDINATE.fullmatch(value) if isinstance(value, str) else None
    if not found:
        raise ValueError(f"its XMP GPS {name} is no number")
    *parts, letter = found.groups()
    letter = (letter or (ref.strip()[:1] if isinstance(ref, str) else "")).upper()
    if not letter or letter not in refs:
        raise ValueError(f"its XMP GPS {name} has no {'/'.join(refs)} reference")
    numbers = [float(part or 0) for part in parts]
    degrees = abs(numbers[0]) + numbers[1] / 60 + numbers[2] / 3600
    negative = letter == refs[1] or numbers[0] < 0
    return -degrees if negative else degrees


def same(one: Value, other: Value) -> bool:
    """Whether two coordinates are the same, whatever their form."""
    return math.isclose(_any(one), _any(other), rel_tol=0, abs_tol=1e-6)


def _any(value: Value) -> float:
    for name, refs in (("latitude", "NS"), ("longitude", "EW")):
        try:
            return _signed(value, None, name, refs)
        except ValueError:
            continue
    return math.nan
