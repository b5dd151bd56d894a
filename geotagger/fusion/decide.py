"""From evidence to a prediction: point, level, radius and candidates, read off the posterior."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from geotagger.fusion.mass import CountryParts, ProbabilityMass, heaviest_rows
from geotagger.fusion.measured import finest_level, most_precise
from geotagger.fusion.named_town import named_town
from geotagger.fusion.posterior import (
    downweight_vision,
    downweight_vision_beside_sight,
    posterior_mass,
)
from geotagger.fusion.prior import Constants, log_prior
from geotagger.geography.places import Places
from geotagger.geography.sphere import (
    EARTH_RADIUS_KM,
    cosine_of_km,
    km_of_cosine,
    unit_vectors,
)
from geotagger.reasons import Reason, ReasonCode
from geotagger.types import (
    Candidate,
    Evidence,
    Level,
    MeasuredPosition,
    Outcome,
    PhotoEvidence,
    Place,
    Prediction,
    SourceNote,
    Status,
)

SCORED_RADII_KM = (5.0, 25.0, 200.0, 750.0, 2500.0)
"""Distance thresholds by which a point is scored (Hays & Efros 2008, Im2GPS). Theirs starts at
1 km; here a row stands for a town and the land around it."""

SCORED_ROWS = 1024
"""Rows with the most mass that count when points are scored."""
POINT_ROWS = 64
"""Rows among those that are tried as the point."""
BINS_PER_ROOT_KM = 8.0
"""Distances are binned by the square root of their km: 1 km wide at 16 km, 25 km at 10,000 km."""


class Fusion:
    """Fuses evidence into a prediction.

    Attributes:
        places: the table that all evidence is about.
        constants: the fitted constants.
        log_prior: float32 [len(places)], natural logarithm; -inf for rows that are excluded.
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
        """
        Args:
            places: the places table.
            constants: default: those that come with the program.
            top_k: number of candidates in a prediction.
            min_confidence: replaces the threshold of every level.
            radius_factor: multiplies the radius (conformal factor of the model card).
            within: bool [len(places)]; rows outside are impossible.
        """
        self.places = places
        self.constants = constants or Constants.load()
        self.top_k = top_k
        self.min_confidence = min_confidence
        self.radius_factor = radius_factor
        self._parts = CountryParts(places)
        self.log_prior = log_prior(places, self.constants)
        if within is not None:
            self.log_prior = np.where(within, self.log_prior, -np.inf).astype(np.float32)

    def posterior(self, evidence: Sequence[Evidence]) -> ProbabilityMass:
        """Posterior mass, float32 [len(places)]. Vision counts less next to text and sights."""
        constants = self.constants
        evidence = downweight_vision(evidence, constants.vision_weight_beside_text)
        evidence = downweight_vision_beside_sight(evidence, constants.vision_weight_beside_sight)
        return posterior_mass(self.log_prior, evidence)

    def decide(self, evidence: Sequence[Evidence]) -> Prediction:
        """The prediction that the evidence supports. Takes about a millisecond."""
        measured = most_precise(evidence)
        if measured is not None and measured.measured is not None:
            return self._at_measured(measured.source, measured.measured, evidence)
        mass = self.posterior(evidence)
        part_mass = self._parts.sum(mass)
        countries = self._parts.by_country(part_mass)
        continents = self._parts.by_continent(part_mass)
        named_country = self._named_country(part_mass, countries, continents)
        row = self._best_row(mass, np.where(self.places.country == named_country, mass, 0))
        place = self.places.place(row)
        level, confidence = self._level(mass, row, place, countries, continents)
        towns = [town for item in evidence for town in item.named_towns]
        if towns and level is Level.CITY:
            row, place = named_town(self.places, mass, self.log_prior, row, towns)
            level, confidence = self._level(mass, row, place, countries, continents)
            place = place if level is Level.CITY else self.places.place(row)
        cosine = self.places.unit @ unit_vectors(place.point.lat, place.point.lon)
        return Prediction(
            point=place.point,
            place=place,
            level=level,
            confidence=confidence,
            radius_km=self.radii_km(mass, cosine, (self.constants.coverage,))[0],
            candidates=self._candidates(mass, row, place, level, countries),
            attributes=_attributes(evidence),
            evidence=_notes(evidence, row),
        )

    def _at_measured(
        self, source: str, measured: MeasuredPosition, evidence: Sequence[Evidence]
    ) -> Prediction:
        """The measured position, with the probability that all evidence gives to its names."""
        point = measured.point
        place = self.places.name(point.lat, point.lon)
        row = int(self.places.nearest_rows(point.lat, point.lon)[0])
        mass = self.posterior(evidence)
        part_mass = self._parts.sum(mass)
        countries = self._parts.by_country(part_mass)
        continents = self._parts.by_continent(part_mass)
        level = finest_level(place)
        finest = Level.CITY if level is Level.NONE else level
        confidence = min(self._probabilities(mass, row, countries, continents)[finest], 1.0)
        return Prediction(
            point=point,
            place=place,
            level=level,
            confidence=confidence,
            radius_km=measured.radius_km,
            candidates=(Candidate(place, point, confidence),),
            attributes=_attributes(evidence),
            evidence=_notes(evidence, row),
            measured_by=source,
        )

    def radii_km(
        self, mass: ProbabilityMass, cosine: ProbabilityMass, shares: Sequence[float]
    ) -> tuple[float, ...]:
        """For each share, the radius of the circle that holds it, times `radius_factor`.

        Args:
            mass: posterior, float32 [len(places)].
            cosine: float32 [len(places)], of the angle between each row and the centre.
            shares: shares of the mass, 0 to 1.

        Returns:
            Radii in km, at least `min_radius_km`, at most half the Earth's circumference.
        """
        km = km_of_cosine(cosine)
        bins = (np.sqrt(km) * np.float32(BINS_PER_ROOT_KM)).astype(np.int32)
        cumulative = np.cumsum(np.bincount(bins, weights=mass))
        edges = np.searchsorted(cumulative, np.asarray(shares) * cumulative[-1]) + 1
        radii_km = (edges / BINS_PER_ROOT_KM) ** 2 * self.radius_factor
        farthest_km = np.pi * EARTH_RADIUS_KM
        return tuple(np.clip(radii_km, self.constants.min_radius_km, farthest_km).tolist())

    def _named_country(
        self, part_mass: ProbabilityMass, countries: ProbabilityMass, continents: ProbabilityMass
    ) -> int:
        """Index of the country to name.

        Its continent counts too: one large country may outweigh each of many small ones on another
        continent, and would then be on the wrong continent more often than not. A continent with
        more than half of the mass always contains the named country.
        """
        on_continent = continents[self._parts.continent]
        score = countries[self._parts.country] + self.constants.continent_share * on_continent
        possible = part_mass > 0
        if on_continent.max() > 0.5:
            possible &= on_continent == on_continent.max()
        return int(self._parts.country[np.where(possible, score, 0).argmax()])

    def _best_row(self, mass: ProbabilityMass, inside: ProbabilityMass) -> int:
        """The row that meets the most distance thresholds in expectation.

        This is not always the row with the most mass: one large town may have unlikely neighbours.

        Args:
            mass: posterior, float32 [len(places)].
            inside: the same, 0 outside the named country.
        """
        rows = heaviest_rows(mass, SCORED_ROWS)
        points = rows[heaviest_rows(inside[rows], POINT_ROWS)]
        if not len(points):
            return int(inside.argmax())
        cosine = self.places.unit[points] @ self.places.unit[rows].T
        thresholds_met = np.zeros(cosine.shape, np.float32)
        for km in SCORED_RADII_KM:
            thresholds_met += cosine >= cosine_of_km(km)
        return int(points[int((thresholds_met @ mass[rows]).argmax())])

    def _level(
        self,
        mass: ProbabilityMass,
        row: int,
        place: Place,
        countries: ProbabilityMass,
        continents: ProbabilityMass,
    ) -> tuple[Level, float]:
        """The finest level whose probability reaches its threshold, and that probability.

        `row` stands for `place` and the land around it.
        """
        names = (place.city, place.region, place.country, place.continent)
        probabilities = self._probabilities(mass, row, countries, continents)
        for (level, probability), name in zip(probabilities.items(), names, strict=True):
            if name and probability >= self._threshold(level):
                return level, min(probability, 1.0)
        return Level.NONE, min(probabilities[Level.COUNTRY], 1.0)

    def _probabilities(
        self,
        mass: ProbabilityMass,
        row: int,
        countries: ProbabilityMass,
        continents: ProbabilityMass,
    ) -> dict[Level, float]:
        """The probability of a row's place at each level, the finest first."""
        cosine = self.places.unit @ self.places.unit[row]
        return {
            Level.CITY: float(mass[cosine >= cosine_of_km(self.constants.city_radius_km)].sum()),
            Level.REGION: float(mass[self.places.region == self.places.region[row]].sum()),
            Level.COUNTRY: float(countries[self.places.country[row]]),
            Level.CONTINENT: float(continents[self.places.continent[row]]),
        }

    def _threshold(self, level: Level) -> float:
        if self.min_confidence is not None:
            return self.min_confidence
        return self.constants.thresholds[level]

    def _candidates(
        self,
        mass: ProbabilityMass,
        row: int,
        place: Place,
        level: Level,
        countries: ProbabilityMass,
    ) -> tuple[Candidate, ...]:
        """The best first: towns if the level is region or city, otherwise countries."""
        if level in (Level.CITY, Level.REGION):
            return self._town_candidates(mass, row, place)
        return self._country_candidates(mass, row, countries)

    def _town_candidates(
        self, mass: ProbabilityMass, row: int, place: Place
    ) -> tuple[Candidate, ...]:
        """`place` first, then the heaviest row outside the circles around those before it.

        `row` stands for `place` and the land around it.
        """
        rest = mass.copy()
        candidates: list[Candidate] = []
        near = cosine_of_km(self.constants.city_radius_km)
        while len(candidates) < self.top_k:
            circle = self.places.unit @ self.places.unit[row] >= near
            probability = float(rest[circle].sum())
            if probability <= 0:
                break
            candidates.append(Candidate(place, place.point, min(probability, 1.0)))
            rest[circle] = 0
            row = int(rest.argmax())
            place = self.places.place(row)
        return tuple(candidates)

    def _country_candidates(
        self, mass: ProbabilityMass, row: int, countries: ProbabilityMass
    ) -> tuple[Candidate, ...]:
        """The country of `row` first, so that the first candidate is the prediction itself."""
        own = int(self.places.country[row])
        others = [int(i) for i in np.argsort(-countries)[: self.top_k] if i != own]
        candidates: list[Candidate] = []
        for country in [own, *others][: self.top_k]:
            probability = float(countries[country])
            if probability <= 0:
                break
            rows = np.flatnonzero(self.places.country == country)
            best = row if country == own else int(rows[mass[rows].argmax()])
            town = self.places.place(best)
            place = Place(town.point, town.country_code, town.country, continent=town.continent)
            candidates.append(Candidate(place, town.point, min(probability, 1.0)))
        return tuple(candidates)


def _attributes(evidence: Sequence[Evidence]) -> tuple[tuple[str, str], ...]:
    return tuple(pair for item in evidence for pair in item.attributes)


def _notes(evidence: Sequence[Evidence], row: int) -> tuple[SourceNote, ...]:
    """What each source says, worded for the predicted row."""
    texts = ((item.source, item.reason_at(row)) for item in evidence)
    return tuple(SourceNote(source, text) for source, text in texts if text)


def predict(item: PhotoEvidence, fusion: Fusion) -> Outcome:
    """The outcome of a photo. One that failed or was skipped keeps its outcome."""
    outcome = item.outcome
    if outcome.status in (Status.FAILED, Status.SKIPPED):
        return outcome
    if not item.evidence:
        return replace(outcome, reasons=(*outcome.reasons, Reason(ReasonCode.NO_EVIDENCE)))
    prediction = fusion.decide(item.evidence)
    is_placed = prediction.level is not Level.NONE or prediction.measured_by
    status = Status.PREDICTED if is_placed else Status.UNSURE
    return replace(outcome, prediction=prediction, status=status)
