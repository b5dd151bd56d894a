"""The positions of all cameras in a folder tree, and which cameras were together.

Only the heads of the photos are read, and the files beside them. Cameras whose positions agree
after one constant offset of the clock were together (`times.clock_offset`): then the positions of
one are evidence for the photos of the other.
"""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geotagger.metadata.beside import with_files_beside
from geotagger.metadata.read_file import read_head
from geotagger.times.capture_time import CaptureTime, capture_time
from geotagger.times.clock_offset import (
    ClockedPoint,
    ClockOffset,
    UtcPath,
    estimate_clock_offset,
)
from geotagger.times.shared_hours import use_same_hours
from geotagger.types import Moment, Photo, PhotoMetadata, Point

if TYPE_CHECKING:
    from pathlib import Path

    from geotagger.geography.time_zones import TimeZones

MAX_CAMERAS = 5
"""Clocks are compared for so many cameras with the most positions."""
MIN_FIXES = 3
"""Fewer positions of a camera say nothing about its clock."""
FIXES_THAT_TELL = 20
"""If so many positions of two cameras do not agree, the cameras were not together. A guess."""
STATED_ERROR_KM = 10.0
"""A position that a person set in an online album, or that it estimated, may mean just the town.
This is a guess."""
MAX_PAUSE_S = 10 * 86_400.0
"""Beyond a longer time without a position, the clock may be another."""
MAX_SYNCED_S = 600.0
"""Clocks that both state UTC differ by less, if their cameras were together."""

Camera = tuple[str, str]
"""Model, serial number."""


@dataclass(frozen=True, slots=True)
class Fix:
    """When and where a camera was."""

    at: float
    """Seconds since 1970, by the camera's own clock."""
    name: str
    """Of the file."""
    point: Point
    error_km: float = 0.0
    """How far the position may be off."""
    folder: Path | None = None
    utc_s: float | None = None
    """Seconds since 1970, UTC, if the photo states it."""


Timeline = Mapping[Camera, Sequence[Fix]]
"""The fixes of each camera, in the order of time."""


class Companion(NamedTuple):
    """Another camera that was in the same places."""

    camera: Camera
    clock: ClockOffset
    """Of the first camera's clock, by the fixes of this one."""


class Period(NamedTuple):
    """A time in which a camera took photos, and the cameras that it was together with."""

    start_s: float
    end_s: float
    """By the clock of the camera."""
    companions: Sequence[Companion]
    is_told: bool
    """There are positions enough to tell; then no companion means that it was alone."""


class DatedFix(NamedTuple):
    """A fix at a time that other cameras can be compared with."""

    at_s: float
    fix: Fix


@dataclass(frozen=True, slots=True)
class AlbumTree:
    """What the photos with GPS in a folder tree say."""

    timelines: Timeline = field(default_factory=dict)
    by_utc: Mapping[Camera, Sequence[DatedFix]] = field(default_factory=dict)
    """The same by UTC, as it is stated or as the time zone of the place says."""
    by_legal_time: Mapping[Camera, Sequence[DatedFix]] = field(default_factory=dict)
    """The same by what clocks at the place showed, by law."""
    periods: Mapping[Camera, Sequence[Period]] = field(default_factory=dict)
    """Of the cameras that have positions, in the order of time."""
    ranks: Mapping[Camera, tuple[bool, int, Camera]] = field(default_factory=dict)
    """Of two cameras that were together the higher one counts the time for both: one that states
    UTC, one with more positions."""

    strangers: Mapping[Camera, frozenset[Camera]] = field(default_factory=dict)
    """For each camera those that were used at other hours, by what its clock showed."""

    def period(self, camera: Camera, clock_s: float) -> Period | None:
        """The period of a photo; None if its camera has no positions then."""
        for period in self.periods.get(camera, ()):
            if period.start_s - MAX_PAUSE_S <= clock_s <= period.end_s + MAX_PAUSE_S:
                return period
        return None

    def moment(self, camera: Camera, time: CaptureTime) -> Moment | None:
        """A photo's place in the sequence of the companion that counts the time for its camera.

        Returns:
            None if the camera counts the time itself.
        """
        if time.clock_s is None:
            return None
        counting, shown_s = camera, time.clock_s
        utc_s = time.utc.timestamp() if time.utc else None
        while (companion := self._above(counting, shown_s)) is not None:
            utc_s = shown_s + companion.clock.offset_s if utc_s is None else utc_s
            counting = companion.camera
            shown_s = utc_s + self._ahead_s(counting, utc_s)
        return None if counting == camera else moment_by_clock(counting, shown_s)

    def _above(self, camera: Camera, clock_s: float) -> Companion | None:
        """The companion of the highest rank, if that is above the camera's."""
        period = self.period(camera, clock_s)
        above = (
            companion
            for companion in (period.companions if period else ())
            if self.ranks[companion.camera] > self.ranks[camera]
        )
        return max(above, key=lambda companion: self.ranks[companion.camera], default=None)

    def _ahead_s(self, camera: Camera, utc_s: float) -> float:
        """How far the clock of a camera was ahead of UTC, by its nearest fix."""
        dated = self.by_utc[camera]
        index = bisect.bisect(dated, utc_s, key=lambda item: item.at_s)
        near = min(dated[max(index - 1, 0) : index + 1], key=lambda item: abs(item.at_s - utc_s))
        return near.fix.at - near.at_s


