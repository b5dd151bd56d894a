"""FIT, the format of sports watches (Garmin, Wahoo, Coros, ...), by fitdecode."""

from __future__ import annotations

import struct
from typing import IO, Any

from geotagger.tracks.fixes import UNKNOWN, FixCollector, TrackError

_EPOCH_S = 631_065_600
"""31 December 1989, from which FIT counts."""
_DEGREES = 180 / 2**31
"""A semicircle, the unit of positions."""
_DAMAGED = (
    *(EOFError, ValueError, TypeError, LookupError, ArithmeticError, AttributeError),
    *(AssertionError, struct.error),
)
"""What fitdecode raises for damaged files besides its own errors."""


def read_fit(stream: IO[bytes], fixes: FixCollector) -> None:
    """Reads all records that have a position.

    Raises:
        TrackError: the file is damaged, and what was read until then is in `fixes`; or fitdecode
            is not installed.
    """
    try:
        import fitdecode
    except ImportError as error:
        raise TrackError(
            "FIT needs fitdecode: pip install 'geotagger-photos[fit]', or convert the file to GPX"
        ) from error
    try:
        with fitdecode.FitReader(
            stream,
            processor=None,
            check_crc=fitdecode.CrcCheck.RAISE,
            error_handling=fitdecode.ErrorHandling.IGNORE,
        ) as frames:
            for frame in frames:
                if isinstance(frame, fitdecode.FitDataMessage) and frame.name == "record":
                    _add(frame, fixes)
    except (fitdecode.FitError, *_DAMAGED) as error:
        raise TrackError(f"its FIT data are damaged ({error})") from error


def _add(record: Any, fixes: FixCollector) -> None:
    """Adds a record, unless the watch had no position."""
    lat, lon = (record.get_raw_value(n, fallback=None) for n in ("position_lat", "position_long"))
    if lat is None or lon is None:
        return
    time_s = record.get_raw_value("timestamp", fallback=None)
    if not all(isinstance(value, int) for value in (time_s, lat, lon)):
        fixes.skipped += 1
        return
    accuracy_m = record.get_raw_value("gps_accuracy", fallback=None)
    if not isinstance(accuracy_m, int):
        accuracy_m = UNKNOWN
    fixes.add(time_s + _EPOCH_S, lat * _DEGREES, lon * _DEGREES, accuracy_m)
