"""Combines cues into one log-likelihood over the places table, and words them.

Each cue's likelihood ratio is raised to the power of its kind's weight (fitted, `data/text.json`).
Cues that say the same thing are not independent. So of cues of one kind with one meaning only the
strongest counts, and at each place every further cue of a kind counts half as much as the one
before. This is done place by place, so two names of two places oppose each other in full.
The share of photos whose words belong elsewhere (a brand, a T-shirt, a menu) goes into the evidence
as its outlier probability: text shifts the posterior and never decides alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from geotagger.data import read_json
from geotagger.geography.sphere import haversine_km, km_of_cosine, unit_vectors
from geotagger.types import Place, Point

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geotagger.geography.places import Places
    from geotagger.text.types import Cue, Spot

REPEATED = 0.5
"""Weight of each further cue of the same kind at a place, relative to the one before."""
TELLING = 0.5
"""Natural logarithm of the smallest ratio, at the most likely place, that is worth a mention."""
FADE_KM = 5.0
"""Outside the town, a sign that names it grows rarer by a factor e in this distance ..."""
DIRECTIONS_SHARE, DIRECTIONS_KM = 0.02, 30.0
"""... except direction signs, a share of all signs, which name it from far away."""
REACH_KM = 200.0
"""Farther than this beyond its radius, a spot says nothing."""
ACROSS_BORDER = 0.1
"""Share of a name's strength on the other side of a border."""
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
        """The numbers that come with the program."""
        return cls(**read_json("text.json"))

    def weight(self, kind: str) -> float:
        return self.weights.get(kind, 1.0)


@dataclass(frozen=True, slots=True)
class Weighted:
    """A cue and its share in the sum."""

    cue: Cue
    log_ratio: NDArray[np.float32]
    """float32 [len(places)], weighted."""

    @property
    def is_telling(self) -> bool:
        """Whether the cue is worth a mention."""
        return bool(self.log_ratio.max() >= TELLING)


class Combiner:
    """Adds cues up over the places table."""

    def __init__(self, places: Places, strengths: Strengths | None = None) -> None:
        """
        Args:
            places: the places table.
            strengths: default: those that come with the program.
        """
        self.places = places
        self.strengths = strengths or Strengths.load()
        self._by_lat = np.argsort(places.lat, kind="stable")
        self._lat = places.lat[self._by_lat]
        self._country = {code: index for index, code in enumerate(places.country_codes)}

    def weigh(self, cues: Sequence[Cue]) -> list[Weighted]:
        """The cues that count, each with its weighted log ratios, the strongest first."""
        by_kind: dict[str, dict[str, Weighted]] = defaultdict(dict)
        for cue in cues:
            weighted = Weighted(cue, self._weighted_log_ratio(cue))
            stronger = by_kind[cue.kind].get(cue.meaning)
            if stronger is None or weighted.log_ratio.max() > stronger.log_ratio.max():
                by_kind[cue.kind][cue.meaning] = weighted
        counted = [item for by_meaning in by_kind.values() for item in by_meaning.values()]
        return sorted(counted, key=lambda item: -item.log_ratio.max())

    def log_ratio(self, cue: Cue) -> NDArray[np.float32]:
        """Natural logarithm of the cue's likelihood ratio, float32 [len(places)], at least 0."""
        by_country = np.ones(len(self.places.country_codes), np.float32)
        for code, country_ratio in cue.countries.items():
            if code in self._country:
                by_country[self._country[code]] = max(country_ratio, 1.0)
        ratio: NDArray[np.float32] = by_country[self.places.country]
        for spot in cue.spots:
            rows, share = self._around(spot)
            ratio[rows] += np.float32(max(spot.ratio - 1.0, 0.0)) * share
        log_ratio: NDArray[np.float32] = np.log(ratio)
        return log_ratio

    def _weighted_log_ratio(self, cue: Cue) -> NDArray[np.float32]:
        return self.strengths.weight(cue.kind) * self.log_ratio(cue)

    def _around(self, spot: Spot) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """The rows around a spot, and the share of its strength at each."""
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
        """Log-likelihood of all cues together, float32 [len(places)]."""
        by_kind: dict[str, list[NDArray[np.float32]]] = defaultdict(list)
        for item in weighted:
            by_kind[item.cue.kind].append(item.log_ratio)
        summed = np.zeros(len(self.places), np.float32)
        for log_ratios in by_kind.values():
            summed += together(log_ratios)
        return summed

    def explain(self, cues: Sequence[Cue], row: int) -> str:
        """`"Stadt Bielefeld" -> Bielefeld, DE; language de; but "Oslo" -> Oslo, NO`.

        Args:
            cues: the telling ones, the strongest first.
            row: the place that was decided for. Cues that support it come first; of the others the
                strongest is named too, so that a person sees what speaks against the place.
        """
        ratios = [float(self._weighted_log_ratio(cue)[row]) for cue in cues]
        order = sorted(range(len(cues)), key=lambda index: -ratios[index])
        at = float(self.places.lat[row]), float(self.places.lon[row])
        parts = [cue_text(cues[index], at) for index in order if ratios[index] >= TELLING]
        opposing = [cue for cue, ratio in zip(cues, ratios, strict=True) if ratio < TELLING]
        if opposing:
            text = cue_text(opposing[0])
            parts.append(f"but {text}" if parts else text)
        return "; ".join(parts)


def together(log_ratios: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Combine cues of one kind, float32 [len(places)] each; the strongest counts in full."""
    if len(log_ratios) == 1:
        return log_ratios[0]
    strongest_first = -np.sort(-np.stack(log_ratios), axis=0)
    shares = (REPEATED ** np.arange(len(log_ratios))).astype(np.float32)
    summed: NDArray[np.float32] = shares @ strongest_first
    return summed


def named_towns(cues: Sequence[Cue]) -> tuple[Place, ...]:
    """The towns that the cues name, each with its point and its city name alone."""
    towns = {
        (spot.lat, spot.lon): Place(Point(spot.lat, spot.lon), city=spot.town)
        for cue in cues
        for spot in cue.spots
        if spot.town
    }
    return tuple(towns.values())


def cue_text(cue: Cue, at: tuple[float, float] | None = None) -> str:
    """A cue for a person. A language or script is that of the whole text, so it quotes no words.

    Args:
        cue: the cue.
        at: latitude and longitude of the answer. Of several places with one name, the one that is
            there is named.
    """
    if cue.kind in ("language", "script"):
        return cue.meaning
    return f'"{cue.words}" -> {_named_at(cue, at) or cue.meaning}'


def _named_at(cue: Cue, at: tuple[float, float] | None) -> str:
    """The place of a name that is at the point, and the number of others; "" if none is there."""
    named = [spot for spot in cue.spots if spot.name]
    if at is None or len(named) < 2:
        return ""
    km = [haversine_km(*at, spot.lat, spot.lon) - spot.radius_km for spot in named]
    nearest = int(np.argmin(km))
    if km[nearest] > FADE_KM * 5:
        return ""
    spot = named[nearest]
    return f"{spot.name}, {spot.country} (and {len(named) - 1} more)"
