"""Numbers and times, as track logs write them."""

from __future__ import annotations

from datetime import UTC, datetime

METRES_PER_DOP = 5.0
"""Error of a receiver's ranges (UERE). The dilution of precision times that is its accuracy."""
_SHORTEST_TIME = len("20190701T1200")
_LATEST_S = 1e11
"""The year 5138; a larger number counts milliseconds."""
_E7_TURN = 1 << 32


def degrees(text: str) -> float:
    """A coordinate, also with a decimal comma. Raises ValueError."""
    try:
        return float(text)
    except ValueError:
        return float(text.replace(",", "."))


def degrees_of_e7(value: int | float, limit: float) -> float:
    """A coordinate in units of 1e-7 degrees, of at most `limit` degrees.

    Some exports of Google wrote negative ones as unsigned numbers of 32 bits.
    """
    return (value - _E7_TURN if value > limit * 1e7 else value) / 1e7


def utc_seconds(text: str) -> float:
    """ISO 8601 as seconds since 1970. A time without zone is UTC, as GPX requires.

    Raises:
        ValueError: it is not a date with a time.
    """
    if len(text) < _SHORTEST_TIME:
        raise ValueError(f"{text!r} is not a date with a time")
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = datetime.fromisoformat(text.strip())
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return at.timestamp()


def seconds_of(value: object) -> float:
    """A time in JSON: ISO 8601, or seconds or milliseconds since 1970, also as text.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return utc_seconds(str(value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r:.40} is not a time")
    return value / 1000 if abs(value) > _LATEST_S else float(value)


def dop_metres(text: str) -> float:
    """The accuracy for a dilution of precision (HDOP). Raises ValueError."""
    return degrees(text) * METRES_PER_DOP
