"""Evidence from GPS measured nearby in time, in photos or files beside them.

First that of the same camera, or nearer ones of cameras that it was together with.

How far the camera may have moved grows with the gap. Three ways of moving are mixed: on foot or in
town, by road or rail, by air. Their shares and speeds are below; a floor allows for wrong clocks
and for a second camera of the same model. A photo's own GPS is never used, nor is GPS that
geotagger predicted.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from geotagger.evidence.album_tree import AlbumTree, Camera, DatedFix, Fix, camera_of
from geotagger.evidence.album_trees import AlbumTrees
from geotagger.geography.sphere import EARTH_RADIUS_KM, km_of_cosine, unit_vectors
from geotagger.reasons import Reason, ReasonCode
from geotagger.times.capture_time import CaptureTime, capture_time
from geotagger.times.clock_offset import ClockOffset
from geotagger.types import Evidence, Photo, Point, SourceKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geotagger.evidence.source import LoadedPhoto
    from geotagger.geography.places import Places

MAX_GAP_HOURS = 12.0
"""After a night, people may have moved anywhere."""
LOCAL_KM, LOCAL_KM_PER_HOUR = 2.0, 4.0
"""On foot or in town; the first number is also the size of what a row of the table covers."""
ROAD_KM_PER_HOUR = 60.0
AIR_KM = 2500.0
ROAD_SHARE_PER_HOUR, MAX_ROAD = 0.15, 0.5
"""The longer the gap, the more likely a ride."""
AIR_SHARE_PER_HOUR, MAX_AIR = 0.01, 0.08
FLOOR = 0.01
"""Probability that a neighbour says nothing: a wrong clock, another person's camera."""
APART = 0.1
"""The same for a neighbour of another camera: its owner went another way. A guess."""
APART_UNKNOWN = 0.3
"""The same where nothing but the folder says that the two cameras were together. A guess."""
OWN_HOURS = 0.5
"""A position of the camera itself counts before one of another that is nearer by this. A guess."""
CLOCK_HOURS = 1.0
"""How far an unknown clock may be from the legal time: summer time, the next time zone. A guess."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A photo with measured GPS, near in time."""

    name: str
    gap_hours: float
    point: Point
    error_km: float = 0.0
    """How far the position may be off."""
    apart: float = FLOOR
    """Probability that it says nothing."""
    camera: str = ""
    """The other camera that took it; empty if it is the same one."""
    clock_hours: float = 0.0
    """How much of the gap is there because nothing confirms the clock."""


class AlbumSource:
    """Uses positions measured shortly before and after in the same folder tree.

    First those of the camera itself, or nearer ones of cameras that it was together with. If its
    photos have no positions by which to tell, those of the other cameras count less.
    """

    name: str = SourceKind.ALBUM
    min_side_px = 0
    batch_size = 0
    model_id = ""

    def __init__(
        self,
        places: Places,
        trees: AlbumTrees | None = None,
        clock_offset_s: float | None = None,
    ) -> None:
        """
        Args:
            places: the places table.
            trees: shares what other sources read of folders.
            clock_offset_s: seconds to add to what the clocks showed of cameras that have neither
                positions nor UTC; None: they showed the time of the place, more or less.
        """
        self._places = places
        self._clock_offset_s = clock_offset_s
        self._trees = trees or AlbumTrees(places)

    def prepare(self, photo: LoadedPhoto) -> list[Neighbour] | None:
        """The nearest fixes before and after the photo; None if there are none."""
        time = capture_time(photo.metadata)
        if time is None or time.clock_s is None:
            return None
        tree, camera = self._trees.of(photo.photo), camera_of(photo.metadata)
        own = neighbours(tree.timelines.get(camera, ()), time.clock_s, photo.photo)
        others, clock = of_other_cameras(tree, camera, time, self._clock_offset_s)
        found = own if own and _gap_hours(own) <= _gap_hours(others) + OWN_HOURS else others
        photo.moment = tree.moment(camera, time)
        if clock is not None and (photo.moment is not None or found is others):
            photo.remarks.append(Reason(ReasonCode.CLOCK_OFFSET, clock_text(camera, clock)))
        return found or None

    def weigh(self, batch: Sequence[list[Neighbour]]) -> list[Evidence | None]:
        """The evidence of each photo's neighbours."""
        return [self.evidence(fixes) for fixes in batch]

    def evidence(self, fixes: Sequence[Neighbour]) -> Evidence:
        """The evidence of where the camera was before and after."""
        total = np.zeros(len(self._places), np.float32)
        for neighbour in fixes:
            point = unit_vectors(neighbour.point.lat, neighbour.point.lon)
            km = km_of_cosine(self._places.unit @ point)
            density = reach(km, neighbour.gap_hours, neighbour.error_km, neighbour.apart)
            total += np.log(density).astype(np.float32)
        nearest = min(fixes, key=lambda neighbour: neighbour.gap_hours)
        total /= np.sqrt(len(fixes))  # the two ends of one gap are not independent
        by = f" of {nearest.camera}" * bool(nearest.camera)
        apart = f"{gap_text(nearest.gap_hours - nearest.clock_hours)} apart"
        apart += " if its clock is right" * bool(nearest.clock_hours)
        reason = f"album: {nearest.name}{by}, {apart}, has GPS"
        return Evidence(self.name, 1.0, reason, total)


