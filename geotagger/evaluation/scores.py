"""All figures of an evaluation, from its scored photos."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geotagger.evaluation.calibration import (
    ReliabilityBin,
    area_under_risk,
    error_by_chance,
    expected_calibration_error,
    reliability,
    risk_coverage,
)
from geotagger.evaluation.intervals import bootstrap, wilson
from geotagger.evaluation.scored import ScoredPhoto
from geotagger.types import Level, Status

THRESHOLDS_KM = (1, 25, 200, 750, 2500)
GEOSCORE_MAX = 5000.0
GEOSCORE_SCALE_KM = 1492.7
NARROW_SHARES = (0.5, 0.8)
"""Circles that are checked in addition to the stated one of 90 %."""
RISK_POINTS = 100
MIN_BELIEF = 1e-9
MEASURES = ("geoscore", "mean_km", "median_km", "surprise")
"""Figures that are not shares."""

Column = NDArray[np.float64]
"""One number per photo, [n]; NaN where it is unknown."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure, measured on `photos`; None without any."""

    value: float | None
    low: float | None = None
    high: float | None = None
    """95 % interval."""
    by_country: float | None = None
    """With the same weight for every country."""
    photos: int = 0


@dataclass(frozen=True, slots=True)
class LevelScore:
    """The predictions at one level."""

    photos: int
    share: float
    """Of all photos with a known place."""
    confidence: float | None
    """Mean stated confidence."""
    right: Estimate


@dataclass(frozen=True, slots=True)
class RiskPoint:
    """A point of the risk-coverage curve: only predictions with at least this confidence."""

    answered: float
    confidence: float
    wrong: float
    """Share of those predictions whose country is wrong."""


@dataclass(frozen=True, slots=True)
class Scores:
    """All figures of an evaluation. Shares are 0 to 1."""

    photos: int
    unlabelled: int
    failed: int
    skipped: int
    no_evidence: int
    """Photos with a known place, on which no source had evidence."""
    scored: int
    top_k: int
    figures: Mapping[str, Estimate]
    levels: Mapping[str, LevelScore]
    ece_by_chance: float | None
    """ECE of perfect confidences on this many photos."""
    reliability: Sequence[ReliabilityBin]
    risk_coverage: Sequence[RiskPoint]


def score(
    scored: Sequence[ScoredPhoto],
    top_k: int,
    statuses: Sequence[Status],
    unlabelled: int,
    no_evidence: int = 0,
) -> Scores:
    """Aggregates scored photos; each figure is over the photos for which it is known."""
    codes = np.array([item.truth.country_code for item in scored], str)
    stated = _column([item.country_belief for item in scored])
    right = _column([item.country_right for item in scored])
    known = np.isfinite(stated) & np.isfinite(right)
    sure, right = stated[known], right[known]
    counts = list(statuses)
    return Scores(
        photos=len(counts),
        unlabelled=unlabelled,
        failed=counts.count(Status.FAILED),
        skipped=counts.count(Status.SKIPPED),
        no_evidence=no_evidence,
        scored=len(scored),
        top_k=top_k,
        figures=_figures(scored, top_k, codes) | _calibration(sure, right),
        levels=_levels(scored, no_evidence),
        ece_by_chance=error_by_chance(sure) if len(sure) else None,
        reliability=reliability(sure, right),
        risk_coverage=_risk(sure, right),
    )


def columns(scored: Sequence[ScoredPhoto], top_k: int) -> dict[str, Column]:
    """By figure, the value of each photo, for figures that are means."""
    km = _column([item.distance_km for item in scored])
    inside = {
        round(100 * share): _column([_inside(item, index) for item in scored])
        for index, share in enumerate(NARROW_SHARES)
    }
    return {
        "continent": _column([item.continent_right for item in scored]),
        "country": _column([item.country_right for item in scored]),
        "country_top_k": _column([item.country_among(top_k) for item in scored]),
        "region": _column([item.region_right for item in scored]),
        "city": _column([item.city_right for item in scored]),
        **{f"within_{limit}_km": _where(km, km <= limit) for limit in THRESHOLDS_KM},
        "geoscore": GEOSCORE_MAX * np.exp(-km / GEOSCORE_SCALE_KM),
        "mean_km": km,
        **{f"inside_{percent}_radius": column for percent, column in inside.items()},
        "inside_90_radius": _where(
            km, km <= _column([item.prediction.radius_km for item in scored])
        ),
        "surprise": -np.log(
            np.maximum(_column([item.truth_belief for item in scored]), MIN_BELIEF)
        ),
    }


