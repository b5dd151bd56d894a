"""The prior of a model's labels, which differs from the prior of places.

The prior of places follows population, and has to separate towns, also across a border. A coarse
model only chooses between its labels. A label exists because photos were taken there, no matter how
few people live there.

N is the number of rows of the places table, K the number of labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geotagger.fusion.prior import log_prior

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geotagger.fusion.prior import Constants
    from geotagger.geography.places import Places
    from geotagger.vision.bundle.label_tables import Label


def label_prior(
    labels: Sequence[Label], covering: NDArray[np.intp], places: Places, constants: Constants
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """The prior of the labels, and the correction that turns the prior of places into it.

    The prior of a label is p^(1 - a) * q^a. p is the total prior of the places that it covers. In q
    every country is equally likely, and so is every label of a country. a is
    `vision_countries_alike`. A place that takes the label of another country, because its own has
    none, counts `vision_unknown_country`.

    Args:
        labels: the K labels.
        covering: the result of `label_of_place`, intp [N].
        places: the places table.
        constants: the fitted constants.

    Returns:
        What to add to the log-likelihood of each place, float32 [N]; and ln of the prior of each
        label, float64 [K].
    """
    borrowed = is_borrowed(labels, covering, places)
    log_borrowed = np.where(borrowed, np.log(constants.vision_unknown_country), 0)
    prior_of_place = np.exp(log_prior(places, constants) + log_borrowed)
    covered = np.flatnonzero(covering >= 0)
    by_population = np.bincount(covering[covered], prior_of_place[covered], len(labels))
    own = np.flatnonzero((covering >= 0) & ~borrowed)
    by_country = _equal_countries(covering[own], places.country[own], len(labels))
    known = (by_population > 0) & (by_country > 0)
    ratio = np.ones(len(labels) + 1)  # the last entry is for places without a label
    ratio[:-1][known] = (by_country[known] / by_country.sum()) / (
        by_population[known] / by_population.sum()
    )
    log_ratio = constants.vision_countries_alike * np.log(ratio)
    log_label_prior = np.log(np.maximum(by_population, np.finfo(float).tiny)) + log_ratio[:-1]
    return (log_ratio[covering] + log_borrowed).astype(np.float32), log_label_prior


def is_borrowed(
    labels: Sequence[Label], covering: NDArray[np.intp], places: Places
) -> NDArray[np.bool_]:
    """Whether each place takes a point label of another country, because its own has no label.

    Args:
        labels: the K labels.
        covering: the result of `label_of_place`, intp [N].
        places: the places table.

    Returns:
        bool [N].
    """
    codes = np.array([x.country_code if x.scope == "point" else "" for x in labels] + [""])
    code_of_place = np.array(places.country_codes)[places.country]
    borrowed: NDArray[np.bool_] = (codes[covering] != "") & (codes[covering] != code_of_place)
    return borrowed


def _equal_countries(
    label: NDArray[np.intp], country: NDArray[np.integer], label_count: int
) -> NDArray[np.float64]:
    """Each country's share is one, divided evenly among its labels: float64 [label_count].

    `label` and `country` are those of each place.
    """
    pairs = np.unique(np.stack([label, country], axis=1), axis=0)
    labels_per_country = np.bincount(pairs[:, 1])
    shares = 1 / labels_per_country[pairs[:, 1]]
    return np.bincount(pairs[:, 0], shares, label_count).astype(np.float64)
