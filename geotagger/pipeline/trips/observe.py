"""A photo as evidence for its neighbours in time: its picture, its words, its position.

The clock and the names of folders are the same for all photos of a trip. They count in each photo's
own prediction and not here, where they would count once per photo. Words count if they name a
country by themselves; the same uncertain reading in forty photos would count forty times.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from geotagger.evidence.album_tree import error_km_of
from geotagger.evidence.camera_gps import FLOOR, reach
from geotagger.fusion.measured import most_precise
from geotagger.fusion.posterior import posterior_mass
from geotagger.geography.sphere import km_of_cosine, unit_vectors
from geotagger.pipeline.trips.areas import TINY
from geotagger.pipeline.trips.ratios import pack_ratios
from geotagger.pipeline.trips.sequence import moment_of
from geotagger.types import Level, Observation, PhotoEvidence, SourceKind, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geotagger.fusion.decide import Fusion
    from geotagger.fusion.mass import ProbabilityMass
    from geotagger.pipeline.trips.areas import Areas
    from geotagger.types import AreaRatios, Evidence, Outcome, Point

HAS_GPS, ON_TRACK = "has GPS", "is on a track"
MEASURED = (HAS_GPS, ON_TRACK)


class Observer:
    """Makes an `Observation` of each photo."""

    def __init__(self, fusion: Fusion, areas: Areas, *, use_gps: bool) -> None:
        """
        Args:
            fusion: prior and constants.
            areas: the graph that the observations are about.
            use_gps: whether measured positions are evidence for neighbours.
        """
        self._fusion = fusion
        self._areas = areas
        self._use_gps = use_gps
        self._baselines: dict[tuple[tuple[int, float], ...], NDArray[np.float64]] = {}

    def observe(self, item: PhotoEvidence) -> Observation | None:
        """The photo as evidence; None if it is in no sequence, or says nothing."""
        outcome = item.outcome
        moment = moment_of(outcome)
        if moment is None or outcome.status is Status.FAILED:
            return None
        found = Observation(outcome.photo.path.name, moment)
        found = self._with_words(self._with_picture(found, item.evidence), item.evidence)
        measured = most_precise(item.evidence)
        if measured is not None and measured.measured is not None:
            position = measured.measured
            return self._at(found, position.point, position.radius_km, ON_TRACK)
        return self._with_gps(found, outcome)

    def _with_picture(self, found: Observation, evidence: Sequence[Evidence]) -> Observation:
        """Adds the picture. That of a photo with telling words shows a sign, and little else."""
        pictures = [item for item in evidence if item.kind == SourceKind.VISION]
        if not pictures or any(item.kind == SourceKind.TEXT for item in evidence):
            return found
        mass = self._areas.sums(posterior_mass(self._fusion.log_prior, pictures))
        return replace(found, picture=self._ratios(mass, self._baseline(pictures)))

    def _with_words(self, found: Observation, evidence: Sequence[Evidence]) -> Observation:
        own = [item for item in evidence if item.kind in (SourceKind.TEXT, SourceKind.CLOCK)]
        if all(item.kind != SourceKind.TEXT for item in own):
            return found
        prediction = self._fusion.decide(own)
        if prediction.level in (Level.NONE, Level.CONTINENT):
            return found
        mass = self._areas.sums(self._fusion.posterior(own))
        in_town = prediction.level is Level.CITY
        return replace(
            found,
            sign=self._ratios(mass, self._areas.prior),
            words=prediction.evidence[0].text,
            point=prediction.point if in_town else None,
            certainty=prediction.confidence if in_town else 0.0,
        )

    def _with_gps(self, found: Observation, outcome: Outcome) -> Observation:
        metadata = outcome.metadata
        if not self._use_gps or metadata.gps is None or metadata.gps_is_prediction:
            return found
        return self._at(found, metadata.gps, error_km_of(metadata), HAS_GPS)

    def _at(self, found: Observation, point: Point, error_km: float, words: str) -> Observation:
        """Adds a measured position."""
        near = np.exp(self._fusion.log_prior) * reach_of(self._fusion, point, 0.0, error_km)
        mass = self._areas.sums((near / near.sum()).astype(np.float32))
        return replace(
            found,
            sign=self._ratios(mass, self._areas.prior),
            words=words,
            point=point,
            certainty=1 - FLOOR,
            error_km=error_km,
        )

    def _baseline(self, pictures: Sequence[Evidence]) -> NDArray[np.float64]:
        """What a picture that shows nothing would give, [A]."""
        key = tuple((id(item.baseline), item.weight) for item in pictures)
        if key not in self._baselines:
            empty = [
                replace(item, log_likelihood=item.baseline)
                for item in pictures
                if item.baseline is not None
            ]
            mass = posterior_mass(self._fusion.log_prior, empty)
            self._baselines[key] = self._areas.sums(mass)
        return self._baselines[key]

    def _ratios(self, mass: NDArray[np.float64], base: NDArray[np.float64]) -> AreaRatios:
        """Log-likelihood ratios of areas from their mass, [A], and what they have without it."""
        countries, base_countries = self._areas.by_country(mass), self._areas.by_country(base)
        by_country = np.log(countries / base_countries)
        regions = np.log(mass / base) - by_country[self._areas.country]
        return pack_ratios(by_country, regions)


def reach_of(fusion: Fusion, point: Point, gap_hours: float, error_km: float) -> ProbabilityMass:
    """How much likelier each place is, given where the camera was this time before or after.

    Args:
        fusion: has places and prior.
        point: where the camera was.
        gap_hours: the time.
        error_km: how far the point may be off.

    Returns:
        float32 [N], likelihood ratio: its mean under the prior is 1.
    """
    km = km_of_cosine(fusion.places.unit @ unit_vectors(point.lat, point.lon))
    density = reach(km, gap_hours, error_km)
    mean = float(np.exp(fusion.log_prior) @ density)
    return (density / max(mean, TINY)).astype(np.float32)
