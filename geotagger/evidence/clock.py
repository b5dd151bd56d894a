"""Evidence from the camera's clock: where on Earth clocks had this UTC offset at that moment.

A phone writes its UTC offset next to the local time. Where a photo has GPS time but no position,
the offset is the difference between the two. The IANA time zone database, which knows summer time,
says where clocks had that offset. Daylight is not used: brightness depends too little on the sun.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from geotagger.times.capture_time import capture_time
from geotagger.types import Evidence, PhotoMetadata, SourceKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geotagger.evidence.source import LoadedPhoto
    from geotagger.geography.places import Places

TRUST = 0.9
"""Probability that the offset is that of the place: some cameras keep the time of home."""
TRUST_UTC = 0.5
"""Drones, action cameras and servers keep UTC wherever they are."""
SUMMER_TIME_FORGOTTEN = 0.03
"""Probability that the clock is an hour off because nobody changed it."""
FIRST_YEAR = 2003
"""Clocks that show an earlier year were never set; EXIF offsets are younger still."""
UNSET = re.compile(r"\d{4}-01-01T00:0")
"""Clocks start at midnight of New Year after the battery was out."""


@dataclass(frozen=True, slots=True)
class Clock:
    """A moment and the UTC offset that the camera kept."""

    local: datetime
    """Without time zone, as the camera showed it."""
    offset_minutes: int
    from_gps: bool = False
    """The offset is the difference to GPS time, not one that the camera stated."""


def read_clock(metadata: PhotoMetadata) -> Clock | None:
    """The clock of a photo; None if it has no UTC offset or was never set."""
    time = capture_time(metadata)
    if time is None or time.local is None or time.offset_minutes is None:
        return None
    if UNSET.match(metadata.taken_at) or time.local.year < FIRST_YEAR:
        return None
    return Clock(time.local, time.offset_minutes, from_gps=time.offset_is_from_gps)


class ClockSource:
    """Compares the camera's UTC offset with every time zone on Earth at that moment."""

    name: str = SourceKind.CLOCK
    min_side_px = 0
    batch_size = 0
    model_id = ""

    def __init__(self, places: Places, log_prior: NDArray[np.float32]) -> None:
        """
        Args:
            places: the places table.
            log_prior: the prior, float32 [len(places)]. It says how common each offset is.
        """
        self._zone = places.zone
        self._zones = places.zone_names
        self._share = np.bincount(places.zone, np.exp(log_prior), len(self._zones))

    def prepare(self, photo: LoadedPhoto) -> Clock | None:
        """The clock of the photo; None if it has no UTC offset."""
        return read_clock(photo.metadata)

    def weigh(self, batch: Sequence[Clock]) -> list[Evidence | None]:
        """The evidence of each clock; None if its offset existed nowhere."""
        return [self.evidence(clock) for clock in batch]

    def evidence(self, clock: Clock) -> Evidence | None:
        """P(offset | place): `trust` where it is the legal time, plus how common the offset is.

        The second part, (1 - trust) * P(offset), is for cameras that keep another place's time.
        """
        offsets = _offsets_minutes(self._zones, clock.local)
        is_legal = offsets == clock.offset_minutes
        common = float(self._share[is_legal].sum())
        if common <= 0:
            return None
        hour_off = np.abs(offsets - clock.offset_minutes) == 60
        trust = TRUST if clock.offset_minutes else TRUST_UTC
        likelihood = trust * is_legal + SUMMER_TIME_FORGOTTEN * hour_off + (1 - trust) * common
        hours, minutes = divmod(abs(clock.offset_minutes), 60)
        sign = "-" if clock.offset_minutes < 0 else "+"
        source = " by GPS time" if clock.from_gps else ""
        return Evidence(
            source=self.name,
            weight=1.0,
            reason=f"clock {sign}{hours:02d}:{minutes:02d}{source}",
            log_likelihood=np.log(likelihood).astype(np.float32)[self._zone],
        )


@lru_cache(maxsize=256)
def _offsets_minutes(zones: tuple[str, ...], local: datetime) -> NDArray[np.int64]:
    """The UTC offset of each zone when its clocks show `local`, int64 [zones]."""
    offsets = (_zone(name).utcoffset(local) for name in zones)
    return np.array([round(o / timedelta(minutes=1)) for o in offsets if o is not None])


@cache
def _zone(name: str) -> zoneinfo.ZoneInfo:
    return zoneinfo.ZoneInfo(name)
