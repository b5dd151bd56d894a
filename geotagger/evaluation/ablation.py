"""What each source of evidence is worth: the same photos judged with and without it."""

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
"""Figures that are compared photo by photo, and whether more is better."""
NEGLIGIBLE = {"country": 5e-4, "within_200_km": 5e-4, "geoscore": 0.5, "surprise": 5e-4}
"""A smaller difference is none, however sure."""
PRIOR = "prior alone"
UNCLEAR = "no clear difference"

Judge = Callable[[Sequence[Evidence]], ScoredPhoto]
"""Scores one photo by a part of its evidence."""


@dataclass(frozen=True, slots=True)
class Difference:
    """All evidence against all but one source, on the same photos. Above 0 the source helps."""

    source: str
    figure: str
    mean: float
    low: float | None
    high: float | None

    @property
    def says(self) -> str:
        """helps, harms, or nothing that chance could not do as well."""
        if self.low is None or self.high is None or abs(self.mean) < NEGLIGIBLE[self.figure]:
            return UNCLEAR
        if self.low > 0:
            return "helps"
        return "harms" if self.high < 0 else UNCLEAR


@dataclass(frozen=True, slots=True)
class Ablation:
    subsets: Mapping[str, Scores]
    """`all`, `without NAME`, `only NAME`, and the prior alone."""
    spoke: Mapping[str, int]
    """Photos of which each source said anything."""
    differences: Sequence[Difference]

    @property
    def harmful(self) -> list[str]:
        """Sources that make the whole worse by any figure."""
        return sorted({item.source for item in self.differences if item.says == "harms"})


@dataclass(slots=True)
class AblationRun:
    """Photos judged by parts of their evidence, one after the other; evidence is not kept.

    A source that is silent on a photo makes no difference to it: without it the photo is as with
    all, and by it alone it is judged by the prior.
    """

    top_k: int
    _all: list[ScoredPhoto] = field(default_factory=list)
    _prior: list[ScoredPhoto] = field(default_factory=list)
    _without: dict[str, dict[int, ScoredPhoto]] = field(default_factory=lambda: defaultdict(dict))
    _only: dict[str, dict[int, ScoredPhoto]] = field(default_factory=lambda: defaultdict(dict))

    def add(self, evidence: Sequence[Evidence], with_all: ScoredPhoto, judge: Judge) -> None:
        """One photo, of which `with_all` is already known."""
        number = len(self._all)
        self._all.append(with_all)
        self._prior.append(judge(()))
        for source in {item.source for item in evidence}:
            others = [item for item in evidence if item.source != source]
            own = [item for item in evidence if item.source == source]
            self._without[source][number] = judge(others)
            self._only[source][number] = judge(own)

    def result(self) -> Ablation:
        """Tables and paired differences."""
        sources = sorted(self._only)
        without = {name: _filled(self._all, self._without[name]) for name in sources}
        only = {name: _filled(self._prior, self._only[name]) for name in sources}
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


def _filled(usual: Sequence[ScoredPhoto], special: Mapping[int, ScoredPhoto]) -> list[ScoredPhoto]:
    return [special.get(number, item) for number, item in enumerate(usual)]


def _mean_of(values: NDArray[np.float64]) -> Callable[..., float]:
    return lambda rows: float(values[rows].mean())
