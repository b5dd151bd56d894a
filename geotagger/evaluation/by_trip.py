"""Scores by trip: whether the photos of each trip, taken together, are in the right country."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from geotagger.evaluation.intervals import bootstrap, wilson
from geotagger.evaluation.scores import Estimate
from geotagger.pipeline.trips.damping import TRIP_GAP_HOURS
from geotagger.pipeline.trips.sequence import moment_of

if TYPE_CHECKING:
    from geotagger.evaluation.scored import ScoredPhoto
    from geotagger.types import Moment, Outcome

Members = Sequence["ScoredPhoto"]


@dataclass(frozen=True, slots=True)
class TripScores:
    """Scores of trips of at least two photos with a known country."""

    trips: int
    photos: int
    """In these trips."""
    median_photos: float | None
    country: Estimate
    """Share of the photos with the right country, with the same weight for every trip."""
    mostly: Estimate
    """Share of the trips whose most predicted country is that of most of their photos."""


@dataclass(slots=True)
class TripCollector:
    """Collects scored photos, and scores their trips at the end."""

    _timed: list[tuple[Moment, ScoredPhoto]] = field(default_factory=list)

    def add(self, outcome: Outcome, scored: ScoredPhoto) -> None:
        """Adds a photo; one that is in no sequence, or whose country is unknown, is left out."""
        moment = moment_of(outcome)
        if moment is not None and scored.truth.country_code:
            self._timed.append((moment, scored))

    def result(self) -> TripScores:
        """The scores of all trips."""
        trips = [members for members in _trips(self._timed) if len(members) > 1]
        right = np.array([np.mean([bool(one.country_right) for one in trip]) for trip in trips])
        mostly = sum(_most(_predicted(trip)) == _most(_true(trip)) for trip in trips)
        sizes = [len(trip) for trip in trips]
        if not trips:
            return TripScores(0, 0, None, Estimate(None), Estimate(None))
        low, high = bootstrap(lambda rows: float(right[rows].mean()), len(trips))
        return TripScores(
            trips=len(trips),
            photos=sum(sizes),
            median_photos=float(np.median(sizes)),
            country=Estimate(float(right.mean()), low, high, photos=sum(sizes)),
            mostly=Estimate(mostly / len(trips), *wilson(mostly, len(trips)), photos=sum(sizes)),
        )


def _trips(timed: Iterable[tuple[Moment, ScoredPhoto]]) -> list[Members]:
    """The photos of each sequence, divided where there is none for `TRIP_GAP_HOURS`."""
    sequences: defaultdict[tuple[str, ...], list[tuple[float, ScoredPhoto]]] = defaultdict(list)
    for moment, scored in timed:
        sequences[moment.sequence].append((moment.at_s / 3600, scored))
    trips: list[Members] = []
    for sequence in sequences.values():
        sequence.sort(key=lambda item: item[0])
        hours = np.array([at_hours for at_hours, _ in sequence])
        starts = np.flatnonzero(np.diff(hours, prepend=-np.inf) > TRIP_GAP_HOURS).tolist()
        for start, end in zip(starts, [*starts[1:], len(sequence)], strict=True):
            trips.append([scored for _, scored in sequence[start:end]])
    return trips


def _predicted(trip: Members) -> list[str]:
    return [one.prediction.place.country_code for one in trip]


def _true(trip: Members) -> list[str]:
    return [one.truth.country_code for one in trip]


def _most(codes: Sequence[str]) -> str:
    return Counter(codes).most_common(1)[0][0]
