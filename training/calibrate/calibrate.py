"""Calibrates a model on photos that it was not trained on.

temperature     of logits, so that probabilities match frequencies (Guo et al. 2017)
weight          of the vision evidence next to the prior: maximum likelihood of the true country
radius factor   widens the 90 % radius until it covers 90 % (split conformal, Vovk et al. 2005)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from geotagger.calibration.fit import (
    MAX_PHOTOS,
    CountryLikelihood,
    countries_and_weights,
    radius_factor,
)
from geotagger.fusion.decide import Fusion
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

LOCATED_PRECISIONS = ("point", "city", "region")
"""Precisions of labels whose position counts in distances."""
BATCH_SIZE = 64


def fit_temperature(logits: NDArray[np.float32], target: NDArray[np.intp]) -> float:
    """Fits the temperature by maximum likelihood of the right labels, with L-BFGS.

    Args:
        logits: [n, K].
        target: [n] the right class, -1 if it has none.

    Returns:
        The temperature; 1 if no photo has a class.
    """
    known = target >= 0
    if not known.any():
        return 1.0
    values, labels = torch.from_numpy(logits[known]).double(), torch.from_numpy(target[known])
    log_temperature = torch.zeros((), dtype=torch.float64, requires_grad=True)
    solver = torch.optim.LBFGS([log_temperature], max_iter=60, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        solver.zero_grad()
        value = cross_entropy(values / log_temperature.exp(), labels)
        value.backward()
        return value

    solver.step(loss)
    return round(float(np.clip(log_temperature.detach().exp().item(), 0.05, 100)), 4)


def fit_place_temperature(
    held: HeldOut, output: str, labels: Sequence[Label], places: Places
) -> float:
    """Fits the temperature by maximum likelihood of the right countries.

    Labels may be finer than what a photo shows. A temperature fitted to them would pay for every
    confusion of neighbours, and flatten what is known of the country.

    Args:
        held: Validation photos.
        output: The name of the logits.
        labels: Their labels.
        places: The places table.

    Returns:
        The temperature; 1 if no photo has a known country.
    """
    decoder = ClassifyDecoder(labels, 1.0, places, output)
    rows, country, weights = _sample(held, places)
    if not (country >= 0).any():
        return 1.0
    values = log_likelihoods(held, {output: decoder}, rows)
    (weight,) = CountryLikelihood([values], country, weights, places).fit()
    return round(1 / weight, 4)


def sigma_km(held: HeldOut, output: str) -> float:
    """Returns the standard error in km on each axis of coordinates [n, 2] in degrees.

    The median distance of a two-dimensional normal distribution is 1.1774 sigma.
    """
    located = np.isin(held.precision, LOCATED_PRECISIONS) & ~np.isnan(held.lat)
    lat, lon = held.outputs[output][located].T.astype(float)
    km = haversine_km(lat, lon, held.lat[located], held.lon[located])
    return round(float(np.clip(np.median(km) / 1.1774, 1, 2e4)), 1) if len(km) else 2e4


def log_likelihoods(
    held: HeldOut, decoders: Mapping[str, HeadDecoder], rows: NDArray[np.intp]
) -> list[NDArray[np.float32]]:
    """Sums the log-likelihoods of the heads.

    Args:
        held: The photos with their outputs.
        readers: Name of the output -> its reader.
        rows: The photos.

    Returns:
        [places] for each photo with evidence.
    """
    sums: list[NDArray[np.float32] | None] = [None] * len(rows)
    for name, decoder in decoders.items():
        for start in range(0, len(rows), BATCH_SIZE):
            values = held.outputs[name][rows[start : start + BATCH_SIZE]]
            for offset, reading in enumerate(decoder.decode(values)):
                own, before = reading.log_likelihood, sums[start + offset]
                if own is not None:
                    sums[start + offset] = own if before is None else before + own
    return [values for values in sums if values is not None]


def predict(
    held: HeldOut, decoders: Mapping[str, HeadDecoder], places: Places, calibration: Calibration
) -> list[Prediction]:
    """Returns the predictions of `geotagger tag` by this model alone."""
    fusion = Fusion(places, radius_factor=calibration.radius_factor)
    predictions = []
    for start in range(0, len(held), BATCH_SIZE):
        rows = np.arange(start, min(start + BATCH_SIZE, len(held)))
        for values in log_likelihoods(held, decoders, rows):
            evidence = Evidence("vision", calibration.weight, "", values)
            predictions.append(fusion.decide([evidence]))
    return predictions


def fit(held: HeldOut, decoders: Mapping[str, HeadDecoder], places: Places) -> Calibration:
    """Fits weight and radius factor on a sample of the held-out photos.

    Photos of common countries count less (1 / sqrt of their number). Labels that are known only to
    the country do not count in the radius.

    Args:
        held: Validation photos.
        readers: Name of the output -> its reader.
        places: The places table.
    """
    rows, country, weights = _sample(held, places)
    values = log_likelihoods(held, decoders, rows)
    if not values:
        return UNCALIBRATED
    (weight,) = CountryLikelihood([values], country, weights, places).fit()
    fusion = Fusion(places)
    located = np.isin(held.precision[rows], LOCATED_PRECISIONS) & ~np.isnan(held.lat[rows])
    stretch = []
    for index in np.flatnonzero(located):
        prediction = fusion.decide([Evidence("vision", weight, "", values[index])])
        row = rows[index]
        lat, lon = prediction.point.lat, prediction.point.lon
        km = haversine_km(lat, lon, held.lat[row], held.lon[row])
        stretch.append(float(km) / prediction.radius_km)
    return Calibration(weight, radius_factor(stretch, weights[located]))


def _sample(
    held: HeldOut, places: Places
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Returns (rows, their countries, their weights) of at most MAX_PHOTOS photos."""
    rows = np.unique(np.linspace(0, len(held) - 1, min(len(held), MAX_PHOTOS)).astype(int))
    return rows, *countries_and_weights(held.country[rows].tolist(), places)
