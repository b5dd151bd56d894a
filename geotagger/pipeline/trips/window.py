"""Adds to each photo what the other photos of its trip say, in a bounded window.

A run streams: a photo is held back until the next `PHOTOS_AHEAD` were read, at most
`PHOTOS_AHEAD + BLOCK` at once. Of the photos before it only the observations are kept, the latest
`MAX_KEPT` of each sequence and `MAX_KEPT_IN_ALL` together, about 3 KB each. So memory does not
grow with the number of photos.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from dataclasses import replace
from typing import TYPE_CHECKING

from geotagger.cache.codec import FinishedRow
from geotagger.pipeline.trips.areas import Areas
from geotagger.pipeline.trips.damping import TripConstants
from geotagger.pipeline.trips.observe import Observer
from geotagger.pipeline.trips.solve import SequenceSolver, Trip
from geotagger.types import Evidence, Observation, PhotoEvidence, SourceKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from geotagger.fusion.decide import Fusion
    from geotagger.pipeline.merge import Item

PHOTOS_AHEAD = 64
"""How many photos are read ahead of one, in scan order; each takes 0.5 MB of memory."""
BLOCK = 32
"""Photos that are placed at once, because a sequence is solved as a whole."""
MAX_KEPT = 192
"""Observations of a sequence, of photos before and after one."""
MAX_KEPT_IN_ALL = 1024
"""Observations of all sequences. The sequence without a new photo for the longest time goes."""


class _Sequence:
    """The latest observations of one sequence."""

    def __init__(self) -> None:
        self._observations: deque[Observation] = deque()
        self._at: defaultdict[float, list[Observation]] = defaultdict(list)

    def __len__(self) -> int:
        return len(self._observations)

    def __iter__(self) -> Iterator[Observation]:
        return iter(self._observations)

    def add(self, observation: Observation) -> Observation:
        """Adds an observation, unless it is that of a copy; returns the one that is kept."""
        same_moment = self._at[observation.moment.at_s]
        for other in same_moment:
            if _is_copy(observation, other):
                return other
        same_moment.append(observation)
        self._observations.append(observation)
        if len(self) > MAX_KEPT:
            oldest = self._observations.popleft()
            at = self._at[oldest.moment.at_s]
            at.remove(oldest)
            if not at:
                del self._at[oldest.moment.at_s]
        return observation


class TripEvidence:
    """Adds the evidence of the trip to each photo.

    Attributes:
        kept: number of observations in memory.
    """

    def __init__(
        self, fusion: Fusion, *, use_gps: bool = True, constants: TripConstants | None = None
    ) -> None:
        """
        Args:
            fusion: what the predictions are made with.
            use_gps: use the measured positions of photos as evidence for others.
            constants: default: those that come with the program.
        """
        areas = Areas(fusion.places, fusion.log_prior)
        self._observer = Observer(fusion, areas, use_gps=use_gps)
        self._solver = SequenceSolver(fusion, areas, constants or TripConstants.load())
        self._kept: OrderedDict[tuple[str, ...], _Sequence] = OrderedDict()
        self.kept = 0

    def share(self, items: Iterable[Item]) -> Iterator[Item]:
        """Yield the same items in the same order, with the evidence of their trips added.

        Finished rows are evidence too.
        """
        waiting: deque[Item] = deque()
        for item in items:
            waiting.append(self._observed(item))
            if len(waiting) == PHOTOS_AHEAD + BLOCK:
                yield from self._placed(waiting, BLOCK)
        yield from self._placed(waiting, len(waiting))

    def _observed(self, item: Item) -> Item:
        if isinstance(item, PhotoEvidence):
            observation = self._observer.observe(item)
            return replace(item, observation=observation and self._keep(observation))
        if isinstance(item, FinishedRow) and item.observation is not None:
            self._keep(item.observation)
        return item

    def _keep(self, observation: Observation) -> Observation:
        """Keeps an observation. A copy of a photo is that photo: it gets the first one's."""
        key = observation.moment.sequence
        sequence = self._kept.setdefault(key, _Sequence())
        self._kept.move_to_end(key)
        before = len(sequence)
        observation = sequence.add(observation)
        self.kept += len(sequence) - before
        while len(self._kept) > 1 and self.kept > MAX_KEPT_IN_ALL:
            _, oldest = self._kept.popitem(last=False)
            self.kept -= len(oldest)
        return observation

    def _placed(self, waiting: deque[Item], count: int) -> Iterator[Item]:
        """Takes the first photos out, with the evidence of their trips."""
        trips: dict[tuple[str, ...], Trip] = {}
        for item in [waiting.popleft() for _ in range(count)]:
            yield self._with_trip(item, trips)

    def _with_trip(self, item: Item, trips: dict[tuple[str, ...], Trip]) -> Item:
        if not isinstance(item, PhotoEvidence) or item.observation is None or not item.evidence:
            return item
        key = item.observation.moment.sequence
        if key not in trips:
            trips[key] = self._solver.solve(list(self._kept.get(key, ())))
        near_gps = next((e for e in item.evidence if e.kind == SourceKind.ALBUM), None)
        found = self._solver.evidence(trips[key], item.observation, near_gps)
        if found is None:
            return item
        others: tuple[Evidence, ...] = tuple(e for e in item.evidence if e is not near_gps)
        return replace(item, evidence=(*others, found))


def _is_copy(one: Observation, other: Observation) -> bool:
    """Whether two photos of a sequence have the same moment, picture, words and position."""
    return replace(one, name=other.name) == other
