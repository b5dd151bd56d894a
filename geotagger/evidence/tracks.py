"""Evidence from track logs: where a receiver was when the photo was taken. It is a measurement."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from geotagger.evidence.album_tree import MIN_FIXES, Camera, Fix, camera_of
from geotagger.evidence.album_trees import AlbumTrees
from geotagger.evidence.camera_gps import gap_text
from geotagger.geography.sphere import haversine_km
from geotagger.geography.time_zones import TimeZones
from geotagger.reasons import Reason, ReasonCode
from geotagger.times.capture_time import clock_s
from geotagger.times.clock_offset import ClockedPoint, ClockOffset, estimate_clock_offset
from geotagger.tracks.locate import OffTrackError, TrackLocator
from geotagger.types import Evidence, MeasuredPosition, SourceKind

if TYPE_CHECKING:
    from pathlib import Path

    from geotagger.evidence.source import LoadedPhoto
    from geotagger.geography.places import Places
    from geotagger.tracks.index import TrackIndex
    from geotagger.tracks.locate import PhotoOnTrack

ROW_KM = 2.0
"""Size of what a row of the places table covers."""
OUTLIER_PROBABILITY = 0.01
"""Probability that the track was not where the photo was taken: the camera's clock was wrong, or
somebody else carried the receiver. A guess."""

MAX_ERROR_KM = 0.1
"""Positions of photos that may be farther off say nothing about the clock."""
CLOCKS_KEPT = 256


class TrackSource:
    """Looks up where the tracks were."""

    name: str = SourceKind.TRACK
    min_side_px = 0
    batch_size = 0
    model_id = ""

    def __init__(
        self,
        places: Places,
        index: TrackIndex,
        clock_offset_s: float | None = None,
        trees: AlbumTrees | None = None,
    ) -> None:
        """
        Args:
            places: the places table.
            index: the tracks.
            clock_offset_s: seconds to add to what the cameras' clocks showed; None: they were
                right, or their photos with GPS say how far they were off.
            trees: the folders that were read already.
        """
        self._places = places
        self._zones = TimeZones(places)
        self._locator = TrackLocator(index, self._zones, clock_offset_s)
        self._clocks = CameraClocks(index, self._zones, trees or AlbumTrees(places))

    def prepare(self, photo: LoadedPhoto) -> PhotoOnTrack | None:
        """Where the tracks were; None, with a remark on the photo, if they do not say."""
        needs_clock = self._locator.needs_clock(photo.metadata)
        try:
            clock = self._clocks.of(photo) if needs_clock else None
            return self._locator.locate(photo.metadata, clock)
        except OffTrackError as error:
            photo.remarks.append(Reason(ReasonCode.OFF_TRACK, str(error)))
            return None

    def weigh(self, batch: Sequence[PhotoOnTrack]) -> list[Evidence | None]:
        """The evidence of each position."""
        return [self.evidence(found) for found in batch]

    def evidence(self, found: PhotoOnTrack) -> Evidence:
        """The position as a measurement, and for the rows of the table around it."""
        position = found.position
        km = haversine_km(
            position.point.lat, position.point.lon, self._places.lat, self._places.lon
        )
        scale_km = ROW_KM + position.radius_km
        return Evidence(
            source=self.name,
            weight=1.0,
            reason=words(found),
            log_likelihood=((km.min() - km) / scale_km).astype(np.float32),
            outlier_probability=OUTLIER_PROBABILITY,
            measured=MeasuredPosition(position.point, position.radius_km),
        )


class CameraClocks:
    """The clocks of cameras that have GPS in some photos, by the tracks. Used by several threads.

    A clock may be set between two trips, so each period of a camera has its own offset.
    """

    def __init__(self, index: TrackIndex, zones: TimeZones, trees: AlbumTrees) -> None:
        self._index = index
        self._zones = zones
        self._trees = trees
        self._found: OrderedDict[tuple[Path, Camera, float], ClockOffset | None] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, photo: LoadedPhoto) -> ClockOffset | None:
        """The offset of the clock when the photo was taken; None if it is unknown."""
        tree, camera = self._trees.of(photo.photo), camera_of(photo.metadata)
        moment = clock_s(photo.metadata)
        period = None if moment is None else tree.period(camera, moment)
        if period is None:
            return None
        key = photo.photo.folder, camera, period.start_s
        with self._lock:
            if key not in self._found:
                fixes = [
                    fix
                    for fix in tree.timelines[camera]
                    if period.start_s <= fix.at <= period.end_s and fix.error_km <= MAX_ERROR_KM
                ]
                self._found[key] = self._estimated(fixes)
                if len(self._found) > CLOCKS_KEPT:
                    self._found.popitem(last=False)
            return self._found[key]

    def _estimated(self, fixes: Sequence[Fix]) -> ClockOffset | None:
        if len(fixes) < MIN_FIXES:
            return None
        middle = fixes[len(fixes) // 2]
        local = datetime(1970, 1, 1) + timedelta(seconds=middle.at)  # noqa: DTZ001
        legal = self._zones.at(middle.point).utcoffset(local)
        photos = [ClockedPoint(fix.at, fix.point, fix.error_km) for fix in fixes]
        legal_offset_s = legal.total_seconds() if legal else None
        return estimate_clock_offset(photos, self._index.path(), legal_offset_s)


def words(found: PhotoOnTrack) -> str:
    """The position as a sentence: which file, how near its fixes, and how the time is known."""
    position = found.position
    gap = gap_text(position.gap_s / 3600)
    if position.is_stay:
        where = f"during a stay of {gap}"
    elif position.is_between:
        where = f"between two fixes {gap} apart"
    else:
        where = f"{gap} from the nearest fix"
    rollover = ", dates 1,024 weeks too early" * position.has_rolled_over
    return f"track: {position.log}, {where}, by {found.time_from}{rollover}"