def _figures(
    scored: Sequence[ScoredPhoto], top_k: int, codes: NDArray[np.str_]
) -> dict[str, Estimate]:
    of = columns(scored, top_k)
    figures = {
        name: _measured(column, codes, np.average) if name in MEASURES else _share(column, codes)
        for name, column in of.items()
    }
    return figures | {"median_km": _measured(of["mean_km"], codes, weighted_median)}


def _share(column: Column, codes: NDArray[np.str_]) -> Estimate:
    known = np.isfinite(column)
    values = column[known]
    if not len(values):
        return Estimate(None)
    low, high = wilson(float(values.sum()), len(values))
    by_country = _by_country(values, codes[known], np.average)
    return Estimate(float(values.mean()), low, high, by_country, len(values))


def _measured(column: Column, codes: NDArray[np.str_], average: Callable[..., float]) -> Estimate:
    """`average(values, weights=...)` is the mean or the median."""
    known = np.isfinite(column)
    values = column[known]
    if not len(values):
        return Estimate(None)
    low, high = bootstrap(lambda rows: float(average(values[rows])), len(values))
    by_country = _by_country(values, codes[known], average)
    return Estimate(float(average(values)), low, high, by_country, len(values))


def _by_country(
    values: Column, codes: NDArray[np.str_], average: Callable[..., float]
) -> float | None:
    """The average with weights 1 / photos of the country; photos at sea do not count."""
    ashore = codes != ""
    if not ashore.any():
        return None
    _, country, photos = np.unique(codes[ashore], return_inverse=True, return_counts=True)
    return float(average(values[ashore], weights=1 / photos[country]))


def weighted_median(values: Column, weights: Column | None = None) -> float:
    """The value with half of the weight below it; the mean of two if it is between them."""
    if weights is None:
        return float(np.median(values))
    order = np.argsort(values, kind="stable")
    share = np.cumsum(weights[order]) / weights.sum()
    low, high = (int(np.searchsorted(share, half)) for half in (0.5 - 1e-9, 0.5 + 1e-9))
    last = len(values) - 1
    return float((values[order[low]] + values[order[min(high, last)]]) / 2)


def _calibration(sure: Column, right: Column) -> dict[str, Estimate]:
    if not len(sure):
        return {"ece": Estimate(None), "aurc": Estimate(None)}
    low, high = bootstrap(lambda rows: area_under_risk(sure[rows], right[rows]), len(sure))
    return {
        "ece": Estimate(expected_calibration_error(sure, right), photos=len(sure)),
        "aurc": Estimate(area_under_risk(sure, right), low, high, photos=len(sure)),
    }


def _risk(sure: Column, right: Column) -> list[RiskPoint]:
    if not len(sure):
        return []
    curve, falling = risk_coverage(sure, right), -np.sort(-sure)
    ranks = np.unique(np.linspace(0, len(sure) - 1, RISK_POINTS).round().astype(int))
    return [
        RiskPoint((rank + 1) / len(sure), float(falling[rank]), float(curve[rank]))
        for rank in ranks
    ]


def _levels(scored: Sequence[ScoredPhoto], no_evidence: int) -> dict[str, LevelScore]:
    everything = len(scored) + no_evidence
    found = {}
    for level in Level if everything else ():
        own = [item for item in scored if item.prediction.level is level]
        photos = len(own) + (no_evidence if level is Level.NONE else 0)
        stated = [item.prediction.confidence for item in own]
        found[level.value] = LevelScore(
            photos,
            photos / everything,
            float(np.mean(stated)) if stated and level is not Level.NONE else None,
            _share(_column([item.right for item in own]), np.array([""] * len(own))),
        )
    return found


def _inside(item: ScoredPhoto, index: int) -> bool | None:
    km = item.distance_km
    return None if km is None or not item.radii_km else km <= item.radii_km[index]


def _column(values: Sequence[float | None]) -> Column:
    return np.array([np.nan if value is None else value for value in values], float)


def _where(known: Column, values: NDArray[np.bool_]) -> Column:
    return np.where(np.isfinite(known), values, np.nan)
