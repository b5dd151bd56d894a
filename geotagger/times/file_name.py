"""The time in the name of a photo, the last resort: names survive where metadata is lost."""

from __future__ import annotations

import re
from datetime import datetime

from geotagger.times.dates import is_possible

_FIRST_YEAR = 1990
"""Numbers that would be an earlier year are numbers of something else."""
_TIME = re.compile(
    r"(?<!\d)(?P<date>\d{4}([-_.]?)\d\d\2\d\d)"
    r"(?:[-_ T.]{0,2}| at | - )"
    r"(?P<time>\d\d([-_.:]?)\d\d\4\d\d)(?:[-_.]?\d{1,3})?(?!\d)"
)
_UTC_NAMES = re.compile(r"PXL_")
"""Google's camera app names photos by UTC, the others by local time."""
_DATE_ONLY = re.compile(
    r"(?:IMG|VID|STK)-(\d{8})-WA\d+|WhatsApp (?:Image|Video) (\d{4}-\d\d-\d\d)", re.IGNORECASE
)
"""WhatsApp drops the time that a photo was taken; its names have the day that it was sent."""


def time_in_name(name: str) -> str:
    """The time in a file name as ISO 8601; empty if there is none.

    Returns:
        Local time, UTC (with `Z`), or a date alone, depending on the app that named the file.
    """
    sent = _DATE_ONLY.match(name)
    if sent:
        moment = _moment(sent[1] or sent[2], "000000")
        return moment.date().isoformat() if moment else ""
    for found in _TIME.finditer(name):
        moment = _moment(found["date"], found["time"])
        if moment:
            return moment.isoformat() + ("Z" if _UTC_NAMES.match(name) else "")
    return ""


def _moment(date: str, time: str) -> datetime | None:
    digits = "".join(filter(str.isdecimal, date + time))
    try:
        moment = datetime.strptime(digits, "%Y%m%d%H%M%S")  # noqa: DTZ007
    except ValueError:
        return None
    return moment if moment.year >= _FIRST_YEAR and is_possible(moment) else None
