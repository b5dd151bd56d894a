"""What a model's numbers are worth, from photos that it was not trained on.

temperature     of logits, so that probabilities come true (Guo et al. 2017)
weight          of the vision evidence beside the prior: least surprise at the true country
radius factor   widens the stated 90 % radius until it covers 90 % (split conformal, Vovk 2005)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from geotagger.fusion.decide import Fusion
from geotagger.fusion.prior import Constants, log_prior
from geotagger.geography.sphere import haversine_km
from geotagger.types import Evidence, Prediction
from geotagger.vision.bundle.card import UNCALIBRATED, Calibration
from geotagger.vision.decoding.heads import ClassifyDecoder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from geotagger.geography.places import Places
    from geotagger.vision.bundle.label_tables import Label
    from geotagger.vision.decoding.heads import HeadDecoder
    from training.engine.run_folder import HeldOut

WEIGHTS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2)
COVERAGE = 0.9
EXACT = ("point", "city", "region")
"""Precisions of labels whose position may be measured against."""
MAX_FITTED = 400
"""Photos that weight and factor are fitted on; more change the third digit and cost minutes."""


def fit_temperature(logits: NDArray[np.float32], target: NDArray[np.intp]) -> float:
    """The temperature by which the right labels are least surprising, by L-BFGS.

    Photos whose target is -1 say nothing. Without any, 1.
    """
    known = target >= 0
    if not known.any():
        return 1.0
    values, wanted = torch.from_numpy(logits[known]).double(), torch.from_numpy(target[known])
    log_temperature = torch.zeros((), dtype=torch.float64, requires_grad=True)
    solver = torch.optim.LBFGS([log_temperature], max_iter=60, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        solver.zero_grad()
        surprise = cross_entropy(values / log_temperature.exp(), wanted)
        surprise.backward()
        return surprise

    solver.step(loss)
    return round(float(np.clip(log_temperature.detach().exp().item(), 0.05, 100)), 4)


def fit_place_temperature(
    held: HeldOut, output: str, labels: Sequence[Label], places: Places
) -> float:
    """The temperature by which the right countries are least surprising.

    Labels may be finer than what can be told from looks; by L-BFGS on them the temperature would
    pay for every miss of a neighbour and flatten what is known of the country. Without any photo
    of known country, 1.
    """
    decoder = ClassifyDecoder(labels, 1.0, places, output)
    rows, country, share = _fitted_rows(held, places)
    if not (country >= 0).any():
        return 1.0
    values = likelihoods(held, {output: decoder}, rows)
    return round(1 / _weight(values, country, share, places), 4)


def sigma_km(held: HeldOut, output: str) -> float:
    """The typical error on either axis of coordinates [n, 2], degrees.

    The median distance of a two-dimensional normal is 1.1774 sigma.
    """
    exact = np.isin(held.precision, EXACT) & ~np.isnan(held.lat)
    lat, lon = held.outputs[output][exact].T.astype(float)
    km = haversine_km(lat, lon, held.lat[exact], held.lon[exact])
    return round(float(np.clip(np.median(km) / 1.1774, 1, 2e4)), 1) if len(km) else 2e4


def likelihoods(
    held: HeldOut, decoders: Mapping[str, HeadDecoder], rows: NDArray[np.intp]
) -> list[NDArray[np.float32]]:
    """[places] of each of `rows`: the sum of what the heads say; `decoders` by name of output."""
    sums: list[NDArray[np.float32] | None] = [None] * len(rows)
    for name, decoder in decoders.items():
        for start in range(0, len(rows), 64):
            values = held.outputs[name][rows[start : start + 64]]
            for offset, reading in enumerate(decoder.decode(values)):
                own, before = reading.log_likelihood, sums[start + offset]
                if own is not None:
                    sums[start + offset] = own if before is None else before + own
    return [one for one in sums if one is not None]


def predictions(
    held: HeldOut, decoders: Mapping[str, HeadDecoder], places: Places, calibration: Calibration
) -> list[Prediction]:
    """What `geotagger tag` would say of every photo by this model alone."""
    belief = Fusion(places, radius_factor=calibration.radius_factor)
    found = []
    for start in range(0, len(held), 64):
        rows = np.arange(start, min(start + 64, len(held)))
        for values in likelihoods(held, decoders, rows):
            found.append(belief.decide([Evidence("vision", calibration.weight, "", values)]))
    return found


def fit(held: HeldOut, decoders: Mapping[str, HeadDecoder], places: Places) -> Calibration:
    """Weight and radius factor, fitted on photos spread over the held-out ones.

    Photos of common countries count less (1 / sqrt of their number). Labels known to the country
    alone have no say in the radius.
    """
    rows, country, share = _fitted_rows(held, places)
    values = likelihoods(held, decoders, rows)
    if not values:
        return UNCALIBRATED
    weight = _weight(values, country, share, places)
    belief = Fusion(places)
    exact = np.isin(held.precision[rows], EXACT) & ~np.isnan(held.lat[rows])
    stretch = []
    for index in np.flatnonzero(exact):
        found = belief.decide([Evidence("vision", weight, "", values[index])])
        row = rows[index]
        km = haversine_km(found.point.lat, found.point.lon, held.lat[row], held.lon[row])
        stretch.append(float(km) / found.radius_km)
    if not stretch:
        return Calibration(weight, radius_factor=1.0)
    return Calibration(
        weight, round(float(np.clip(conformal(stretch, share[exact]), 0.01, 100)), 3)
    )


def _fitted_rows(
    held: HeldOut, places: Places
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Rows to fit on, their countries (-1: not known), and how much each counts."""
    rows = np.unique(np.linspace(0, len(held) - 1, min(len(held), MAX_FITTED)).astype(int))
    return rows, *counted(held.country[rows].tolist(), places)


def counted(
    countries: Sequence[str], places: Places
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The number of each photo's country (-1: not known), and how much the photo counts: common
    countries less, 1 / sqrt(photos of the country)."""
    codes = {code: index for index, code in enumerate(places.country_codes)}
    country = np.array([codes.get(code, -1) for code in countries])
    return country, np.bincount(country + 1)[country + 1] ** -0.5


def _weight(
    values: list[NDArray[np.float32]],
    country: NDArray[np.intp],
    share: NDArray[np.float64],
    places: Places,
) -> float:
    prior = log_prior(places, Constants.load())
    surprise = np.zeros(len(WEIGHTS))
    for own, truth, counts in zip(values, country, share, strict=True):
        if truth < 0:
            continue
        inside = places.country == truth
        for number, weight in enumerate(WEIGHTS):
            logs = prior + np.float32(weight) * own
            mass = np.exp(logs - logs.max())
            surprise[number] -= counts * np.log(mass[inside].sum() / mass.sum() + 1e-12)
    return WEIGHTS[int(surprise.argmin())]


def conformal(stretch: Sequence[float] | NDArray[np.float64], share: NDArray[np.float64]) -> float:
    """The value that COVERAGE of the weight does not exceed; one unseen photo lies above all."""
    order = np.argsort(stretch)
    held = np.cumsum(share[order]) / (share.sum() + share.mean())
    at = min(int(np.searchsorted(held, COVERAGE)), len(stretch) - 1)
    return float(np.asarray(stretch)[order][at])
