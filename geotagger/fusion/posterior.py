"""Belief: a prior over the places table plus weighted evidence, and what can be read off the sum.

The posterior of a row is softmax(log prior + sum of weight * log-likelihood), each term with the
floor that its doubt gives. Everything else (point, radius, level, confidence, alternatives) is a
sum of posterior mass over rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from geotagger.fusion.prior import Constants, Mass, log_prior, sums
from geotagger.geography.places import Places
from geotagger.geography.sphere import EARTH_RADIUS_KM, cosine_of_km, km_of_cosine
from geotagger.types import Candidate, Evidence, Level, Place, Prediction

SCORED_RADII_KM = (5.0, 25.0, 200.0, 750.0, 2500.0)
"""The distance thresholds by which the field scores a point (Im2GPS, Hays & Efros 2008), but for
the first, which is 1 km there: a row stands for a town and the land around it."""

HEAVIEST = 1024
"""Rows whose mass is counted when points are compared."""
CENTRES = 64
"""Rows among those that are tried as the point."""
BINS_PER_ROOT_KM = 8.0
"""Distances are binned by the square root of their km: 1 km wide at 16 km, 25 km at 10,000 km."""


class Belief:
    """Turns evidence into a prediction.

    `within` is a boolean mask [len(places)]: rows outside it are impossible.
    `min_confidence` replaces every level's threshold.
    `radius_factor` widens the radius (conformal factor of the model's card).
    """

    def __init__(
        self,
        places: Places,
        constants: Constants | None = None,
        *,
        top_k: int = 5,
        min_confidence: float | None = None,
        radius_factor: float = 1.0,
        within: NDArray[np.bool_] | None = None,
    ) -> None:
        self.places = places
        self.constants = constants or Constants.load()
        self.top_k = top_k
        self.min_confidence = min_confidence
        self.radius_factor = radius_factor
        self._parts = Parts(places)
        self.log_prior = log_prior(places, self.constants)
        if within is not None:
            self.log_prior = np.where(within, self.log_prior, -np.inf).astype(np.float32)

    def posterior(self, evidence: Sequence[Evidence]) -> Mass:
        """float32 [len(places)], sums to 1."""
        logits = self.log_prior.copy()
        for item in evidence:
            weighted = np.float32(item.weight) * item.log_likelihood
            logits += self._floored(weighted, item.doubt) if item.doubt else weighted
        logits -= logits.max()
        mass: Mass = np.exp(logits)
        mass /= mass.sum(dtype=np.float64)
        return mass

    def _floored(self, log_likelihood: Mass, doubt: float) -> Mass:
        """With the probability `doubt` the evidence is beside the point: every place as before."""
        likelihood = np.exp(log_likelihood - log_likelihood.max())
        likelihood *= np.float32(1 - doubt) / (np.exp(self.log_prior) @ likelihood)
        likelihood += np.float32(doubt)
        floored: Mass = np.log(likelihood)
        return floored

    def decide(self, evidence: Sequence[Evidence]) -> Prediction:
        """The prediction that the evidence supports. Costs about a millisecond."""
        mass = self.posterior(evidence)
        parts = self._parts.sums(mass)
        countries, continents = self._parts.countries(parts), self._parts.continents(parts)
        inside = self._winning_country(mass, parts, countries, continents)
        row = self._best_row(mass, inside)
        cosine = self.places.unit @ self.places.unit[row]
        level, confidence = self._level(mass, row, cosine, countries, continents)
        return Prediction(
            point=self.places.place(row).point,
            place=self.places.place(row),
            level=level,
            confidence=confidence,
            radius_km=self.radii_km(mass, cosine, (self.constants.coverage,))[0],
            candidates=self._candidates(mass, row, level, countries),
            attributes=tuple(pair for item in evidence for pair in item.attributes),
            reasons=tuple(item.reason for item in evidence if item.reason),
        )

    def _threshold(self, level: Level) -> float:
        if self.min_confidence is not None:
            return self.min_confidence
        return self.constants.thresholds[level]

    def _winning_country(self, mass: Mass, parts: Mass, countries: Mass, continents: Mass) -> Mass:
        """The mass of the country that is named.

        Its continent counts beside the country itself, for one large country may outweigh each of
        many small ones on another continent, and would be the wrong half of the world more often.
        A continent with more than half of the belief keeps the name.
        """
        on = continents[self._parts.continent]
        score = countries[self._parts.country] + self.constants.continent_share * on
        possible = parts > 0
        if on.max() > 0.5:
            possible &= on == on.max()
        best = np.where(possible, score, 0).argmax()
        return np.where(self.places.country == self._parts.country[best], mass, 0)

    def _best_row(self, mass: Mass, inside: Mass) -> int:
        """The row that meets the most distance thresholds in expectation.

        Not the row with the most mass: one large town may stand alone among likelier neighbours.
        """
        rows = _heaviest(mass, HEAVIEST)
        centres = rows[_heaviest(inside[rows], CENTRES)]
        if not len(centres):
            return int(inside.argmax())
        cosine = self.places.unit[centres] @ self.places.unit[rows].T
        met = np.zeros(cosine.shape, np.float32)
        for km in SCORED_RADII_KM:
            met += cosine >= cosine_of_km(km)
        return int(centres[int((met @ mass[rows]).argmax())])

    def _level(
        self, mass: Mass, row: int, cosine: Mass, countries: Mass, continents: Mass
    ) -> tuple[Level, float]:
        place = self.places.place(row)
        near = float(mass[cosine >= cosine_of_km(self.constants.city_radius_km)].sum())
        region = float(mass[self.places.region == self.places.region[row]].sum())
        country = float(countries[self.places.country[row]])
        continent = float(continents[self.places.continent[row]])
        beliefs = (
            (Level.CITY, near, place.city),
            (Level.REGION, region, place.region),
            (Level.COUNTRY, country, place.country),
            (Level.CONTINENT, continent, place.continent),
        )
        for level, belief, name in beliefs:
            if name and belief >= self._threshold(level):
                return level, min(belief, 1.0)
        return Level.NONE, min(country, 1.0)

    def radii_km(self, mass: Mass, cosine: Mass, shares: Sequence[float]) -> tuple[float, ...]:
        """For each share the smallest circle around a point that holds it of the mass, widened.

        `cosine`: float32 [len(places)], of the angle between each row and the point.
        """
        km = km_of_cosine(cosine)
        bins = (np.sqrt(km) * np.float32(BINS_PER_ROOT_KM)).astype(np.int32)
        held = np.cumsum(np.bincount(bins, weights=mass))
        edges = np.searchsorted(held, np.asarray(shares) * held[-1]) + 1
        radii_km = (edges / BINS_PER_ROOT_KM) ** 2 * self.radius_factor
        half_way_round_km = np.pi * EARTH_RADIUS_KM
        return tuple(np.clip(radii_km, self.constants.min_radius_km, half_way_round_km).tolist())

    def _candidates(
        self, mass: Mass, row: int, level: Level, countries: Mass
    ) -> tuple[Candidate, ...]:
        """Towns while the belief is that fine, else countries; the best first."""
        if level in (Level.CITY, Level.REGION):
            return self._towns(mass, row)
        return self._countries(mass, row, countries)

    def _towns(self, mass: Mass, row: int) -> tuple[Candidate, ...]:
        left = mass.copy()
        found: list[Candidate] = []
        near = cosine_of_km(self.constants.city_radius_km)
        while len(found) < self.top_k:
            circle = self.places.unit @ self.places.unit[row] >= near
            probability = float(left[circle].sum())
            if probability <= 0:
                break
            place = self.places.place(row)
            found.append(Candidate(place, place.point, min(probability, 1.0)))
            left[circle] = 0
            row = int(left.argmax())
        return tuple(found)

    def _countries(self, mass: Mass, row: int, countries: Mass) -> tuple[Candidate, ...]:
        """The country of the point first, so that the first candidate is the row's answer."""
        own = int(self.places.country[row])
        others = [int(i) for i in np.argsort(-countries)[: self.top_k] if i != own]
        found: list[Candidate] = []
        for index in [own, *others][: self.top_k]:
            if countries[index] <= 0:
                break
            rows = np.flatnonzero(self.places.country == index)
            best = row if index == own else int(rows[mass[rows].argmax()])
            at = self.places.place(best)
            place = Place(at.point, at.country_code, at.country, continent=at.continent)
            found.append(Candidate(place, at.point, min(float(countries[index]), 1.0)))
        return tuple(found)


class Parts:
    """The rows of each country on each continent (Russia has two such parts), summed quickly."""

    def __init__(self, places: Places) -> None:
        key = places.country.astype(np.intp) * len(places.continent_names) + places.continent
        self._order = np.argsort(key, kind="stable")
        found, self._starts = np.unique(key[self._order], return_index=True)
        self.country = found // len(places.continent_names)
        self.continent = found % len(places.continent_names)
        self._counts = len(places.country_codes), len(places.continent_names)

    def sums(self, mass: Mass) -> Mass:
        """float32 [parts]."""
        return np.add.reduceat(mass[self._order], self._starts)

    def countries(self, parts: Mass) -> Mass:
        """float32 [len(country_codes)]."""
        return sums(parts, self.country, self._counts[0])

    def continents(self, parts: Mass) -> Mass:
        """float32 [len(continent_names)]."""
        return sums(parts, self.continent, self._counts[1])


def _heaviest(mass: Mass, count: int) -> NDArray[np.intp]:
    if count >= len(mass):
        return np.flatnonzero(mass > 0)
    rows = np.argpartition(mass, -count)[-count:]
    return rows[mass[rows] > 0]
