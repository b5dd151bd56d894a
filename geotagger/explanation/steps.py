"""How the probability of the prediction changes with each source: added, left out, alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from geotagger.config import RunOptions
from geotagger.errors import NoPhotosError
from geotagger.explanation.trip import (
    TripExplanation,
    explain_trip,
    neighbours_of,
    placed_together,
)
from geotagger.fusion.decide import Fusion, predict
from geotagger.geography.sphere import cosine_of_km, unit_vectors
from geotagger.pipeline.run import weigh
from geotagger.pipeline.setup import excludes_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from geotagger.fusion.mass import ProbabilityMass
    from geotagger.types import Evidence, Outcome, Prediction

SHARES = (0.5, 0.8, 0.9)


@dataclass(frozen=True, slots=True)
class Support:
    """Probability of the predicted country, and near the predicted point (0 to 1)."""

    country: float
    near: float


@dataclass(frozen=True, slots=True)
class Step:
    """One source of evidence."""

    source: str
    reason: str
    before: Support
    """With the prior and the sources before it."""
    after: Support
    """With this source added."""
    alone: Support
    """With the prior and this source."""
    left_out: Support
    """With all other sources."""
    others_say: Prediction
    """The prediction from all other sources."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Explanation of one photo; `prediction` is None if there was no evidence."""

    outcome: Outcome
    near_km: float
    """Probability within this distance of the point counts as near."""
    radii_km: tuple[float, ...] = ()
    """Radii around the point that hold SHARES of the probability."""
    prior: Support | None = None
    total: Support | None = None
    steps: Sequence[Step] = ()
    mass: ProbabilityMass | None = None
    """The posterior, float32 [len(places)]."""
    trip: TripExplanation | None = None
    """What its neighbours did, if there are any."""

    @property
    def prediction(self) -> Prediction | None:
        """The prediction that is explained."""
        return self.outcome.prediction


def explain(photo: Path, options: RunOptions) -> Explanation:
    """Predicts a photo as `geotagger tag` does, and explains it; nothing is written.

    Raises:
        NoPhotosError: the file is not a photo.
        GeotaggerError: another reason that stops a run.
    """
    excludes = excludes_of(options)
    neighbours = neighbours_of(photo, excludes) if options.album else []
    found, fusion = weigh(replace(options, paths=(photo, *neighbours)), trips=False)
    items = list(found)
    if not items:
        raise NoPhotosError(f"{photo} is not a photo")
    if not options.album:
        return explained(predict(items[0], fusion), items[0].evidence, fusion)
    item = placed_together(items, fusion, use_gps=options.neighbour_gps)[0]
    trip = explain_trip(photo, items, fusion, use_gps=options.neighbour_gps)
    return explained(predict(item, fusion), item.evidence, fusion, trip)


def explained(
    outcome: Outcome,
    evidence: Sequence[Evidence],
    fusion: Fusion,
    trip: TripExplanation | None = None,
) -> Explanation:
    """Explains an outcome by its evidence, and by its trip if it has one."""
    near_km = fusion.constants.city_radius_km
    if outcome.prediction is None:
        return Explanation(outcome, near_km)
    measure = Measure(fusion, outcome.prediction)
    mass = fusion.posterior(evidence)
    return Explanation(
        outcome,
        near_km,
        radii_km=fusion.radii_km(mass, measure.cosine, SHARES),
        prior=measure.support(()),
        total=measure.support(evidence),
        steps=[measure.step(evidence, number) for number in range(len(evidence))],
        mass=mass,
        trip=trip,
    )


class Measure:
    """Measures the probability of one prediction from parts of the evidence."""

    def __init__(self, fusion: Fusion, answer: Prediction) -> None:
        places = fusion.places
        self._fusion = fusion
        self.cosine = places.unit @ unit_vectors(answer.point.lat, answer.point.lon)
        self._near: NDArray[np.bool_] = self.cosine >= cosine_of_km(fusion.constants.city_radius_km)
        self._row = int(places.nearest_rows(answer.point.lat, answer.point.lon)[0])
        code = answer.place.country_code
        self._country = places.mask([code] if code else [])

    def support(self, evidence: Sequence[Evidence]) -> Support:
        """The probability of the prediction with this evidence and the prior."""
        mass = self._fusion.posterior(evidence)
        shares = (float(mass[rows].sum()) for rows in (self._country, self._near))
        return Support(*(min(share, 1.0) for share in shares))

    def step(self, evidence: Sequence[Evidence], number: int) -> Step:
        """The step of the source with the index `number`."""
        own = evidence[number]
        others = [*evidence[:number], *evidence[number + 1 :]]
        return Step(
            own.source,
            own.reason_at(self._row),
            before=self.support(evidence[:number]),
            after=self.support(evidence[: number + 1]),
            alone=self.support([own]),
            left_out=self.support(others),
            others_say=self._fusion.decide(others),
        )
