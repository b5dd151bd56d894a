"""Ablation: scores of the same photos with and without each source of evidence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from geotagger.evaluation.intervals import bootstrap
from geotagger.evaluation.scored import ScoredPhoto
from geotagger.evaluation.scores import Scores, columns, score
from geotagger.types import Evidence

COMPARED = {"country": 1, "within_200_km": 1, "geoscore": 1, "surprise": -1}
"""Figures that are compared photo by photo; 1 if more is better, -1 if less is."""
NEGLIGIBLE = {"country": 5e-4, "within_200_km": 5e-4, "geoscore": 0.5, "surprise": 5e-4}
"""A smaller difference does not count, however certain it is."""
PRIOR = "prior alone"
UNCLEAR = "no clear difference"

ScoreEvidence = Callable[[Sequence[Evidence]], ScoredPhoto]
"""Scores one photo by some of its evidence."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Gain from one source: all evidence against all but that source. Above 0 the source helps."""

    source: str
    figure: str
    mean: float
    low: float | None
    high: float | None

    @property
    def verdict(self) -> str:
        """helps, harms, or no clear difference."""
        if self.low is None or self.high is None or abs(self.mean) < NEGLIGIBLE[self.figure]:
            return UNCLEAR
        if self.low > 0:
            return "helps"
        return "harms" if self.high < 0 else UNCLEAR


@dataclass(frozen=True, slots=True)
class Ablation:
    """Scores by subsets of the evidence."""

    subsets: Mapping[str, Scores]
    """By name: `all`, `without SOURCE`, `only SOURCE`, and the prior alone."""
    spoke: Mapping[str, int]
    """Number of photos with evidence from each source."""
    differences: Sequence[Difference]

    @property
    def harmful(self) -> list[str]:
        """Sources that make the predictions worse by any figure."""
        return sorted({item.source for item in self.differences if item.verdict == "harms"})


@dataclass(slots=True)
class AblationRun:
    """Scores photos by subsets of their evidence, one photo after the other.

    If a source has no evidence on a photo, leaving it out changes nothing, and it alone is the
    prior. The evidence is not kept.
    """

    top_k: int
    _all: list[ScoredPhoto] = field(default_factory=list)
    _prior: list[ScoredPhoto] = field(default_factory=list)
    _without: dict[str, dict[int, ScoredPhoto]] = field(default_factory=lambda: defaultdict(dict))
    _only: dict[str, dict[int, ScoredPhoto]] = field(default_factory=lambda: defaultdict(dict))

    def add(
        self, evidence: Sequence[Evidence], with_all: ScoredPhoto, score_evidence: ScoreEvidence
    ) -> None:
        """Adds a photo, whose score with all evidence is known."""
        number = len(self._all)
        self._all.append(with_all)
        self._prior.append(score_evidence(()))
        for source in {item.source for item in evidence}:
            others = [item for item in evidence if item.source != source]
            own = [item for item in evidence if item.source == source]
            self._without[source][number] = score_evidence(others)
            self._only[source][number] = score_evidence(own)

    def result(self) -> Ablation:
        """The scores of each subset, and the paired differences."""
        sources = sorted(self._only)
        without = {name: _replaced(self._all, self._without[name]) for name in sources}
        only = {name: _replaced(self._prior, self._only[name]) for name in sources}
        subsets = {
            "all": self._all,
            **{f"without {name}": items for name, items in without.items()},
            **{f"only {name}": items for name, items in only.items()},
            PRIOR: self._prior,
        }
        return Ablation(
            {name: score(items, self.top_k, (), 0) for name, items in subsets.items()},
            {name: len(self._only[name]) for name in sources},
            [
                difference
                for name in sources
                for difference in self._differences(name, without[name])
            ],
        )

    def _differences(self, source: str, without: Sequence[ScoredPhoto]) -> list[Difference]:
        before, after = columns(without, self.top_k), columns(self._all, self.top_k)
        found = []
        for figure, sign in COMPARED.items():
            gain = sign * (after[figure] - before[figure])
            gain = gain[np.isfinite(gain)]
            if len(gain):
                low, high = bootstrap(_mean_of(gain), len(gain))
                found.append(Difference(source, figure, float(gain.mean()), low, high))
        return found


def _replaced(
    scored: Sequence[ScoredPhoto], replacements: Mapping[int, ScoredPhoto]
) -> list[ScoredPhoto]:
    return [replacements.get(number, item) for number, item in enumerate(scored)]


def _mean_of(values: NDArray[np.float64]) -> Callable[..., float]:
    return lambda rows: float(values[rows].mean())
