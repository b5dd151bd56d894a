"""Coordinates as other programs write them: in text or in numbers, with or without a direction.

Forms of text: `48,51.504N` (CIPA DC-010), `48.858`, `-33.45`, `48 51 30 N`, `48 deg 51' 30" N`,
`48/1,51/1,30/1`. Without N, S, E or W the sign decides, as in ExifTool and Exiv2.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from geotagger.types import Point

_MAX_CHARACTERS = 100
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:/\d+)?")
_DIRECTION = re.compile(r"(?<![a-z])([NSEW])(?:orth|outh|ast|est)?(?![a-z])", re.IGNORECASE)
_SEPARATORS = re.compile(r"""(?:deg|min|sec|[\s,;:'"\u00b0\u00ba\u2032\u2033])*""", re.IGNORECASE)
_DECIMAL_COMMAS = re.compile(r"\s*([+-]?\d{1,3},\d+),(\d\d?,\d+),(\d\d?,\d+)\s*")


class EmptyFixError(ValueError):
    """The tags hold nothing that could be a place: 0/0, or 0, 0."""


def degrees_from_text(text: str, ref: str, name: str, refs: str) -> float:
    """Signed degrees of one coordinate.

    Args:
        text: The coordinate.
        ref: Its separate reference; used if the text names no direction. May be empty.
        name: For messages: latitude or longitude.
        refs: NS or EW.

    Raises:
        EmptyFixError: It is 0/0.
        ValueError: It is no number, or has the wrong direction; the text says which.
    """
    text = text.strip("\0 \t\r\n")[:_MAX_CHARACTERS]
    directions = _DIRECTION.findall(text)
    bare = _DIRECTION.sub(" ", text)
    numbers = _NUMBER.findall(bare)
    if commas := _DECIMAL_COMMAS.fullmatch(bare):
        numbers = [part.replace(",", ".") for part in commas.groups()]
    elif not _SEPARATORS.fullmatch(_NUMBER.sub(" ", bare)):
        numbers = []
    if not 1 <= len(numbers) <= 3 or len(directions) > 1:
        raise ValueError(f"its GPS {name} is no number")
    return signed_degrees([_value(number) for number in numbers], [*directions, ref][0], name, refs)


def _value(number: str) -> float:
    numerator, _, denominator = number.partition("/")
    return ratio(float(numerator), float(denominator or 1))


def ratio(numerator: float, denominator: float) -> float:
    """The quotient; for n/0 not a number (0/0: the value is unknown) or infinite."""
    if denominator:
        return numerator / denominator
    return math.inf if numerator else math.nan


def signed_degrees(parts: Sequence[float], ref: str, name: str, refs: str) -> float:
    """Signed degrees of one coordinate, from degrees and perhaps minutes and seconds.

    Unknown minutes and seconds (0/0) count as 0. Raises as `degrees_from_text`.
    """
    degrees, minutes, seconds = (*parts, 0.0, 0.0)[:3]
    if math.isnan(degrees):
        raise EmptyFixError("its GPS position is 0/0 (no number)")
    if math.isnan(minutes) and seconds > 0:
        raise ValueError(f"its GPS {name} has seconds without minutes")
    fraction = sum(0.0 if math.isnan(part) else part for part in (minutes, seconds / 60)) / 60
    ref = ref.strip("\0 \t\r\n")[:1].upper()
    if ref and ref not in refs:
        raise ValueError(f"its GPS {name} has no {'/'.join(refs)} reference")
    magnitude = abs(degrees) + fraction
    if not math.isfinite(magnitude):
        raise ValueError(f"its GPS {name} is no number")
    is_negative = ref == refs[1] or math.copysign(1.0, degrees) < 0
    return -magnitude if is_negative else magnitude


def checked_point(lat: float, lon: float) -> Point:
    """The position.

    Raises:
        EmptyFixError: It is 0, 0.
        ValueError: It is out of range.
    """
    if abs(lat) > 90 or abs(lon) > 180:
        raise ValueError(f"its GPS position is out of range ({lat:.6g}, {lon:.6g})")
    if lat == 0 and lon == 0:
        raise EmptyFixError("its GPS position is 0, 0 (an empty fix)")
    return Point(lat, lon)
