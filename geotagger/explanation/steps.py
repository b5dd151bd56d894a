"""How the belief in the answer moves as each source is added, left out, or heard alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from geotagger.config import RunOptions
from geotagger.errors import NoPhotosError
from geotagger.fusion.decide import Fusion, predict
from geotagger.geography.sphere import cosine_of_km, unit_vectors
from geotagger.pipeline.run import weigh

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from geotagger.fusion.mass import ProbabilityMass
    from geotagger.types import Evidence, Outcome, Prediction

SHARES = (0.5, 0.8, 0.9)


@dataclass(frozen=True, slots=True)
class Support:
    """Belief in the answer's country, and near the answer's point (0 to 1)."""

    country: float
    near: float


@dataclass(frozen=True, slots=True)
class Step:
    """One source of evidence."""

    source: str
    reason: str
    before: Support
    """With the prior and the sources named earlier."""
    after: Support
    """With this one added."""
    alone: Support
    """The prior and this one."""
    left_out: Support
    """All others."""
    others_say: Prediction
    """What all others lead to."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Of one photo; `prediction` is None where no source had anything to say."""

    outcome: Outcome
    near_km: float
    """Belief within this distance of the point counts as near."""
    radii_km: tuple[float, ...] = ()
    """Circles around the point that hold SHARES of the belief."""
    prior: Support | None = None
    total: Support | None = None
    steps: Sequence[Step] = ()
    mass: ProbabilityMass | None = None
    """The belief, float32 [len(places)]."""

    @property
    def prediction(self) -> Prediction | None:
        return self.outcome.prediction


def explain(photo: Path, options: RunOptions) -> Explanation:
    """The photo is looked at as `geotagger tag` would; nothing is written.

    Raises NoPhotosError when the file is none, and what stops a run.
    """
    items, belief = weigh(replace(options, paths=(photo,)))
    item = next(items, None)
    if item is None:
        raise NoPhotosError(f"{photo} is no photo")
    return explained(predict(item, belief), item.evidence, belief)


def explained(outcome: Outcome, evidence: Sequence[Evidence], belief: Fusion) -> Explanation:
    """Takes the evidence apart."""
    near_km = belief.constants.city_radius_km
    if outcome.prediction is None:
        return Explanation(outcome, near_km)
    measure = Measure(belief, outcome.prediction)
    mass = belief.posterior(evidence)
    return Explanation(
        outcome,
        near_km,
        radii_km=belief.radii_km(mass, measure.cosine, SHARES),
        prior=measure.support(()),
        total=measure.support(evidence),
        steps=[measure.step(evidence, number) for number in range(len(evidence))],
        mass=mass,
    )


class Measure:
    """Measures what parts of the evidence say of one answer."""

    def __init__(self, belief: Fusion, answer: Prediction) -> None:
        places = belief.places
        self._belief = belief
        self.cosine = places.unit @ unit_vectors(answer.point.lat, answer.point.lon)
        self._near: NDArray[np.bool_] = self.cosine >= cosine_of_km(belief.constants.city_radius_km)
        self._row = int(places.nearest_rows(answer.point.lat, answer.point.lon)[0])
        code = answer.place.country_code
        self._country = places.mask([code] if code else [])

    def support(self, evidence: Sequence[Evidence]) -> Support:
        mass = self._belief.posterior(evidence)
        shares = (float(mass[rows].sum()) for rows in (self._country, self._near))
        return Support(*(min(share, 1.0) for share in shares))

    def step(self, evidence: Sequence[Evidence], number: int) -> Step:
        """`number`: which of the evidence."""
        own = evidence[number]
        others = [*evidence[:number], *evidence[number + 1 :]]
        return Step(
            own.source,
            own.reason_at(self._row),
            before=self.support(evidence[:number]),
            after=self.support(evidence[: number + 1]),
            alone=self.support([own]),
            left_out=self.support(others),
            others_say=self._belief.decide(others),
        )
