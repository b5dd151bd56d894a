"""How much the look of a photo says of its place, learned from what a simple layer gets right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from training.data.splits import assign_folds
from training.eval.cell_scores import posterior
from training.models.cell_layer import LayerOptions, fit_layer
from training.models.landmarks import principal_components

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from training.data.example import Example
    from training.targets.cells import Cells


COMPONENTS = 256
"""Principal components of the features that the regression sees."""
SIMPLE_LAYER = LayerOptions(
    tau_km=150,
    source_exponent=0.4,
    country_exponent=0.35,
    components=COMPONENTS,
    cell_covariance=0.0,
    levels=0.5,
)
RIDGE = 0.3
"""The penalty of the regression, in units of the mean variance of a component times the number of
photos."""
MAX_GAIN_NATS = 3.0
"""Gains beyond this say more of a label than of a look."""
COUNTRY_PHOTOS = 20
"""The mean gain of a country is shrunk as if it had so many photos of gain 0 more."""


def learn_importance(
    features: NDArray[np.float32],
    examples: Sequence[Example],
    cells: Cells,
    continent_of: Mapping[str, str],
    folds: int,
    least: float,
) -> NDArray[np.float32]:
    """Weighs down photos whose looks say little of their place.

    Args:
        features: [n, D] of frozen backbones.
        examples: The n photos.
        cells: The C cells.
        continent_of: Country code -> continent.
        folds: Photos are judged by layers and regressions on the other folds.
        least: The weight of the photo that says least.

    Returns:
        [n] weights in least..1.

    Raises:
        UsageError: There are fewer independent sources than folds.
    """
    fold = assign_folds(examples, folds)
    logits = np.zeros((len(examples), len(cells)), np.float32)
    root = torch.eye(len(cells))
    for held_out in range(folds):
        rows, train = np.flatnonzero(fold == held_out), np.flatnonzero(fold != held_out)
        own = [examples[row] for row in train]
        layer = fit_layer(features[train], own, cells, root, continent_of, SIMPLE_LAYER)
        with torch.inference_mode():
            logits[rows] = layer(torch.from_numpy(features[rows])).numpy()
    country = np.array([example.country for example in examples])
    gain = country_gain_nats(logits, cells, country, fold)
    values = principal_components(torch.from_numpy(features), COMPONENTS)[0].numpy()
    return importance(locatability(values, gain, country, fold), least)


def country_gain_nats(
    logits: NDArray[np.float32],
    cells: Cells,
    country: NDArray[np.str_],
    fold: NDArray[np.intp],
) -> NDArray[np.float64]:
    """Returns [n] the log-likelihood of each true country, minus that of chance.

    It is NaN where the other folds have no photo of the country.

    Args:
        logits: [n, C], each by a layer that was fitted to the other folds.
        cells: The C cells.
        country: [n].
        fold: [n].
    """
    own = (posterior(logits, cells, 1.0) * (cells.country == country[:, None])).sum(axis=1)
    gain = np.log(own + 1e-6) + np.log(len(set(cells.country.tolist())))
    folds_of = {code: set(fold[country == code].tolist()) for code in set(country.tolist())}
    is_known = np.array([len(folds_of[code]) > 1 for code in country.tolist()])
    return np.where(is_known, gain, np.nan)


def locatability(
    values: NDArray[np.float32],
    gain_nats: NDArray[np.float64],
    country: NDArray[np.str_],
    fold: NDArray[np.intp],
) -> NDArray[np.float64]:
    """Predicts how much better than chance each photo can be placed, from its look alone.

    The gains of a simple layer on photos of sources that it never saw are noisy: each depends on
    one label. A ridge regression from the features to the gains keeps what looks have in common,
    such as food, interiors and faces that are placed worse than streets and landscapes. The gains
    are compared within each country, because countries with many photos are easier. A photo is
    predicted by a regression on the other folds, so its own label does not count.

    Args:
        values: [n, P] components of the features of a frozen network.
        gain_nats: [n] log-likelihood of the true country, minus that of chance; NaN where it has
            no meaning.
        country: [n] the true country.
        fold: [n] photos of one source are in one fold.

    Returns:
        [n] the predicted gain in nats next to the country's mean; higher is easier.
    """
    known = np.isfinite(gain_nats)
    gain = np.clip(np.where(known, gain_nats, 0.0), -MAX_GAIN_NATS, MAX_GAIN_NATS)
    _, index = np.unique(country, return_inverse=True)
    count = np.bincount(index, known)
    gain = gain - (np.bincount(index, known * gain) / (count + COUNTRY_PHOTOS))[index]
    inputs = values.astype(np.float64)
    predicted = np.zeros(len(gain))
    for held_out in np.unique(fold):
        rows = known & (fold != held_out)
        if rows.any():
            own = fold == held_out
            predicted[own] = _ridge(inputs[rows], gain[rows], inputs[own])
    return predicted


def importance(predicted: NDArray[np.float64], least: float) -> NDArray[np.float32]:
    """Turns predicted gains into weights.

    The half of the photos that says more of its place has the weight 1. Below, the weight falls
    with the rank, down to `least`.

    Args:
        predicted: [n] from `locatability`.
        least: The weight of the photo that says least; 1 for equal weights.

    Returns:
        [n].
    """
    rank = np.argsort(np.argsort(predicted, kind="stable"), kind="stable") / max(
        1, len(predicted) - 1
    )
    return (least + (1 - least) * np.minimum(1.0, 2 * rank)).astype(np.float32)


def _ridge(
    inputs: NDArray[np.float64], targets: NDArray[np.float64], queries: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Fits a ridge regression and returns its values at the queries."""
    middle, mean = inputs.mean(axis=0), targets.mean()
    centred = inputs - middle
    gram = centred.T @ centred
    gram += RIDGE * np.trace(gram) / len(gram) * np.eye(len(gram))
    weights = np.linalg.solve(gram, centred.T @ (targets - mean))
    return mean + (queries - middle) @ weights
