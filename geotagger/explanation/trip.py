"""Which photos of its trip moved the prediction of a photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from geotagger.images.scan import walk
from geotagger.metadata.beside import with_files_beside
from geotagger.metadata.read_file import read_head
from geotagger.pipeline.trips.sequence import moment_of
from geotagger.pipeline.trips.window import TripEvidence
from geotagger.types import Outcome, Photo, PhotoEvidence

if TYPE_CHECKING:
    from pathlib import Path

    from geotagger.fusion.decide import Fusion
    from geotagger.images.excludes import Excludes
    from geotagger.types import Evidence, Moment

MAX_NEIGHBOURS = 24
"""So many photos, the nearest in time, are weighed to explain one."""
MAX_HEADS = 2000
"""The heads of so many photos are read to find them, before and after it in the order of names."""


@dataclass(frozen=True, slots=True)
class NeighbourEffect:
    """One other photo of the trip."""

    name: str
    hours_after: float
    """Time from the explained photo to this one; negative before it."""
    country: str
    """The most probable country of this photo, with its trip."""
    support: float
    """Probability of the explained country in this photo, with its trip."""
    without_it: float
    """Probability of the explained country in the explained photo, if this photo were not there."""


@dataclass(frozen=True, slots=True)
class TripExplanation:
    """The neighbours of a photo and what they did."""

    country: str
    """The explained country."""
    support: float
    """Its probability with the trip."""
    by_clock: bool
    """Whether times are known, or the order of file names alone."""
    neighbours: Sequence[NeighbourEffect]
    """In order of time."""


def neighbours_of(photo: Path, excludes: Excludes) -> list[Path]:
    """The photos of the same sequence in the same folder that are nearest in time."""
    in_folder = takewhile(lambda one: one.folder == photo.parent, walk([photo.parent], excludes))
    photos = [one for one in in_folder if not one.problem]
    at = next((i for i, one in enumerate(photos) if one.path == photo), None)
    if at is None:
        return []
    around = photos[max(at - MAX_HEADS // 2, 0) : at + MAX_HEADS // 2]
    moments = {one.path: _moment(one) for one in around}
    own = moments[photo]
    if own is None:
        return []
    found = [
        (abs(moment.at_s - own.at_s), path)
        for path, moment in moments.items()
        if moment is not None and path != photo and moment.sequence == own.sequence
    ]
    return [path for _, path in sorted(found)[:MAX_NEIGHBOURS]]


def _moment(photo: Photo) -> Moment | None:
    metadata = with_files_beside(read_head(photo.path), photo.path)
    return moment_of(Outcome(photo, metadata=metadata))


def explain_trip(
    photo: Path, items: Sequence[PhotoEvidence], fusion: Fusion, *, use_gps: bool
) -> TripExplanation | None:
    """Leaves out each photo of a trip in turn.

    Args:
        photo: the explained one.
        items: it and its neighbours, each with its own evidence alone.
        fusion: makes the predictions.
        use_gps: whether measured positions are evidence for neighbours.

    Returns:
        None if the photo has no neighbours, or no evidence.
    """
    with_trip = placed_together(items, fusion, use_gps=use_gps)
    own = next((item for item in with_trip if item.outcome.photo.path == photo), None)
    timed = [item for item in with_trip if item.observation and item.evidence and item is not own]
    if own is None or own.observation is None or not own.evidence or not timed:
        return None
    moment = own.observation.moment
    prediction = fusion.decide(own.evidence)
    rows = fusion.places.mask([code] if (code := prediction.place.country_code) else [])

    def share(evidence: Sequence[Evidence]) -> float:
        return min(float(fusion.posterior(evidence)[rows].sum()), 1.0)

    def without(left_out: PhotoEvidence) -> float:
        path = left_out.outcome.photo.path
        others = [item for item in items if item.outcome.photo.path != path]
        placed = placed_together(others, fusion, use_gps=use_gps)
        return share(next(i for i in placed if i.outcome.photo.path == photo).evidence)

    neighbours = []
    for item in timed:
        assert item.observation is not None
        named = fusion.decide(item.evidence)
        neighbours.append(
            NeighbourEffect(
                name=item.outcome.photo.path.name,
                hours_after=(item.observation.moment.at_s - moment.at_s) / 3600,
                country=named.place.country,
                support=share(item.evidence),
                without_it=without(item),
            )
        )
    neighbours.sort(key=lambda neighbour: neighbour.hours_after)
    country = prediction.place.country or "the country"
    return TripExplanation(country, share(own.evidence), moment.by_clock, neighbours)


def placed_together(
    items: Sequence[PhotoEvidence], fusion: Fusion, *, use_gps: bool
) -> list[PhotoEvidence]:
    """The photos with the evidence of their trip added."""
    placed = TripEvidence(fusion, use_gps=use_gps).share(items)
    return [item for item in placed if isinstance(item, PhotoEvidence)]
