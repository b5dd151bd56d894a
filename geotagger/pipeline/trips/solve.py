"""Where the photos of one sequence were taken, all together, and what that says about each.

First the countries, then the regions of the likely countries, then the towns around known
positions.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from geotagger.evidence.camera_gps import FLOOR, MAX_GAP_HOURS, gap_text
from geotagger.pipeline.trips.chain import (
    COUNTRY_NEAR_KM,
    COUNTRY_STAYS,
    REGION_NEAR_KM,
    REGION_STAYS,
    Moves,
    Smoothed,
    smooth,
)
from geotagger.pipeline.trips.damping import (
    TRIP_GAP_HOURS,
    TripConstants,
    camera_bias,
    picture_weights,
    sign_weights,
)
from geotagger.pipeline.trips.observe import MEASURED, reach_of
from geotagger.pipeline.trips.ratios import countries_of, regions_of
from geotagger.types import Evidence, SourceKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from geotagger.fusion.decide import Fusion
    from geotagger.fusion.mass import ProbabilityMass
    from geotagger.pipeline.trips.areas import Areas
    from geotagger.types import AreaRatios, Moment, Observation

LIKELY_COUNTRY = 0.25
"""Regions are looked at in countries that have this probability, on average over the sequence."""
MOSTLY = 0.5
"""A trip is mostly in a country that has this probability, on average over its photos."""
NEGLIGIBLE = 0.02
"""Evidence that changes the log-likelihood of no country by more than this is none."""
NAMES_TRUST = 0.7
"""Probability that photos whose names have consecutive numbers were taken in that order, on one
trip. A guess."""

MIN_STAY = 0.05
"""A photo is named as a reason if the camera may still have been in its country: for a month."""
MIN_VALIDITY = 0.5
"""A sign that is less probably right gives its neighbours no town."""


@dataclass(frozen=True, slots=True)
class Case:
    """What a sequence says if its pictures can be trusted, or if they mislead together."""

    probability: float
    weights: NDArray[np.float64] | None
    """[n] of each picture, 0 to 1; None if the pictures do not count."""
    countries: Smoothed
    regions: Mapping[int, Smoothed] = field(default_factory=dict)
    """Index of a likely country -> its regions."""


@dataclass(frozen=True, slots=True)
class Trip:
    """A sequence whose places were estimated together."""

    photos: Sequence[Observation]
    """In order of time."""
    gaps_hours: Sequence[float]
    """[n - 1] between one photo and the next."""
    bias: NDArray[np.float64]
    """[C], what all its pictures say alike and that is taken for an error."""
    sign_weights: NDArray[np.float64]
    """[n], 0 to 1."""
    cases: Sequence[Case]
    """Their probabilities sum to 1."""
    validity: NDArray[np.float64]
    """[n], probability that a sign was taken where it says, by all the others; 1 without a sign."""

    def countries(self) -> NDArray[np.float64]:
        """The probability of each country for each photo, from all photos, [n, C]."""
        return sum(
            (case.probability * case.countries.posteriors for case in self.cases),
            start=np.zeros(()),
        )


class _Placed(NamedTuple):
    """A photo near another one in time, whose position is known."""

    photo: Observation
    gap_hours: float
    certainty: float
    """Probability that its position is right."""


class SequenceSolver:
    """Smooths sequences, and words what they say about each of their photos."""

    def __init__(self, fusion: Fusion, areas: Areas, constants: TripConstants) -> None:
        self._fusion = fusion
        self._areas = areas
        self._constants = constants
        self._region_moves: dict[int, Moves] = {}

    @cached_property
    def _country_moves(self) -> Moves:
        return Moves(
            self._areas.country_prior,
            self._areas.country_distances_km(),
            COUNTRY_STAYS,
            COUNTRY_NEAR_KM,
        )

    def solve(self, observations: Sequence[Observation]) -> Trip:
        """Estimates where the photos of a sequence were taken, from all of them."""
        trip = self.solve_countries(observations)
        likely = np.flatnonzero(trip.countries().mean(axis=0) >= LIKELY_COUNTRY).tolist()
        cases = [
            replace(
                case, regions={country: self._regions(trip, case, country) for country in likely}
            )
            for case in trip.cases
        ]
        return replace(trip, cases=cases)

    def solve_countries(self, observations: Sequence[Observation]) -> Trip:
        """The same without the regions inside the countries."""
        photos = sorted(observations, key=lambda photo: photo.moment.at_s)
        at_hours = np.array([photo.moment.at_s for photo in photos]) / 3600
        bias, weights = self._pictures(photos, at_hours)
        words = [None if photo.words in MEASURED else photo.words or None for photo in photos]
        trip = Trip(
            photos,
            np.diff(at_hours).tolist(),
            bias,
            sign_weights(words, at_hours),
            cases=(),
            validity=np.ones(len(photos)),
        )
        mislead = self._constants.pictures_mislead_probability
        cases = [self._case(trip, 1 - mislead, weights), self._case(trip, mislead, None)]
        trip = replace(trip, cases=cases)
        return replace(trip, validity=self._validity(trip))

    def _pictures(
        self, photos: Sequence[Observation], at_hours: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The bias [C] of the pictures of a sequence, and their weights [n]."""
        weights = np.ones(len(photos))
        found = [(row, photo.picture) for row, photo in enumerate(photos) if photo.picture]
        if not found:
            return np.zeros(self._areas.country_count), weights
        rows = [row for row, _ in found]
        ratios = np.stack([countries_of(picture) for _, picture in found])
        bias = camera_bias(ratios, at_hours[rows], self._constants)
        weights[rows] = picture_weights(
            ratios - bias, self._areas.country_prior, at_hours[rows], self._constants
        )
        return bias, weights

    def _case(self, trip: Trip, probability: float, weights: NDArray[np.float64] | None) -> Case:
        emissions = self._emissions(
            trip, weights, countries_of, self._areas.country_count, trip.bias
        )
        return Case(probability, weights, smooth(self._country_moves, emissions, trip.gaps_hours))

    def _regions(self, trip: Trip, case: Case, country: int) -> Smoothed:
        moves = self._moves_inside(country)
        inside = partial(self._inside, country=country)
        emissions = self._emissions(trip, case.weights, inside, len(moves.prior))
        return smooth(moves, emissions, trip.gaps_hours)

    def _validity(self, trip: Trip) -> NDArray[np.float64]:
        validity = np.ones(len(trip.photos))
        for index, photo in enumerate(trip.photos):
            if photo.sign is not None and photo.words not in MEASURED:
                others = np.exp(self.country_ratios(trip, index)) * self._areas.country_prior
                outliers = self._sign_outliers(photo)
                fits = (1 - outliers) * float(others @ np.exp(countries_of(photo.sign)))
                validity[index] = fits / (fits + outliers)
        return validity

    def evidence(
        self, trip: Trip, photo: Observation, near_gps: Evidence | None
    ) -> Evidence | None:
        """What the other photos say about one.

        Args:
            trip: the sequence of the photo.
            photo: one of the trip.
            near_gps: what GPS nearby in time says, if there is some. It is more precise than the
                trip, which remains for the case that it is wrong.

        Returns:
            None if they say nothing.
        """
        index = next((i for i, other in enumerate(trip.photos) if other is photo), None)
        if index is None:
            return near_gps
        by_area = self._by_area(trip, index)
        near = self._near(trip, index)
        if near_gps is None and not near and np.abs(by_area).max() < NEGLIGIBLE:
            return None
        log_ratios = self._areas.spread(by_area)
        if near_gps is not None:
            return replace(
                near_gps,
                log_likelihood=self._mixed(near_gps.log_likelihood, 1 - FLOOR, log_ratios),
            )
        if near:
            log_ratios = self._at_positions(near, log_ratios)
        return Evidence(SourceKind.ALBUM, 1.0, self._sentence(trip, index), log_ratios)

    def _emissions(
        self,
        trip: Trip,
        weights: NDArray[np.float64] | None,
        values: Callable[[AreaRatios], NDArray[np.float64]],
        width: int,
        bias: NDArray[np.float64] | float = 0.0,
    ) -> NDArray[np.float64]:
        """Log-likelihoods [n, K]: pictures by their weight, signs and positions in full.

        Args:
            trip: the sequence.
            weights: [n] of the pictures; None if they do not count.
            values: takes the K ratios from those of all areas.
            width: K.
            bias: [K], what the pictures say too much.
        """
        outliers = self._constants.picture_outlier_probability
        emissions = np.zeros((len(trip.photos), width))
        for index, photo in enumerate(trip.photos):
            if photo.picture is not None and weights is not None:
                emissions[index] += weights[index] * _robust(values(photo.picture) - bias, outliers)
            if photo.sign is not None:
                said = _robust(values(photo.sign), self._sign_outliers(photo))
                emissions[index] += trip.sign_weights[index] * said
        return emissions

    def _sign_outliers(self, photo: Observation) -> float:
        if photo.words in MEASURED:
            return FLOOR
        if photo.point is not None:
            return self._constants.town_sign_outlier_probability
        return self._constants.sign_outlier_probability

    def _inside(self, ratios: AreaRatios, country: int) -> NDArray[np.float64]:
        return regions_of(ratios)[self._areas.inside(country)]

    def _moves_inside(self, country: int) -> Moves:
        if country not in self._region_moves:
            self._region_moves[country] = Moves(
                self._areas.prior[self._areas.inside(country)],
                self._areas.region_distances_km(country),
                REGION_STAYS,
                REGION_NEAR_KM,
            )
        return self._region_moves[country]

    def country_ratios(self, trip: Trip, index: int) -> NDArray[np.float64]:
        """Log-likelihood ratio of each country from the other photos, [C]."""
        prior = self._areas.country_prior
        return _mixture(
            prior, [(c.probability, self._by_country(trip, c, index)) for c in trip.cases]
        )

    def _by_country(self, trip: Trip, case: Case, index: int) -> NDArray[np.float64]:
        """The same in one case, up to a constant.

        The photo's own picture shares its errors with the others, so it also counts by its weight
        alone: what it says too much is taken back here.
        """
        own = trip.photos[index].picture
        ratios: NDArray[np.float64] = case.countries.log_ratios[index]
        if own is not None and case.weights is not None:
            ratios = ratios - (1 - case.weights[index]) * (countries_of(own) - trip.bias)
        return ratios

    def _by_area(self, trip: Trip, index: int) -> NDArray[np.float64]:
        """Log-likelihood ratio of each area from the other photos, [A]."""
        cases = [(case.probability, self._areas_in(trip, case, index)) for case in trip.cases]
        by_area = _mixture(self._areas.prior, cases)
        if not trip.photos[index].moment.by_clock:
            by_area = np.log(NAMES_TRUST * np.exp(by_area) + 1 - NAMES_TRUST)
        return by_area

    def _areas_in(self, trip: Trip, case: Case, index: int) -> NDArray[np.float64]:
        """The same in one case, up to a constant."""
        own = trip.photos[index].picture
        by_area: NDArray[np.float64]
        by_area = self._by_country(trip, case, index)[self._areas.country]
        for country, smoothed in case.regions.items():
            inside = self._areas.inside(country)
            by_area[inside] += smoothed.log_ratios[index]
            if own is not None and case.weights is not None:
                by_area[inside] -= (1 - case.weights[index]) * self._inside(own, country)
        return by_area

    def _near(self, trip: Trip, index: int) -> list[_Placed]:
        """The nearest photo before and after with a known position, within the largest gap."""
        own = trip.photos[index].moment
        found = []
        for direction in (range(index - 1, -1, -1), range(index + 1, len(trip.photos))):
            row = next((row for row in direction if _is_placed(trip, row)), None)
            if row is None or not own.by_clock:
                continue
            other = trip.photos[row]
            gap_hours = _gap_hours(own, other.moment)
            if gap_hours <= MAX_GAP_HOURS:
                found.append(_Placed(other, gap_hours, other.certainty * trip.validity[row]))
        return found

    def _at_positions(
        self, near: Sequence[_Placed], log_ratios: ProbabilityMass
    ) -> ProbabilityMass:
        """Refines what the trip says by the positions before and after."""
        logs = np.zeros_like(log_ratios)
        for other, gap_hours, _ in near:
            assert other.point is not None
            logs += np.log(reach_of(self._fusion, other.point, gap_hours, other.error_km))
        logs /= np.sqrt(len(near))  # the two ends of one gap are not independent
        closest = min(near, key=lambda placed: placed.gap_hours)
        return self._mixed(logs, closest.certainty, log_ratios)

    def _mixed(
        self, precise: ProbabilityMass, certainty: float, otherwise: ProbabilityMass
    ) -> ProbabilityMass:
        """Log-likelihood ratios: one of two holds, the first with this probability."""
        prior = np.exp(self._fusion.log_prior)
        ratios = np.exp(precise - precise.max())
        ratios *= np.float32(certainty) / np.float32(prior @ ratios)
        ratios += np.float32(1 - certainty) * np.exp(otherwise)
        mixed: ProbabilityMass = np.log(ratios)
        return mixed

    def _sentence(self, trip: Trip, index: int) -> str:
        """For example `trip: 38 photos of 2 days, mostly Georgia; b.jpg, 5 min apart, has GPS`."""
        photo, members = trip.photos[index], trip_around(trip.photos, index)
        size = _size(trip.photos, members, index)
        mass = trip.countries()[members].mean(axis=0)
        best = int(mass.argmax())
        name, share = self._fusion.places.country_names[best], float(mass[best])
        where = f"mostly {name}" if share >= MOSTLY else f"perhaps {name} ({100 * share:.0f} %)"
        text = f"trip: {size}, {where}"
        told = [
            other
            for other in _told(trip.photos[members], photo) or _told(trip.photos, photo)
            if COUNTRY_STAYS.probability(_gap_hours(other.moment, photo.moment)) >= MIN_STAY
        ]
        if not told:
            return text
        closest = min(told, key=lambda other: _gap_hours(other.moment, photo.moment))
        gap = gap_text(_gap_hours(closest.moment, photo.moment))
        apart = f", {gap} apart" if photo.moment.by_clock else ""
        return f"{text}; {closest.name}{apart}, {closest.words}"