def neighbours(fixes: Sequence[Fix], moment: float, photo: Photo) -> list[Neighbour]:
    """The nearest fix before and the nearest after `moment`, within the largest gap; not the
    photo's own."""
    index = bisect.bisect(fixes, moment, key=lambda fix: fix.at)
    before, after = (
        [fix for fix in side if (fix.folder, fix.name) != (photo.folder, photo.name)]
        for side in (fixes[max(index - 2, 0) : index], fixes[index : index + 2])
    )
    found = [
        Neighbour(fix.name, abs(fix.at - moment) / 3600, fix.point, fix.error_km)
        for fix in (*before[-1:], *after[:1])
    ]
    return [neighbour for neighbour in found if neighbour.gap_hours <= MAX_GAP_HOURS]


def of_other_cameras(
    tree: AlbumTree, camera: Camera, time: CaptureTime, clock_offset_s: float | None = None
) -> tuple[list[Neighbour], ClockOffset | None]:
    """The nearest fixes of other cameras that were with this one.

    Args:
        tree: the positions of all cameras.
        camera, time: those of the photo.
        clock_offset_s: to add to the clock if nothing else is known of it.

    Returns:
        The neighbours, and the offset of the camera's clock if it had to be estimated.
    """
    if not any(camera) or time.clock_s is None:
        return [], None
    utc_s = None if time.utc is None else time.utc.timestamp()
    period = tree.period(camera, time.clock_s)
    if period is not None and period.is_told:
        if not period.companions:
            return [], None
        clock = period.companions[0].clock
        tracks = {other.camera: tree.by_utc[other.camera] for other in period.companions}
        if utc_s is not None:
            return _around(tracks.items(), utc_s, APART), None
        return _around(tracks.items(), time.clock_s + clock.offset_s, APART), clock
    tracks_by = tree.by_legal_time if utc_s is None else tree.by_utc
    others = [(other, dated) for other, dated in tracks_by.items() if other != camera]
    if utc_s is not None:
        return _around(others, utc_s, APART_UNKNOWN), None
    if clock_offset_s is not None:
        return _around(others, time.clock_s + clock_offset_s, APART_UNKNOWN), None
    strangers = tree.strangers.get(camera, frozenset())
    at_same_hours = [(other, dated) for other, dated in others if other not in strangers]
    return _around(at_same_hours, time.clock_s, APART_UNKNOWN, CLOCK_HOURS), None


def _around(
    tracks: Iterable[tuple[Camera, Sequence[DatedFix]]],
    at_s: float,
    apart: float,
    clock_hours: float = 0.0,
) -> list[Neighbour]:
    """The nearest fix of any camera before a time, and the nearest after it."""
    before, after = [], []
    for (camera, _), dated in tracks:
        index = bisect.bisect(dated, at_s, key=lambda item: item.at_s)
        before += [
            (at_s - item.at_s, item.fix, camera) for item in dated[max(index - 1, 0) : index]
        ]
        after += [(item.at_s - at_s, item.fix, camera) for item in dated[index : index + 1]]
    found = []
    for side in (before, after):
        if side:
            gap_s, fix, camera = min(side, key=lambda item: item[0])
            gap_hours = gap_s / 3600 + clock_hours
            by = camera or "another camera"
            near = Neighbour(fix.name, gap_hours, fix.point, fix.error_km, apart, by, clock_hours)
            found += [near] * (gap_hours <= MAX_GAP_HOURS)
    return found


def clock_text(camera: Camera, clock: ClockOffset) -> str:
    """For example `the clock of NIKON D90 is 2 h 0 min 12 s ahead of UTC (within 40 s)`."""
    ahead_s = round(-clock.offset_s)
    minutes, seconds = divmod(abs(ahead_s), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    size = f"{days:,} days " * bool(days) + f"{hours} h {minutes} min {seconds} s"
    direction = "behind" if ahead_s < 0 else "ahead of"
    return f"the clock of {camera[0]} is {size} {direction} UTC (within {clock.error_s:.0f} s)"


def _gap_hours(found: Sequence[Neighbour]) -> float:
    return min((neighbour.gap_hours for neighbour in found), default=math.inf)


def reach(
    km: NDArray[np.float64], gap_hours: float, error_km: float = 0.0, apart: float = FLOOR
) -> NDArray[np.float64]:
    """Relative probability density of a place, given its distance from where the camera was.

    Each way of moving is an exponential over the distance, spread over the ring at that distance.

    Args:
        km: distances, float64 of any shape.
        gap_hours: time between the two photos.
        error_km: how far the known position may be off.
        apart: probability that the position says nothing.

    Returns:
        float64, the shape of `km`.
    """
    road = min(ROAD_SHARE_PER_HOUR * gap_hours, MAX_ROAD)
    air = min(AIR_SHARE_PER_HOUR * gap_hours, MAX_AIR)
    local_km = LOCAL_KM + error_km + LOCAL_KM_PER_HOUR * gap_hours
    road_km = local_km + ROAD_KM_PER_HOUR * gap_hours
    ways = ((1 - road - air, local_km), (road, road_km), (air, AIR_KM))
    density = np.full(km.shape, apart / (2 * EARTH_RADIUS_KM**2))  # a factor of 2 pi is left out
    for share, scale_km in ways:
        density += (1 - apart) * share * np.exp(-km / scale_km) / scale_km**2
    return density


def gap_text(hours: float) -> str:
    """A gap as text."""
    minutes = hours * 60
    if minutes < 2:
        return f"{round(minutes * 60)} s"
    if minutes < 120:
        return f"{round(minutes)} min"
    return f"{round(hours)} h" if hours < 48 else f"{round(hours / 24)} days"
