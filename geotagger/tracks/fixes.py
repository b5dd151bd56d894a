"""The fixes of a track log, as its reader collects them."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from geotagger.errors import UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNKNOWN = float("nan")


class TrackError(UsageError):
    """A track log cannot be read. Without the name of the file, which `files` adds."""


class NotATrackError(TrackError):
    """The file is something else."""


@dataclass(frozen=True, slots=True)
class FixTable:
    """The fixes of one or more logs. Those of a segment are next to each other."""

    time_s: NDArray[np.float64]
    """[n], seconds since 1970, UTC."""
    lat: NDArray[np.float64]
    """[n], degrees."""
    lon: NDArray[np.float64]
    accuracy_m: NDArray[np.float32]
    """[n], radius that holds the true position with 68 %; NaN if the log does not say."""
    segment: NDArray[np.int32]
    """[n], number of the segment of each fix, rising from 0. A recorder that lost its signal, or
    was switched off, starts a new segment."""
    is_stay: NDArray[np.bool_]
    """[segments]: it was at one place from its first fix to its last."""

    def __len__(self) -> int:
        return len(self.time_s)

    def only(self, rows: NDArray[np.bool_] | NDArray[np.intp]) -> FixTable:
        """The table with some of its fixes, or with its fixes in another order."""
        return FixTable(
            self.time_s[rows],
            self.lat[rows],
            self.lon[rows],
            self.accuracy_m[rows],
            self.segment[rows],
            self.is_stay,
        )


class FixCollector:
    """Collects fixes in arrays: a million take 32 MB, as objects they would take ten times that."""

    def __init__(self) -> None:
        self._time_s = array("d")
        self._lat = array("d")
        self._lon = array("d")
        self._accuracy_m = array("f")
        self._starts = array("q", [0])
        self._stays: set[int] = set()
        self.skipped = 0
        """Entries that have no time or no position that can be read."""

    def __len__(self) -> int:
        return len(self._time_s)

    def add(self, time_s: float, lat: float, lon: float, accuracy_m: float = UNKNOWN) -> None:
        """Adds a fix to the present segment."""
        self._time_s.append(time_s)
        self._lat.append(lat)
        self._lon.append(lon)
        self._accuracy_m.append(accuracy_m)

    def start_segment(self) -> None:
        """What follows does not continue what was before."""
        if len(self) > self._starts[-1]:
            self._starts.append(len(self))

    def add_stay(
        self, start_s: float, end_s: float, lat: float, lon: float, accuracy_m: float
    ) -> None:
        """Adds a stay at one place, as a segment of its own."""
        self.start_segment()
        self._stays.add(len(self._starts) - 1)
        self.add(start_s, lat, lon, accuracy_m)
        self.add(end_s, lat, lon, accuracy_m)
        self.start_segment()

    def table(self) -> FixTable:
        """All fixes."""
        count = len(self)
        starts = np.frombuffer(self._starts, np.int64)
        starts = starts[starts < count]
        lengths = np.diff(np.append(starts, count))
        is_stay = np.zeros(len(starts), np.bool_)
        is_stay[sorted(self._stays)] = True
        return FixTable(
            np.frombuffer(self._time_s, np.float64),
            np.frombuffer(self._lat, np.float64),
            np.frombuffer(self._lon, np.float64),
            np.frombuffer(self._accuracy_m, np.float32),
            np.repeat(np.arange(len(starts), dtype=np.int32), lengths),
            is_stay,
        )
