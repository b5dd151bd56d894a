"""Predicts photos and compares them with their known places. Only the scores are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from geotagger.config import RunOptions
from geotagger.evaluation.ablation import Ablation, AblationRun
from geotagger.evaluation.by_trip import TripCollector, TripScores
from geotagger.evaluation.labels import KnownPlace, read_labels
from geotagger.evaluation.scored import ScoredPhoto
from geotagger.evaluation.scores import NARROW_SHARES, Scores, score
from geotagger.fusion.decide import Fusion, predict
from geotagger.fusion.mass import sum_by_group
from geotagger.geography.country_names import continent_of_country
from geotagger.geography.places import Places, load_places
from geotagger.geography.sphere import unit_vectors
from geotagger.pipeline.run import weigh
from geotagger.types import Evidence, Outcome, Place, Point, Prediction, Status


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The scores, the ablation if it was wanted, and the score of each photo."""

    scores: Scores
    ablation: Ablation | None
    scored: Sequence[ScoredPhoto]
    trips: TripScores | None = None
    """The scores by trip, if they were wanted."""


def run(
    options: RunOptions,
    labels: Path | None,
    on_outcome: Callable[[Outcome], None],
    *,
    ablate: bool = False,
    by_trip: bool = False,
) -> Evaluation:
    """Predicts every photo under the options' paths and scores those with a known place.

    Args:
        labels: CSV of known places; by default `labels.csv` in the folder, else the
            GPS of the photos.
        on_outcome: called with the outcome of each photo.
        ablate: also score the photos by subsets of their evidence.
        by_trip: also score them by trip.

    Raises:
        UsageError: the labels cannot be used.
    """
    places = load_places()
    root = options.paths[0]
    if labels is None and (root / "labels.csv").is_file():
        labels = root / "labels.csv"
    known = None if labels is None else read_labels(labels, places)
    items, fusion = weigh(options)
    trials = AblationRun(options.top_k) if ablate else None
    trips = TripCollector()
    statuses: list[Status] = []
    scored: list[ScoredPhoto] = []
    unlabelled = no_evidence = 0
    for item in items:
        outcome = predict(item, fusion)
        on_outcome(outcome)
        statuses.append(outcome.status)
        truth = _truth(outcome, known, places)
        if truth is None:
            unlabelled += 1
        elif outcome.prediction is not None:
            scorer = PhotoScorer(fusion, truth)
            scored.append(scorer.score(outcome.prediction, item.evidence))
            trips.add(outcome, scored[-1])
            if trials is not None:
                trials.add(item.evidence, scored[-1], scorer.score_evidence)
        elif outcome.status not in (Status.FAILED, Status.SKIPPED):
            no_evidence += 1
    scores = score(scored, options.top_k, statuses, unlabelled, no_evidence)
    return Evaluation(
        scores,
        trials.result() if trials else None,
        scored,
        trips.result() if by_trip else None,
    )


class PhotoScorer:
    """Scores predictions of one photo whose place is known."""

    def __init__(self, fusion: Fusion, truth: KnownPlace) -> None:
        self._fusion = fusion
        self._places = fusion.places
        self._truth = truth
        self._named = _named(fusion.places, truth)

    def score_evidence(self, evidence: Sequence[Evidence]) -> ScoredPhoto:
        """Predicts from this evidence alone, and scores that."""
        prediction = self._fusion.decide(evidence)
        return self.score(prediction, evidence)

    def score(self, prediction: Prediction, evidence: Sequence[Evidence]) -> ScoredPhoto:
        """Scores a prediction; the evidence gives the probabilities beyond it."""
        mass = self._fusion.posterior(evidence)
        point, codes = prediction.point, self._places.country_codes
        countries = sum_by_group(mass, self._places.country, len(codes))
        of = dict(zip(codes, np.minimum(countries, 1).tolist(), strict=True))
        cosine = self._places.unit @ unit_vectors(point.lat, point.lon)
        return ScoredPhoto(
            prediction,
            self._truth,
            self._named,
            city=self._places.name(point.lat, point.lon).city,
            country_belief=of.get(prediction.place.country_code, 0.0),
            truth_belief=of.get(self._truth.country_code) if self._truth.country_code else None,
            radii_km=self._fusion.radii_km(mass, cosine, NARROW_SHARES),
        )


def _truth(
    outcome: Outcome, known: Mapping[Path, KnownPlace] | None, places: Places
) -> KnownPlace | None:
    if known is not None:
        return known.get(outcome.photo.path.resolve())
    metadata, gps = outcome.metadata, outcome.metadata.gps
    if gps is None or metadata.gps_is_prediction or metadata.gps_is_stated:
        return None
    return KnownPlace(places.name(gps.lat, gps.lon).country_code, gps)


def _named(places: Places, truth: KnownPlace) -> Place:
    """Names of the known place; without a point those that follow from the country."""
    if truth.point is not None:
        return places.name(truth.point.lat, truth.point.lon)
    continent = ""
    if truth.country_code in places.country_codes:
        country = places.country_codes.index(truth.country_code)
        continent = continent_of_country(places, country)
    return Place(Point(0.0, 0.0), truth.country_code, continent=continent)
