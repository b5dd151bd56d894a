"""Where the photos of one sequence were taken, all together, and what that says about each.

First the countries, then the regions of the likely countries, then the towns around known
positions.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

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
from geotagger.pipeline.trips.damping import TripConstants, picture_weights
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
TRIP_GAP_HOURS = 48.0
"""A longer time without a photo ends a trip; photos beyond it count, but are not of this trip."""
MOSTLY = 0.5
"""A trip is mostly in a country that has this probability, on average over its photos."""
NEGLIGIBLE = 0.02
"""Evidence that changes the log-likelihood of no country by more than this is none."""
NAMES_TRUST = 0.7
"""Probability that photos whose names have consecutive numbers were taken in that order, on one
trip. A guess."""


@dataclass(frozen=True, slots=True)
class Trip:
    """A sequence whose places were estimated together."""

    photos: Sequence[Observation]
    """In order of time."""
    gaps_hours: Sequence[float]
    """[n - 1] between one photo and the next."""
    weights: NDArray[np.float64]
    """[n] of each picture, 0 to 1; 1 without a picture."""
    countries: Smoothed
    regions: Mapping[int, Smoothed] = field(default_factory=dict)
    """Index of a likely country -> its regions."""


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
        mass = trip.countries.posteriors.mean(axis=0)
        likely = np.flatnonzero(mass >= LIKELY_COUNTRY).tolist()
        return replace(trip, regions={country: self._regions(trip, country) for country in likely})

    def solve_countries(self, observations: Sequence[Observation]) -> Trip:
        """The same without the regions inside the countries."""
        photos = sorted(observations, key=lambda photo: photo.moment.at_s)
        at_hours = np.array([photo.moment.at_s for photo in photos]) / 3600
        gaps_hours = np.diff(at_hours).tolist()
        weights = self._picture_weights(photos, at_hours)
        emissions = self._emissions(photos, weights, countries_of, self._areas.country_count)
        countries = smooth(self._country_moves, emissions, gaps_hours)
        return Trip(photos, gaps_hours, weights, countries)

    def _regions(self, trip: Trip, country: int) -> Smoothed:
        moves = self._moves_inside(country)
        inside = partial(self._inside, country=country)
        emissions = self._emissions(trip.photos, trip.weights, inside, len(moves.prior))
        return smooth(moves, emissions, trip.gaps_hours)

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
            log_ratios = self._at_positions(near, photo, log_ratios)
        return Evidence(SourceKind.ALBUM, 1.0, self._sentence(trip, index), log_ratios)

    def _picture_weights(
        self, photos: Sequence[Observation], at_hours: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        weights = np.ones(len(photos))
        found = [(i, photo.picture) for i, photo in enumerate(photos) if photo.picture]
        if found:
            rows = [i for i, _ in found]
            ratios = np.stack([countries_of(picture) for _, picture in found])
            weights[rows] = picture_weights(
                ratios, self._areas.country_prior, at_hours[rows], self._constants
            )
        return weights

    def _emissions(
        self,
        photos: Sequence[Observation],
        weights: NDArray[np.float64],
        values: Callable[[AreaRatios], NDArray[np.float64]],
        width: int,
    ) -> NDArray[np.float64]:
        """Log-likelihoods [n, K]: pictures by their weight, signs and positions in full.

        Args:
            photos, weights: those of the trip.
            values: takes the K ratios from those of all areas.
            width: K.
        """
        constants = self._constants
        same_sign = Counter(map(_sign_of, photos))
        emissions = np.zeros((len(photos), width))
        for row, photo, weight in zip(emissions, photos, weights, strict=True):
            for ratios, outliers, share in (
                (photo.picture, constants.picture_outlier_probability, weight),
                # one sign that was photographed five times is one sign
                (photo.sign, self._sign_outliers(photo), 1 / same_sign[_sign_of(photo)]),
            ):
                if ratios is not None:
                    row += share * np.log((1 - outliers) * np.exp(values(ratios)) + outliers)
        return emissions

    def _sign_outliers(self, photo: Observation) -> float:
        return FLOOR if photo.words in MEASURED else self._constants.sign_outlier_probability

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

    def _by_area(self, trip: Trip, index: int) -> NDArray[np.float64]:
        """Log-likelihood ratio of each area from the other photos, [A].

        The photo's own picture shares its errors with the others, so it also counts by its weight
        alone: what it says too much is taken back here.
        """
        photo, rest = trip.photos[index], 1 - trip.weights[index]
        own = photo.picture
        countries = trip.countries.log_ratios[index].copy()
        if own is not None:
            countries -= rest * countries_of(own)
        by_area: NDArray[np.float64] = countries[self._areas.country]
        for country, smoothed in trip.regions.items():
            inside = self._areas.inside(country)
            by_area[inside] += smoothed.log_ratios[index]
            if own is not None:
                by_area[inside] -= rest * self._inside(own, country)
        by_area -= np.log(self._areas.prior @ np.exp(by_area))
        if not photo.moment.by_clock:
            by_area = np.log(NAMES_TRUST * np.exp(by_area) + 1 - NAMES_TRUST)
        return by_area

    def _near(self, trip: Trip, index: int) -> list[Observation]:
        """The nearest photo before and after with a known position, within the largest gap."""
        own = trip.photos[index].moment
        found = []
        for direction in (trip.photos[:index][::-1], trip.photos[index + 1 :]):
            placed = next((other for other in direction if other.point is not None), None)
            if placed and own.by_clock and _gap_hours(own, placed.moment) <= MAX_GAP_HOURS:
                found.append(placed)
        return found

    def _at_positions(
        self, near: Sequence[Observation], photo: Observation, log_ratios: ProbabilityMass
    ) -> ProbabilityMass:
        """Refines what the trip says by the positions before and after."""
        logs = np.zeros_like(log_ratios)
        for other in near:
            assert other.point is not None
            gap_hours = _gap_hours(other.moment, photo.moment)
            logs += np.log(reach_of(self._fusion, other.point, gap_hours, other.error_km))
        logs /= np.sqrt(len(near))  # the two ends of one gap are not independent
        closest = min(near, key=lambda other: _gap_hours(other.moment, photo.moment))
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
        mass = trip.countries.posteriors[members].mean(axis=0)
        best = int(mass.argmax())
        name, share = self._fusion.places.country_names[best], float(mass[best])
        where = f"mostly {name}" if share >= MOSTLY else f"perhaps {name} ({100 * share:.0f} %)"
        text = f"trip: {size}, {where}"
        told = [other for other in trip.photos[members] if other.words and other is not photo]
        if not told:
            return text
        closest = min(told, key=lambda other: _gap_hours(other.moment, photo.moment))
        gap = gap_text(_gap_hours(closest.moment, photo.moment))
        apart = f", {gap} apart" if photo.moment.by_clock else ""
        return f"{text}; {closest.name}{apart}, {closest.words}"


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


def _sign_of(photo: Observation) -> tuple[object, ...]:
    """Equal for photos that show the same sign: the same words in the same hour."""
    return photo.words, photo.name if photo.words in MEASURED else int(photo.moment.at_s // 3600)


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
