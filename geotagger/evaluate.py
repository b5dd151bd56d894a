"""Scores of predictions on photos whose place is known.

Distances are great-circle with R = 6371.0 km. Accuracy within 1/25/200/750/2500 km and GeoScore
follow the field's conventions (Im2GPS, Hays & Efros 2008; OpenStreetView-5M, Astruc et al. 2024).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean, median

import numpy as np

from geotagger.geo import haversine_km
from geotagger.labels import Truth, read_labels
from geotagger.pipeline import RunOptions, predictions
from geotagger.places import Places, load_places
from geotagger.records import Level, Outcome, Prediction, Status

THRESHOLDS_KM = (1, 25, 200, 750, 2500)
GEOSCORE_MAX = 5000.0
GEOSCORE_SCALE_KM = 1492.7


@dataclass(frozen=True, slots=True)
class Scored:
    """One prediction beside its truth."""

    prediction: Prediction
    truth: Truth
    truth_continent: str

    @property
    def distance_km(self) -> float | None:
        if self.truth.point is None:
            return None
        here, there = self.prediction.point, self.truth.point
        return float(haversine_km(here.lat, here.lon, there.lat, there.lon))

    @property
    def country_right(self) -> bool:
        return self.prediction.place.country_code == self.truth.country_code

    @property
    def continent_right(self) -> bool:
        return self.prediction.place.continent == self.truth_continent

    def country_among(self, count: int) -> bool:
        named = [c.place.country_code for c in self.prediction.candidates[:count]]
        return self.truth.country_code in named


@dataclass(frozen=True, slots=True)
class Scores:
    """Shares are 0 to 1; `None` where no photo could tell."""

    photos: int
    unlabelled: int
    failed: int
    skipped: int
    scored: int
    continent: float | None
    country: float | None
    country_top_k: float | None
    top_k: int
    continent_by_country: float | None
    """Every country weighed alike."""
    country_by_country: float | None
    country_top_k_by_country: float | None
    within_km: Mapping[str, float]
    median_km: float | None
    mean_km: float | None
    geoscore: float | None
    radius_coverage: float | None
    """Share of photos that lie inside the stated 90 % radius."""
    answered: Mapping[str, float]
    """Share of photos answered at each level."""
    right: Mapping[str, float]
    """Share of those answers that are right (a city: within 25 km)."""

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2)

    def to_text(self) -> str:
        """A table for a person. R = 6371.0 km."""
        lines = [
            f"{self.scored} of {self.photos} photos scored"
            f" ({self.unlabelled} without a label, {self.failed} failed, {self.skipped} skipped)",
            "",
            f"{'':24}{'per photo':>12}{'per country':>14}",
            f"{'continent':24}{_share(self.continent):>12}{_share(self.continent_by_country):>14}",
            f"{'country':24}{_share(self.country):>12}{_share(self.country_by_country):>14}",
            f"{f'country in top {self.top_k}':24}{_share(self.country_top_k):>12}"
            f"{_share(self.country_top_k_by_country):>14}",
        ]
        lines += [f"{f'within {km} km':24}{_share(v):>12}" for km, v in self.within_km.items()]
        lines += [
            f"{'median km':24}{_number(self.median_km):>12}",
            f"{'mean km':24}{_number(self.mean_km):>12}",
            f"{'GeoScore':24}{_number(self.geoscore):>12}",
            f"{'inside the 90 % radius':24}{_share(self.radius_coverage):>12}",
            "",
            f"{'level':24}{'answered':>12}{'right':>14}",
        ]
        lines += [
            f"{level:24}{_share(share):>12}{_share(self.right.get(level)):>14}"
            for level, share in self.answered.items()
        ]
        return "\n".join(lines)


def run(options: RunOptions, labels: Path | None, on_outcome: Callable[[Outcome], None]) -> Scores:
    """Predict every photo under the options' paths and score those with a known place.

    Raises UsageError when the labels cannot be used.
    """
    places = load_places()
    root = options.paths[0]
    if labels is None and (root / "labels.csv").is_file():
        labels = root / "labels.csv"
    known = None if labels is None else read_labels(labels, places)
    outcomes, scored, unlabelled = [], [], 0
    for outcome in predictions(options):
        on_outcome(outcome)
        outcomes.append(outcome.status)
        truth = _truth(outcome, known, places)
        if truth is None:
            unlabelled += 1
        elif outcome.prediction is not None:
            scored.append(Scored(outcome.prediction, truth, _continent(places, truth)))
    return score(scored, options.top_k, outcomes, unlabelled)


def _truth(outcome: Outcome, known: Mapping[Path, Truth] | None, places: Places) -> Truth | None:
    if known is not None:
        return known.get(outcome.photo.path.resolve())
    gps = outcome.existing.gps
    if gps is None or outcome.existing.gps_is_prediction:
        return None
    return Truth(places.name(gps.lat, gps.lon).country_code, gps)


def _continent(places: Places, truth: Truth) -> str:
    """Of the point; without one, of most rows of the country (a point at sea has none)."""
    if truth.point is not None:
        return places.name(truth.point.lat, truth.point.lon).continent
    if truth.country_code not in places.country_codes:
        return ""
    rows = places.mask([truth.country_code])
    return places.continent_names[int(np.bincount(places.continent[rows]).argmax())]


def score(
    scored: Sequence[Scored], top_k: int, statuses: Sequence[Status], unlabelled: int
) -> Scores:
    """Aggregate; every share is over the photos that can tell."""
    km = [d for item in scored if (d := item.distance_km) is not None]
    inside = [
        d <= item.prediction.radius_km for item in scored if (d := item.distance_km) is not None
    ]
    named = [item for item in scored if item.truth.country_code]
    continent = [item.continent_right for item in named]
    country = [item.country_right for item in named]
    among = [item.country_among(top_k) for item in named]
    codes = [item.truth.country_code for item in named]
    levels = {level: [i for i in scored if i.prediction.level is level] for level in Level}
    return Scores(
        photos=len(statuses),
        unlabelled=unlabelled,
        failed=list(statuses).count(Status.FAILED),
        skipped=list(statuses).count(Status.SKIPPED),
        scored=len(scored),
        continent=_mean(continent),
        country=_mean(country),
        country_top_k=_mean(among),
        top_k=top_k,
        continent_by_country=_balanced(continent, codes),
        country_by_country=_balanced(country, codes),
        country_top_k_by_country=_balanced(among, codes),
        within_km={
            str(limit): share
            for limit in THRESHOLDS_KM
            if (share := _mean([d <= limit for d in km])) is not None
        },
        median_km=median(km) if km else None,
        mean_km=fmean(km) if km else None,
        geoscore=_mean([GEOSCORE_MAX * math.exp(-d / GEOSCORE_SCALE_KM) for d in km]),
        radius_coverage=_mean(inside),
        answered={level: len(items) / len(scored) for level, items in levels.items() if scored},
        right={
            level: share
            for level, items in levels.items()
            if (share := _mean([_right(item) for item in items if level is not Level.NONE]))
            is not None
        },
    )


def _right(item: Scored) -> bool:
    """Whether the answer holds at the level at which it was given."""
    level = item.prediction.level
    if level is Level.CONTINENT:
        return item.continent_right
    if level is Level.CITY and item.distance_km is not None:
        return item.distance_km <= 25
    return item.country_right


def _mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None


def _balanced(values: Sequence[bool], codes: Sequence[str]) -> float | None:
    """The mean over countries of the mean inside each."""
    groups: dict[str, list[bool]] = {}
    for value, code in zip(values, codes, strict=True):
        groups.setdefault(code, []).append(value)
    return _mean([fmean(group) for group in groups.values()])


def _share(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"