def _told(photos: Sequence[Observation], photo: Observation) -> list[Observation]:
    """The others that words or a position place."""
    return [other for other in photos if other.words and other is not photo]


def _is_placed(trip: Trip, row: int) -> bool:
    """Whether a photo has a position that is probably right."""
    return trip.photos[row].point is not None and trip.validity[row] >= MIN_VALIDITY


def _robust(ratios: NDArray[np.float64], outliers: float) -> NDArray[np.float64]:
    """Log-likelihood ratios of something that says nothing with a probability."""
    logs: NDArray[np.float64] = np.log((1 - outliers) * np.exp(ratios) + outliers)
    return logs


def _mixture(
    prior: NDArray[np.float64], cases: Sequence[tuple[float, NDArray[np.float64]]]
) -> NDArray[np.float64]:
    """The log-likelihood ratios [K] if one of some cases holds, with these probabilities.

    Their probabilities are given, and do not change with how well a case fits what was seen.
    """
    ratios = np.zeros(len(prior))
    for probability, logs in cases:
        own = np.exp(logs - logs.max())
        ratios += probability / (prior @ own) * own
    mixed: NDArray[np.float64] = np.log(ratios)
    return mixed


def _size(photos: Sequence[Observation], members: slice, index: int) -> str:
    """How many photos a trip has, of how many days."""
    count, own = members.stop - members.start, photos[index].moment
    if count == 1:
        nearest = min(_gap_hours(own, other.moment) for other in photos if other.moment != own)
        return f"photos of the same camera, the nearest {gap_text(nearest)} apart"
    if not own.by_clock:
        return f"{count} photos in the order of their file names"
    days = len({int(other.moment.at_s // 86400) for other in photos[members]})
    return f"{count} photos of {days} day{'s' * (days > 1)}"


def trip_around(photos: Sequence[Observation], index: int) -> slice:
    """The photos around one without a gap of more than `TRIP_GAP_HOURS`.

    Args:
        photos: in order of time.
        index: one of them.
    """
    first = last = index
    while first and _gap_hours(photos[first - 1].moment, photos[first].moment) <= TRIP_GAP_HOURS:
        first -= 1
    end = len(photos) - 1
    while last < end and _gap_hours(photos[last].moment, photos[last + 1].moment) <= TRIP_GAP_HOURS:
        last += 1
    return slice(first, last + 1)


def _gap_hours(one: Moment, other: Moment) -> float:
    return abs(one.at_s - other.at_s) / 3600
