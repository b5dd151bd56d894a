"""Evidence from GPS that the same camera measured nearby in time, in photos or files beside them.

How far the camera may have moved grows with the gap. Three ways of moving are mixed: on foot or in
town, by road or rail, by air. Their shares and speeds are below; a floor allows for wrong clocks
and for a second camera of the same model. A photo's own GPS is never used, nor is GPS that
geotagger predicted.
"""

from __future__ import annotations

import bisect
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from geotagger.geography.sphere import EARTH_RADIUS_KM, km_of_cosine, unit_vectors
from geotagger.images.scan import walk
from geotagger.metadata.beside import with_files_beside
from geotagger.metadata.read_file import read_head
from geotagger.times.capture_time import clock_s
from geotagger.types import Evidence, PhotoMetadata, Point, SourceKind

if TYPE_CHECKING:
    from pathlib import Path

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
STATED_ERROR_KM = 10.0
"""A position that a person set in an online album, or that it estimated, may mean just the town.
This is a guess."""
FOLDERS_KEPT = 8
MAX_FOLDER_PHOTOS = 10_000
"""Larger folders are not used: to read the heads of all their files would take minutes."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A photo with measured GPS, near in time."""

    name: str
    gap_hours: float
    point: Point
    error_km: float = 0.0
    """How far the position may be off."""


@dataclass(frozen=True, slots=True)
class Fix:
    """When and where a camera was."""

    at: float
    """Seconds since 1970, by the camera's own clock."""
    name: str
    point: Point
    error_km: float = 0.0


Camera = tuple[str, str]
"""Model, serial number."""
Timeline = Mapping[Camera, Sequence[Fix]]
"""The fixes of each camera, in the order of time."""


class AlbumSource:
    """Uses positions that the same camera measured shortly before and after, in the same folder."""

    name: str = SourceKind.ALBUM
    min_side_px = 0
    batch_size = 0
    model_id = ""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._timelines: OrderedDict[Path, Timeline] = OrderedDict()
        self._lock = threading.Lock()

    def prepare(self, photo: LoadedPhoto) -> list[Neighbour] | None:
        """The nearest fixes before and after the photo; None if there are none."""
        moment = clock_s(photo.metadata)
        if moment is None:
            return None
        timeline = self._timeline(photo.photo.path.parent)
        fixes = timeline.get(camera_of(photo.metadata), ())
        return neighbours(fixes, moment, photo.photo.path.name) or None

    def weigh(self, batch: Sequence[list[Neighbour]]) -> list[Evidence | None]:
        """The evidence of each photo's neighbours."""
        return [self.evidence(fixes) for fixes in batch]

    def evidence(self, fixes: Sequence[Neighbour]) -> Evidence:
        """The evidence of where the camera was before and after."""
        total = np.zeros(len(self._places), np.float32)
        for neighbour in fixes:
            point = unit_vectors(neighbour.point.lat, neighbour.point.lon)
            km = km_of_cosine(self._places.unit @ point)
            density = reach(km, neighbour.gap_hours, neighbour.error_km)
            total += np.log(density).astype(np.float32)
        nearest = min(fixes, key=lambda neighbour: neighbour.gap_hours)
        total /= np.sqrt(len(fixes))  # the two ends of one gap are not independent
        reason = f"album: {nearest.name}, {gap_text(nearest.gap_hours)} apart, has GPS"
        return Evidence(self.name, 1.0, reason, total)

    def _timeline(self, folder: Path) -> Timeline:
        with self._lock:
            timeline = self._timelines.get(folder)
            if timeline is None:
                timeline = self._timelines[folder] = timeline_of(folder)
                if len(self._timelines) > FOLDERS_KEPT:
                    self._timelines.popitem(last=False)
            return timeline


def timeline_of(folder: Path) -> Timeline:
    """The measured positions in one folder, by camera.

    Only the head of each photo is read, and its sidecars.
    """
    timeline: defaultdict[Camera, list[Fix]] = defaultdict(list)
    in_folder = (photo for photo in walk([folder]) if photo.path.parent == folder)
    photos = [photo for photo in islice(in_folder, MAX_FOLDER_PHOTOS + 1) if not photo.problem]
    if len(photos) > MAX_FOLDER_PHOTOS:
        return {}
    for photo in photos:
        metadata = with_files_beside(read_head(photo.path), photo.path)
        moment = clock_s(metadata)
        if metadata.gps and not metadata.gps_is_prediction and moment is not None:
            fix = Fix(moment, photo.path.name, metadata.gps, _error_km(metadata))
            timeline[camera_of(metadata)].append(fix)
    return {camera: sorted(fixes, key=lambda fix: fix.at) for camera, fixes in timeline.items()}


def neighbours(fixes: Sequence[Fix], moment: float, own_name: str) -> list[Neighbour]:
    """The nearest fix before and the nearest after `moment`, within the largest gap."""
    fixes = [fix for fix in fixes if fix.name != own_name]
    index = bisect.bisect(fixes, moment, key=lambda fix: fix.at)
    near = fixes[max(index - 1, 0) : index + 1]
    found = [
        Neighbour(fix.name, abs(fix.at - moment) / 3600, fix.point, fix.error_km) for fix in near
    ]
    return [neighbour for neighbour in found if neighbour.gap_hours <= MAX_GAP_HOURS]


def _error_km(metadata: PhotoMetadata) -> float:
    """The receiver's own estimate; of a position that it did not measure, a guess."""
    return max(metadata.gps_error_km, STATED_ERROR_KM if metadata.gps_is_stated else 0.0)


def reach(km: NDArray[np.float64], gap_hours: float, error_km: float = 0.0) -> NDArray[np.float64]:
    """Relative probability density of a place, given its distance from where the camera was.

    Each way of moving is an exponential over the distance, spread over the ring at that distance.

    Args:
        km: distances, float64 of any shape.
        gap_hours: time between the two photos.
        error_km: how far the known position may be off.

    Returns:
        float64, the shape of `km`.
    """
    road = min(ROAD_SHARE_PER_HOUR * gap_hours, MAX_ROAD)
    air = min(AIR_SHARE_PER_HOUR * gap_hours, MAX_AIR)
    local_km = LOCAL_KM + error_km + LOCAL_KM_PER_HOUR * gap_hours
    road_km = local_km + ROAD_KM_PER_HOUR * gap_hours
    ways = ((1 - road - air, local_km), (road, road_km), (air, AIR_KM))
    density = np.full(km.shape, FLOOR / (2 * EARTH_RADIUS_KM**2))  # a factor of 2 pi is left out
    for share, scale_km in ways:
        density += (1 - FLOOR) * share * np.exp(-km / scale_km) / scale_km**2
    return density


def camera_of(metadata: PhotoMetadata) -> Camera:
    """Model and serial number, which identify a camera."""
    return metadata.camera, metadata.camera_serial


def gap_text(hours: float) -> str:
    """A gap as text."""
    minutes = hours * 60
    if minutes < 2:
        return f"{round(minutes * 60)} s"
    if minutes < 120:
        return f"{round(minutes)} min"
    return f"{round(hours)} h" if hours < 48 else f"{round(hours / 24)} days"
