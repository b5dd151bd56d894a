"""Where the tracks were when a photo was taken.

A track counts in UTC, a camera in local time. What a camera lacks of the way from one to the other
comes, in this order, from its GPS time, from its UTC offset, and from the time zone of the place
where the track was. The zone of this computer is never used.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from geotagger.geography.sphere import haversine_km
from geotagger.geography.time_zones import legal_offsets
from geotagger.times.capture_time import capture_time
from geotagger.types import TimeOrigin

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from geotagger.geography.time_zones import TimeZones
    from geotagger.times.capture_time import CaptureTime
    from geotagger.times.clock_offset import ClockOffset
    from geotagger.tracks.index import TrackIndex, TrackPosition
    from geotagger.types import PhotoMetadata

GPS_CLOCK_ERROR_S = 1.0
SYNCED_CLOCK_ERROR_S = 5.0
"""Of a clock that knows its UTC offset, as phones do, or whose error is given. A guess."""
CLOCK_ERROR_S = 30.0
"""Of a clock that somebody set by hand. A guess: they drift by up to a second a day."""
MAX_GPS_AGE_S = 240.0
"""The last fix may be older than the photo. If it is older than this, its time is not used."""


class PhotoOnTrack(NamedTuple):
    """A photo that the tracks place."""

    position: TrackPosition
    time_from: str
    """How its time in UTC is known, in words."""


class OffTrackError(Exception):
    """The tracks do not place the photo; the text says why."""


class TrackLocator:
    """Places photos on tracks by their time. May be used from any thread."""

    def __init__(
        self, index: TrackIndex, zones: TimeZones, clock_offset_s: float | None = None
    ) -> None:
        """
        Args:
            clock_offset_s: seconds to add to what the camera's clock showed.
        """
        self._index = index
        self._zones = zones
        self._offset = timedelta(seconds=clock_offset_s or 0.0)
        self._offset_text = "" if clock_offset_s is None else f" {offset_text(clock_offset_s)}"
        self._is_corrected = clock_offset_s is not None

    def needs_clock(self, metadata: PhotoMetadata) -> bool:
        """Whether `locate` could use the offset of the clock: nothing else says its UTC."""
        time = None if self._is_corrected else capture_time(metadata)
        return time is not None and time.utc is None and time.clock_s is not None

    def locate(self, metadata: PhotoMetadata, clock: ClockOffset | None = None) -> PhotoOnTrack:
        """Where the tracks were when the photo was taken.

        Args:
            clock: the offset of the camera's clock by its other photos, for a time without UTC.

        Raises:
            OffTrackError: they were nowhere near then, or the time is not known well enough.
        """
        time = capture_time(metadata)
        if time is None:
            raise OffTrackError("it has no time")
        if time.is_day_only:
            raise OffTrackError("only its day is known")
        if time.origin is TimeOrigin.DIGITIZED:
            raise OffTrackError("only the time of its digitization is known")
        if (gps := _gps_time(metadata, time)) is not None:
            return self._at(gps, GPS_CLOCK_ERROR_S, "GPS time")
        if time.utc is not None:
            known = f"UTC{_hours(time)}" if time.local else "UTC"
            utc = time.utc + self._offset
            return self._at(utc, SYNCED_CLOCK_ERROR_S, known + self._offset_text)
        assert time.local is not None
        if clock is not None:
            utc = (time.local + timedelta(seconds=clock.offset_s)).replace(tzinfo=UTC)
            ahead = offset_text(-clock.offset_s)
            known = f"its clock, {ahead} from UTC by {clock.photos} photos with GPS"
            return self._at(utc, clock.error_s / 2, known)
        return self._by_zone(time.local + self._offset)

    def _at(self, utc: datetime, clock_error_s: float, time_from: str) -> PhotoOnTrack:
        position = self._index.at(utc.timestamp(), clock_error_s)
        if position is None:
            gap = _gap_text(self._index.nearest(utc.timestamp())[1])
            raise OffTrackError(f"the nearest fix is {gap} away ({time_from})")
        return PhotoOnTrack(position, time_from)

    def _by_zone(self, local: datetime) -> PhotoOnTrack:
        """Tries every UTC offset; right is one that is legal where the track was then."""
        error_s = SYNCED_CLOCK_ERROR_S if self._is_corrected else CLOCK_ERROR_S
        tries = [self._try(local, offset) for offset in self._zones.offsets(local)]
        found: list[PhotoOnTrack] = []
        for one in tries:
            position = self._index.at(one.utc_s, error_s) if one.is_legal else None
            if position is not None:
                time_from = f"local time of {one.zone.key}{self._offset_text}"
                found.append(PhotoOnTrack(position, time_from))
        if not found:
            raise OffTrackError(self._why_not(local, tries))
        best = min(found, key=lambda one: one.position.radius_km)
        if any(_apart_km(best, one) > one.position.radius_km for one in found):
            raise OffTrackError(f"its local time {local:%H:%M} fits two places of the track")
        return best

    def _try(self, local: datetime, offset: timedelta) -> _Try:
        utc_s = (local - offset).replace(tzinfo=UTC).timestamp()
        point, gap_s = self._index.nearest(utc_s)
        zone = self._zones.at(point)
        return _Try(utc_s, offset, zone, gap_s, offset in legal_offsets(zone, local))

    def _why_not(self, local: datetime, tries: Sequence[_Try]) -> str:
        """Why no UTC offset fits; and the clock offset that would, if there is one alone."""
        legal = [one for one in tries if one.is_legal]
        if legal:
            nearest = min(legal, key=lambda one: one.gap_s)
            gap = _gap_text(nearest.gap_s)
            reason = f"the nearest fix is {gap} away (local time of {nearest.zone.key})"
        else:
            reason = f"its local time {local:%Y-%m-%d %H:%M} fits no place of the track"
        needed_s = set() if self._is_corrected else self._whole_hours(local, tries)
        if len(needed_s) != 1:
            return reason
        return f"{reason}; the track has its time with --clock-offset {offset_text(*needed_s)}"

    def _whole_hours(self, local: datetime, tries: Sequence[_Try]) -> set[float]:
        """The clock offsets of whole hours with which the photo would be between two fixes."""
        needed_s: set[float] = set()
        for one in tries:
            position = None if one.is_legal else self._index.at(one.utc_s)
            if position is not None and (position.is_between or position.is_stay):
                legal = legal_offsets(one.zone, local)
                needed_s |= {(right - one.offset).total_seconds() for right in legal}
        return {seconds for seconds in needed_s if seconds % 3600 == 0}


class _Try(NamedTuple):
    """A UTC offset that the camera's clock may have had."""

    utc_s: float
    offset: timedelta
    zone: ZoneInfo
    """Where the track was nearest in time."""
    gap_s: float
    is_legal: bool
    """Clocks there had this offset then."""


def offset_text(seconds: float) -> str:
    """A clock offset as text, such as `+01:00:30`."""
    whole = round(abs(seconds))
    sign = "-" if seconds < 0 else "+"
    return f"{sign}{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _gps_time(metadata: PhotoMetadata, time: CaptureTime) -> datetime | None:
    """The time of the photo's own fix; None if that is not the time of the photo."""
    if not metadata.gps_time:
        return None
    gps = datetime.fromisoformat(metadata.gps_time).replace(tzinfo=UTC)
    if time.utc is None or abs((gps - time.utc).total_seconds()) > MAX_GPS_AGE_S:
        return None
    return gps


def _hours(time: CaptureTime) -> str:
    minutes = time.offset_minutes or 0
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"


def _gap_text(seconds: float) -> str:
    for unit, name in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:,.0f} {name}"
    return f"{seconds:.0f} s"


def _apart_km(one: PhotoOnTrack, other: PhotoOnTrack) -> float:
    a, b = one.position.point, other.position.point
    km: float = haversine_km(a.lat, a.lon, b.lat, b.lon)
    return km