def moment_by_clock(camera: Camera, clock_s: float) -> Moment:
    """A moment in the sequence of a camera, by its clock."""
    return Moment(("camera", *camera), clock_s, by_clock=True)


def camera_of(metadata: PhotoMetadata) -> Camera:
    """Model and serial number, which identify a camera."""
    return metadata.camera, metadata.camera_serial


class _Shot(NamedTuple):
    """A photo of the tree that has a time."""

    camera: Camera
    clock_s: float
    fix: Fix | None


def _read(photos: Iterable[Photo]) -> Iterator[_Shot]:
    for photo in photos:
        if photo.problem:
            continue
        metadata = with_files_beside(read_head(photo.path), photo.path)
        time = capture_time(metadata)
        if time is not None and time.clock_s is not None:
            yield _Shot(camera_of(metadata), time.clock_s, _fix(photo, metadata, time))


def _fix(photo: Photo, metadata: PhotoMetadata, time: CaptureTime) -> Fix | None:
    if time.clock_s is None or metadata.gps is None or metadata.gps_is_prediction:
        return None
    utc_s = time.utc.timestamp() if time.utc else None
    return Fix(time.clock_s, photo.name, metadata.gps, error_km_of(metadata), photo.folder, utc_s)


def _timelines(shots: Iterable[_Shot]) -> Timeline:
    timeline: defaultdict[Camera, list[Fix]] = defaultdict(list)
    for shot in shots:
        if shot.fix is not None:
            timeline[shot.camera].append(shot.fix)
    return {camera: sorted(fixes, key=lambda fix: fix.at) for camera, fixes in timeline.items()}


def error_km_of(metadata: PhotoMetadata) -> float:
    """How far the position of a photo may be off."""
    return max(metadata.gps_error_km, STATED_ERROR_KM if metadata.gps_is_stated else 0.0)


def read_tree(photos: Iterable[Photo], zones: TimeZones) -> AlbumTree:
    """Reads the heads of the photos, and compares the clocks of their cameras."""
    shots = list(_read(photos))
    timelines = _timelines(shots)
    by_utc = _dated(timelines, lambda fix: _utc_of(fix, zones))
    by_legal_time = _dated(timelines, lambda fix: _legal_of(fix, zones))
    named = [camera for camera in timelines if any(camera)]
    largest = sorted(named, key=lambda camera: -len(timelines[camera]))[:MAX_CAMERAS]
    periods: dict[Camera, list[Period]] = {}
    for camera in largest:
        others = {other: by_utc[other] for other in largest if other != camera}
        periods[camera] = [
            _period(fixes, others, zones) for fixes in _without_pauses(timelines[camera])
        ]
    ranks = {
        camera: (_states_utc(timelines[camera]), len(timelines[camera]), camera)
        for camera in largest
    }
    strangers = _strangers(shots, {other: by_legal_time[other] for other in largest})
    return AlbumTree(timelines, by_utc, by_legal_time, periods, ranks, strangers)


