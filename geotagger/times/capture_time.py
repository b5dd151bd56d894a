"""When a photo was taken: by the camera's clock, in UTC as far as that is known, and from where."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from geotagger.times.file_name import time_in_name
from geotagger.times.paired_video import time_of_paired_video
from geotagger.types import TimeOrigin

if TYPE_CHECKING:
    from pathlib import Path

    from geotagger.types import PhotoMetadata

ORIGIN_NAMES = {
    TimeOrigin.DIGITIZED: "DateTimeDigitized in its EXIF",
    TimeOrigin.XMP: "its XMP",
    TimeOrigin.GPS: "its GPS time",
    TimeOrigin.RECORD: "the record beside it",
    TimeOrigin.VIDEO: "the video beside it",
    TimeOrigin.NAME: "its file name",
}
"""For the notes on photos. DateTimeOriginal, which nearly all have, needs no note."""
_SLACK_MINUTES = 4.0
"""Largest difference of an offset from a whole quarter of an hour, between camera and GPS time."""
_DAY_CHARACTERS = len("2019-07-14")


@dataclass(frozen=True, slots=True)
class CaptureTime:
    """When a photo was taken. At least one of the two moments is known."""

    local: datetime | None
    """By the camera's clock, without time zone."""
    utc: datetime | None
    """With time zone UTC."""
    origin: TimeOrigin
    offset_is_from_gps: bool = False
    """UTC is known from the GPS time, not from an offset that the camera wrote."""
    is_day_only: bool = False
    """Only the day is known; the moments are its midnight."""

    @property
    def offset_minutes(self) -> int | None:
        """How far the camera's clock is ahead of UTC."""
        if self.local is None or self.utc is None:
            return None
        return round((self.local - self.utc.replace(tzinfo=None)) / timedelta(minutes=1))

    @property
    def clock_s(self) -> float | None:
        """Seconds since 1970 by the camera's clock, or UTC where that alone is known.

        Comparable only between photos of one camera. None if only the day is known.
        """
        moment = self.local or self.utc
        if moment is None or self.is_day_only:
            return None
        return moment.replace(tzinfo=UTC).timestamp()


def capture_time(metadata: PhotoMetadata) -> CaptureTime | None:
    """When a photo was taken; None if its metadata have no possible time.

    UTC is known from the camera's UTC offset, or from the GPS time, if the two differ by what can
    be a UTC offset.
    """
    text, origin = metadata.taken_at, metadata.time_origin
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    if len(text) == _DAY_CHARACTERS:
        return CaptureTime(moment, None, origin, is_day_only=True)
    local = moment.replace(tzinfo=None)
    if text.endswith("Z"):
        return CaptureTime(None, moment.astimezone(UTC), origin)
    if moment.tzinfo:
        return CaptureTime(local, moment.astimezone(UTC), origin)
    offset = _offset_by_gps(local, metadata.gps_time)
    if offset is None:
        return CaptureTime(local, None, origin)
    return CaptureTime(local, (local - offset).replace(tzinfo=UTC), origin, offset_is_from_gps=True)


def clock_s(metadata: PhotoMetadata) -> float | None:
    """Seconds since 1970 by the camera's clock; None for a photo without a time."""
    time = capture_time(metadata)
    return time.clock_s if time else None


def with_time(metadata: PhotoMetadata, photo: Path) -> PhotoMetadata:
    """Gives a photo without a time that of its GPS, of the video beside it, or of its name."""
    metadata = metadata.with_time(metadata.gps_time, TimeOrigin.GPS)
    if not metadata.taken_at:
        metadata = metadata.with_time(time_of_paired_video(photo), TimeOrigin.VIDEO)
    if not metadata.taken_at:
        metadata = metadata.with_time(time_in_name(photo.name), TimeOrigin.NAME)
    return metadata


def _offset_by_gps(local: datetime, gps_time: str) -> timedelta | None:
    """The UTC offset of a clock, as a whole quarter of an hour; None if it is none."""
    if not gps_time:
        return None
    utc = datetime.fromisoformat(gps_time).replace(tzinfo=None)
    minutes_ahead = (local - utc) / timedelta(minutes=1)
    quarters = round(minutes_ahead / 15)
    is_offset = -12 * 60 <= minutes_ahead <= 14 * 60
    if not is_offset or abs(minutes_ahead - 15 * quarters) > _SLACK_MINUTES:
        return None
    return timedelta(minutes=15 * quarters)
