"""Calibrates models on a user's own photos with measured GPS.

The photos of two days in three are fitted, those of the others tell what that is worth. Photos of
one day are alike, so they are never on both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from geotagger.cache.store import RunJournal
from geotagger.calibration.collect import (
    GpsPhoto,
    network_outputs,
    photos_with_gps,
    spread_over_days,
)
from geotagger.calibration.fit import (
    MAX_PHOTOS,
    WEIGHTS,
    CountryLikelihood,
    countries_and_weights,
    radius_factor,
)
from geotagger.calibration.stored import (
    CalibratedModel,
    HeldOutScores,
    UserCalibration,
    card_sha256,
    with_temperature,
)
from geotagger.errors import GeotaggerError, UsageError
from geotagger.evidence.vision import VisionSource
from geotagger.fusion.decide import Fusion
from geotagger.fusion.prior import Constants
from geotagger.geography.sphere import haversine_km
from geotagger.pipeline.setup import EvidenceSetup
from geotagger.vision.bundle.bundle import find_bundle, load_bundle

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geotagger.config import RunOptions
    from geotagger.geography.places import Places
    from geotagger.types import Evidence
    from geotagger.vision.bundle.bundle import ModelBundle

MIN_PHOTOS = 200
"""With fewer, the fit would follow chance."""
MIN_DAYS = 12
HELD_OUT_DAYS = 3
"""One day in so many is not fitted."""
MAX_HELD_OUT = 200
TEMPERATURES = (0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
BATCH_SIZE = 64


class _Model:
    """A model, and what its network computed for the photos."""

    def __init__(
        self,
        bundle: ModelBundle,
        source: VisionSource,
        outputs: Sequence[NDArray[np.float32]],
        options: RunOptions,
    ) -> None:
        self.bundle = bundle
        self._source = source
        self._outputs = outputs
        self._options = options

    def evidence(self, temperature: float, rows: NDArray[np.intp]) -> list[Evidence]:
        """The evidence on some photos at a further temperature, with the weight of the card."""
        source = VisionSource(
            with_temperature(self.bundle, temperature),
            self._source.places,
            device=self._options.device,
            batch_size=self._options.batch_size,
            threads=self._options.workers,
            name=self._source.name,
            outlier_probability=Constants.load().vision_outlier_probability,
            beside=self._source,
        )
        found: list[Evidence] = []
        for batch in np.array_split(rows, range(BATCH_SIZE, len(rows), BATCH_SIZE)):
            evidence = source.interpret([self._outputs[row] for row in batch])
            found += [item for item in evidence if item is not None]
        return found


class _Truth:
    """Where photos were taken, and how much each counts."""

    def __init__(self, photos: Sequence[GpsPhoto], places: Places) -> None:
        points = [photo.point for photo in photos]
        codes = [places.name(point.lat, point.lon).country_code for point in points]
        self.lat = np.array([point.lat for point in points])
        self.lon = np.array([point.lon for point in points])
        self.country, self.weight = countries_and_weights(codes, places)
        self.places = places

    def rows(self, rows: NDArray[np.intp]) -> _Truth:
        """That of some photos."""
        part = copy(self)
        for name in ("lat", "lon", "country", "weight"):
            setattr(part, name, getattr(self, name)[rows])
        return part

    def likelihood(self, evidence: Sequence[Sequence[Evidence]]) -> CountryLikelihood:
        """Of the true countries, given the evidence [models][photos]."""
        values = [[item.log_likelihood for item in of_model] for of_model in evidence]
        return CountryLikelihood(values, self.country, self.weight, self.places)

    def stretch(
        self, evidence: Sequence[Sequence[Evidence]], weights: Sequence[float], factor: float = 1.0
    ) -> list[float]:
        """Distance from the prediction to the true place / the radius, for each photo."""
        fusion = Fusion(self.places, radius_factor=factor)
        stretch = []
        for photo, of_photo in enumerate(zip(*evidence, strict=True)):
            weighted = [
                replace(item, weight=weight)
                for item, weight in zip(of_photo, weights, strict=True)
                if weight
            ]
            found = fusion.decide(weighted)
            km = haversine_km(found.point.lat, found.point.lon, self.lat[photo], self.lon[photo])
            stretch.append(float(km) / found.radius_km)
        return stretch

    def scores(
        self, evidence: Sequence[Sequence[Evidence]], weights: Sequence[float], factor: float
    ) -> HeldOutScores:
        """How good these weights and this radius factor are."""
        covered = np.array(self.stretch(evidence, weights, factor)) <= 1
        loss = self.likelihood(evidence).loss(weights)
        return HeldOutScores(round(loss, 4), round(float(covered.mean()), 4), len(covered))


def calibrate(
    options: RunOptions,
    cache: RunJournal,
    on_scanned: Callable[[], Any] = lambda: None,
    on_inferred: Callable[[], Any] = lambda: None,
) -> UserCalibration:
    """Fit temperature and weight of each model, and the radius factor of all of them together.

    Args:
        options: the models, the paths of the photos, and the device.
        cache: outputs of networks from earlier runs.
        on_scanned: called for each photo whose metadata were read.
        on_inferred: called for each photo that the networks have seen.

    Raises:
        UsageError: there are too few photos with measured GPS, or too few days.
        GeotaggerError: on the days that were held out the result is worse than the cards.
    """
    setup = EvidenceSetup(options)
    bundles = [load_bundle(find_bundle(name)) for name in options.models]
    sample = spread_over_days(photos_with_gps(options, on_scanned), MAX_PHOTOS + MAX_HELD_OUT)
    _check_enough(sample)
    sources = setup.vision_sources()
    photos, outputs = network_outputs(sample, sources, options, cache, on_inferred)
    _check_enough(photos)
    models = [
        _Model(bundle, source, of_source, options)
        for bundle, source, of_source in zip(bundles, sources, outputs, strict=True)
    ]
    fit_rows, held_rows = _split_by_day(photos)
    truth = _Truth(photos, sources[0].places)
    result = _fit(models, truth.rows(fit_rows), fit_rows)
    before, after = _compare(models, truth.rows(held_rows), held_rows, result)
    fitted = [photos[row] for row in fit_rows]
    if after.country_loss > before.country_loss:
        raise GeotaggerError(
            f"not calibrated: on {before.photos} photos of other days the true country gets less "
            f"probability than without (loss {after.country_loss:.2f} instead of "
            f"{before.country_loss:.2f}); give photos of more days and places"
        )
    return UserCalibration(
        models=result.models,
        radius_factor=result.radius_factor,
        photos=len(fitted),
        days=len({photo.day for photo in fitted}),
        countries=len(set(truth.country[fit_rows].tolist()) - {-1}),
        before=before,
        after=after,
    )


@dataclass(frozen=True, slots=True)
class _Result:
    models: tuple[CalibratedModel, ...]
    radius_factor: float


def _fit(models: Sequence[_Model], truth: _Truth, rows: NDArray[np.intp]) -> _Result:
    """The calibration of the models on some photos."""
    temperatures = [_fit_temperature(model, truth, rows) for model in models]
    evidence = [
        model.evidence(temperature, rows)
        for model, temperature in zip(models, temperatures, strict=True)
    ]
    weights = truth.likelihood(evidence).fit()
    named = tuple(
        CalibratedModel(model.bundle.card.name, card_sha256(model.bundle.path), temperature, weight)
        for model, temperature, weight in zip(models, temperatures, weights, strict=True)
    )
    return _Result(named, radius_factor(truth.stretch(evidence, weights), truth.weight))


def _fit_temperature(model: _Model, truth: _Truth, rows: NDArray[np.intp]) -> float:
    """The one of TEMPERATURES with the largest likelihood of the true countries, each with the
    weight that suits it best."""
    losses = []
    for temperature in TEMPERATURES:
        likelihood = truth.likelihood([model.evidence(temperature, rows)])
        losses.append(float(likelihood.losses((1.0,), 0, WEIGHTS).min()))
    return TEMPERATURES[int(np.argmin(losses))]


def _compare(
    models: Sequence[_Model], truth: _Truth, rows: NDArray[np.intp], result: _Result
) -> tuple[HeldOutScores, HeldOutScores]:
    """Scores of the cards, and of the result, on photos that were not fitted."""
    cards = [model.bundle.card.calibration for model in models]
    plain = [model.evidence(1.0, rows) for model in models]
    factor = max(card.radius_factor for card in cards)
    before = truth.scores(plain, [card.weight for card in cards], factor)
    fitted = [
        model.evidence(found.temperature, rows)
        for model, found in zip(models, result.models, strict=True)
    ]
    weights = [found.weight for found in result.models]
    return before, truth.scores(fitted, weights, result.radius_factor)


def _check_enough(photos: Sequence[GpsPhoto]) -> None:
    days = len({photo.day for photo in photos})
    if len(photos) < MIN_PHOTOS or days < MIN_DAYS:
        raise UsageError(
            f"{len(photos)} photos of {days} days have measured GPS and can be used; a "
            f"calibration needs {MIN_PHOTOS} photos of {MIN_DAYS} days: name a larger folder"
        )


def _split_by_day(photos: Sequence[GpsPhoto]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows to fit and rows to hold out, by day."""
    days = sorted({photo.day for photo in photos})
    held_days = set(days[HELD_OUT_DAYS - 1 :: HELD_OUT_DAYS])
    held = np.array([photo.day in held_days for photo in photos])
    return np.flatnonzero(~held), np.flatnonzero(held)
