"""From cues to one log-likelihood over the places table, with the sentence that explains it.

Each cue's likelihood ratio is taken to the power of its kind's weight (fitted, `data/text.json`).
Cues that say the same thing twice are not independent: of those of one kind with one meaning only
the strongest counts, and at each place every further cue of a kind counts half as much as the one
before. At each place, so that two names of two places stand against each other in full.
The share of photos whose words belong elsewhere (a brand, a T-shirt, a menu) goes into the
evidence as its doubt, so that text shifts the belief and never decides alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from geotagger.data import read_json
from geotagger.geography.sphere import km_of_cosine, unit_vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geotagger.geography.places import Places
    from geotagger.text.types import Cue, Spot

REPEATED = 0.5
"""What each further cue of the same kind counts at a place, compared with the one before."""
TELLING = 0.5
"""Natural logarithm of the least ratio at the likeliest place that is worth a mention."""
FADE_KM = 5.0
"""Outside the town a sign that names it grows rarer by a factor e in this distance ..."""
DIRECTIONS_SHARE, DIRECTIONS_KM = 0.02, 30.0
"""... but for the direction signs, which name it from far."""
REACH_KM = 200.0
"""Beyond the radius and this distance a spot says nothing."""
ACROSS_BORDER = 0.1
"""What is left of a name's strength on the other side of a border."""
KM_PER_DEGREE = 111.2


@dataclass(frozen=True, slots=True)
class Strengths:
    """Fitted numbers, read from `data/text.json`."""

    weights: Mapping[str, float]
    """Power of the likelihood ratio by kind of cue."""
    outlier_probability: float
    """Share of photos whose words, clear as they are, belong to another place."""

    @classmethod
    def load(cls) -> Strengths:
        return cls(**read_json("text.json"))

    def weight(self, kind: str) -> float:
        return self.weights.get(kind, 1.0)


@dataclass(frozen=True, slots=True)
class Weighted:
    """A cue and its share in the sum."""

    cue: Cue
    log_ratio: NDArray[np.float32]
    """float32 [len(places)], weighted."""


class Combiner:
    """Adds cues up over the places table."""

    def __init__(
        self, places: Places, log_prior: NDArray[np.float32], strengths: Strengths | None = None
    ) -> None:
        """`log_prior`: the belief's, float32 [len(places)], to tell the likeliest place."""
        self.places = places
        self.strengths = strengths or Strengths.load()
        self._log_prior = log_prior
        self._by_lat = np.argsort(places.lat, kind="stable")
        self._lat = places.lat[self._by_lat]
        self._country = {code: index for index, code in enumerate(places.country_codes)}

    def weigh(self, cues: Sequence[Cue]) -> list[Weighted]:
        """The cues that count, each with its weighted log ratios, the strongest first."""
        of_kind: dict[str, dict[str, Weighted]] = defaultdict(dict)
        for cue in cues:
            weighted = Weighted(cue, self.strengths.weight(cue.kind) * self.log_ratio(cue))
            known = of_kind[cue.kind].get(cue.meaning)
            if known is None or weighted.log_ratio.max() > known.log_ratio.max():
                of_kind[cue.kind][cue.meaning] = weighted
        counted = [item for meanings in of_kind.values() for item in meanings.values()]
        return sorted(counted, key=lambda item: -item.log_ratio.max())

    def log_ratio(self, cue: Cue) -> NDArray[np.float32]:
        """ln of the cue's likelihood ratio, float32 [len(places)]; nowhere below 0."""
        by_country = np.ones(len(self.places.country_codes), np.float32)
        for code, of_country in cue.countries.items():
            if code in self._country:
                by_country[self._country[code]] = max(of_country, 1.0)
        ratio: NDArray[np.float32] = by_country[self.places.country]
        for spot in cue.spots:
            rows, share = self._around(spot)
            ratio[rows] += np.float32(max(spot.ratio - 1.0, 0.0)) * share
        log_ratio: NDArray[np.float32] = np.log(ratio)
        return log_ratio

    def _around(self, spot: Spot) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """The rows that a spot speaks for, and how much of its strength reaches each."""
        reach_km = spot.radius_km + REACH_KM
        degrees = reach_km / KM_PER_DEGREE
        first, last = np.searchsorted(self._lat, (spot.lat - degrees, spot.lat + degrees))
        rows = self._by_lat[first:last]
        if not len(rows):
            return rows, np.empty(0, np.float32)
        km = km_of_cosine(self.places.unit[rows] @ unit_vectors(spot.lat, spot.lon))
        own_country = self.places.country[rows[km.argmin()]]
        near = km < reach_km
        rows = rows[near]
        outside_km = np.maximum(km[near] - spot.radius_km, 0.0)
        directions = DIRECTIONS_SHARE * np.exp(-outside_km / DIRECTIONS_KM)
        share = (1 - DIRECTIONS_SHARE) * np.exp(-outside_km / FADE_KM) + directions
        border = np.where(self.places.country[rows] == own_country, 1.0, ACROSS_BORDER)
        return rows, (border * share).astype(np.float32)

    def total(self, weighted: Sequence[Weighted]) -> NDArray[np.float32]:
        """The log-likelihood of all cues together, float32 [len(places)]."""
        of_kind: dict[str, list[NDArray[np.float32]]] = defaultdict(list)
        for item in weighted:
            of_kind[item.cue.kind].append(item.log_ratio)
        summed = np.zeros(len(self.places), np.float32)
        for log_ratios in of_kind.values():
            summed += together(log_ratios)
        return summed

    def explain(self, weighted: Sequence[Weighted], total: NDArray[np.float32]) -> str:
        """`sign: "Stadt Bielefeld" -> Bielefeld, DE; language de`; empty when nothing tells much.

        Cues that speak for the likeliest place come first; the strongest that speaks against it is
        named too, so that a person sees the doubt.
        """
        best = int((total + self._log_prior).argmax())
        telling = [item for item in weighted if item.log_ratio.max() >= TELLING]
        towards = [item for item in telling if item.log_ratio[best] >= TELLING]
        against = [item for item in telling if item.log_ratio[best] < TELLING]
        towards.sort(key=lambda item: -item.log_ratio[best])
        parts = [_said(item.cue) for item in towards]
        if against:
            parts.append(f"but {_said(against[0].cue)}")
        return "sign: " + "; ".join(parts) if parts else ""


def together(log_ratios: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Cues of one kind, float32 [len(places)] each: at each place the strongest counts in full."""
    if len(log_ratios) == 1:
        return log_ratios[0]
    strongest_first = -np.sort(-np.stack(log_ratios), axis=0)
    shares = (REPEATED ** np.arange(len(log_ratios))).astype(np.float32)
    summed: NDArray[np.float32] = shares @ strongest_first
    return summed


def _said(cue: Cue) -> str:
    """Words where they are the point; a language is heard from the whole, so it needs none."""
    if cue.kind in ("language", "script"):
        return cue.meaning
    return f'"{cue.words}" -> {cue.meaning}'