def _strangers(
    shots: Iterable[_Shot], others: Mapping[Camera, Sequence[DatedFix]]
) -> dict[Camera, frozenset[Camera]]:
    """For each camera those that were used at other hours, by what its clock showed."""
    shown_s: defaultdict[Camera, list[float]] = defaultdict(list)
    for shot in shots:
        shown_s[shot.camera].append(shot.clock_s)
    hours = {other: [at_s for at_s, _ in dated] for other, dated in others.items()}
    return {
        camera: frozenset(
            other for other, at_s in hours.items() if not use_same_hours(clock_s, at_s)
        )
        for camera, clock_s in shown_s.items()
        if any(camera)
    }


def _without_pauses(fixes: Sequence[Fix]) -> Iterator[Sequence[Fix]]:
    """The fixes of each time without a long pause: in between a clock may have been set."""
    start = 0
    for end in range(1, len(fixes) + 1):
        if end == len(fixes) or fixes[end].at - fixes[end - 1].at > MAX_PAUSE_S:
            yield fixes[start:end]
            start = end


def _period(
    fixes: Sequence[Fix], others: Mapping[Camera, Sequence[DatedFix]], zones: TimeZones
) -> Period:
    companions = _companions(fixes, others, zones)
    is_told = bool(companions) or (bool(others) and len(fixes) >= FIXES_THAT_TELL)
    return Period(fixes[0].at, fixes[-1].at, companions, is_told)


def _dated(
    timelines: Timeline, seconds: Callable[[Fix], float]
) -> dict[Camera, Sequence[DatedFix]]:
    return {
        camera: sorted((DatedFix(seconds(fix), fix) for fix in fixes), key=lambda dated: dated[0])
        for camera, fixes in timelines.items()
    }


def _companions(
    fixes: Sequence[Fix], others: Mapping[Camera, Sequence[DatedFix]], zones: TimeZones
) -> list[Companion]:
    """The cameras that this one was together with, those that state UTC first."""
    if len(fixes) < MIN_FIXES:
        return []
    states_utc = _states_utc(fixes)
    legal_offset_s = 0.0 if states_utc else _legal_offset_s(fixes[len(fixes) // 2], zones)
    photos = [
        ClockedPoint(fix.utc_s if states_utc and fix.utc_s else fix.at, fix.point, fix.error_km)
        for fix in fixes
    ]
    found = []
    for camera, dated in others.items():
        clock = estimate_clock_offset(photos, _path(dated), legal_offset_s)
        if clock and (not states_utc or abs(clock.offset_s) <= MAX_SYNCED_S):
            found.append(Companion(camera, clock))
    return sorted(
        found, key=lambda companion: not _states_utc([fix for _, fix in others[companion.camera]])
    )


def _states_utc(fixes: Sequence[Fix]) -> bool:
    """Whether a camera states UTC in most of its photos."""
    return 2 * sum(fix.utc_s is not None for fix in fixes) > len(fixes)


def _path(dated: Sequence[DatedFix]) -> UtcPath:
    rows = [(at_s, fix.point.lat, fix.point.lon) for at_s, fix in dated]
    return UtcPath(*np.array(rows, np.float64).T)


def _utc_of(fix: Fix, zones: TimeZones) -> float:
    return fix.at - _legal_offset_s(fix, zones) if fix.utc_s is None else fix.utc_s


def _legal_of(fix: Fix, zones: TimeZones) -> float:
    return fix.at if fix.utc_s is None else fix.utc_s + _legal_offset_s(fix, zones)


def _legal_offset_s(fix: Fix, zones: TimeZones) -> float:
    """How far clocks there were ahead of UTC, by law."""
    zone = zones.at(fix.point)
    if fix.utc_s is None:
        offset = _moment(fix.at).replace(tzinfo=zone).utcoffset()
    else:
        offset = _moment(fix.utc_s).replace(tzinfo=UTC).astimezone(zone).utcoffset()
    return offset.total_seconds() if offset else 0.0


def _moment(seconds: float) -> datetime:
    return datetime(1970, 1, 1) + timedelta(seconds=seconds)  # noqa: DTZ001
