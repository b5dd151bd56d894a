"""Dates as programs write them into EXIF, XMP and video files, and which of them are possible."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

FIRST_YEAR = 1826
"""Of the oldest photograph that is left."""
_EPOCHS = frozenset({"1904-01-01T00:00", "1970-01-01T00:00"})
"""The zeros of QuickTime and Unix: the moment was unknown, or the clock never set."""
_DATE = re.compile(
    r"(\d{4})[:/.-](\d\d)[:/.-](\d\d)"
    r"(?:[ T](\d\d):(\d\d)(?::(\d\d))?(?:[.,]\d*)?\s*(Z|[+-]\d\d:?\d\d)?)?"
)
_UTC_OFFSET = re.compile(r"[+-](?:0\d|1[0-4]):?[0-5]\d")


def is_possible(moment: datetime) -> bool:
    """Whether a photo can have been taken then, as far as is known without the photo.

    Not before photography or in the future, and not at the very moment that clocks start from.
    """
    now = datetime.now(moment.tzinfo or UTC).replace(tzinfo=moment.tzinfo)
    is_epoch = moment.isoformat()[:16] in _EPOCHS
    return moment.year >= FIRST_YEAR and moment <= now + timedelta(days=1) and not is_epoch


def iso_time(text: str, offset: str = "") -> str:
    """A date from EXIF as ISO 8601: local time, with its UTC offset if that is valid.

    Args:
        text: `2019:07:14 18:03:22`, also with other separators. An offset in it is not used,
            because EXIF has none there.
        offset: the UTC offset that the camera wrote, such as `+02:00`.

    Returns:
        Empty if there is no date with a time in the text, or an impossible one.
    """
    date = _DATE.match(text)
    moment = _local(date) if date and date[6] else None
    if moment is None or not is_possible(moment):
        return ""
    return moment.isoformat() + (offset if ":" in offset and _UTC_OFFSET.fullmatch(offset) else "")


def iso_time_with_zone(text: str) -> str:
    """A date from XMP or a video as ISO 8601, with the offset in the text; `Z` means UTC.

    Returns:
        A date alone where the text has no time. Empty if there is no date, or an impossible one.
    """
    date = _DATE.match(text.strip())
    moment = _local(date) if date else None
    if date is None or moment is None or not is_possible(moment):
        return ""
    if date[4] is None:
        return moment.date().isoformat()
    zone = date[7] or ""
    if zone != "Z" and not _UTC_OFFSET.fullmatch(zone):
        zone = ""
    return moment.isoformat() + (f"{zone[:3]}:{zone[-2:]}" if len(zone) > 1 else zone)


def iso_utc(seconds: float) -> str:
    """Seconds since 1970 as ISO 8601 in UTC; empty if that is no possible time."""
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=int(seconds))
    except (ValueError, OverflowError):
        return ""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if is_possible(moment) else ""


def _local(date: re.Match[str]) -> datetime | None:
    try:
        return datetime(*(int(part or 0) for part in date.groups()[:6]))  # type: ignore[arg-type]  # noqa: DTZ001
    except ValueError:
        return None
