"""The time zone of a place: that of the nearest row of the places table."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from geotagger.geography.places import Places
    from geotagger.types import Point

_CELLS_PER_DEGREE = 20
"""Points of a cell of about 5 km have one time zone: that of its centre."""
_CACHED = 4096


@cache
def _zone(name: str) -> ZoneInfo:
    """Zones are read when they are needed, and kept; `ZoneInfo` itself keeps eight."""
    return ZoneInfo(name)


class TimeZones:
    """The time zones of the Earth, by the IANA time zone database."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._row_of_cell = lru_cache(_CACHED)(self._nearest_row)
        self._on = lru_cache(_CACHED)(self._offsets_on)

    def at(self, point: Point) -> ZoneInfo:
        """The zone of a point; at sea that of the nearest land."""
        cell = round(point.lat * _CELLS_PER_DEGREE), round(point.lon * _CELLS_PER_DEGREE)
        return _zone(self._places.zone_names[self._places.zone[self._row_of_cell(*cell)]])

    def offsets(self, local: datetime) -> tuple[timedelta, ...]:
        """All UTC offsets that clocks somewhere had on the day of a local time."""
        return self._on(local.date())

    def _nearest_row(self, lat: int, lon: int) -> int:
        nearest = self._places.nearest_rows(lat / _CELLS_PER_DEGREE, lon / _CELLS_PER_DEGREE)
        return int(nearest[0])

    def _offsets_on(self, day: date) -> tuple[timedelta, ...]:
        noon = datetime(day.year, day.month, day.day, 12)  # noqa: DTZ001
        times = (noon - timedelta(hours=12), noon, noon + timedelta(hours=12))
        zones = map(_zone, self._places.zone_names)
        offsets = (zone.utcoffset(time) for zone in zones for time in times)
        return tuple(sorted({offset for offset in offsets if offset is not None}))


def legal_offsets(zone: ZoneInfo, local: datetime) -> set[timedelta]:
    """The UTC offsets of a local time: two in the hour that comes twice when summer time ends."""
    offsets = (zone.utcoffset(local.replace(fold=fold)) for fold in (0, 1))
    return {offset for offset in offsets if offset is not None}
