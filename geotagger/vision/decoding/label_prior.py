"""How likely the labels of a model are beforehand, where the prior over places does not tell.

The prior over places knows people, not photographers, and is to tell towns apart, on both sides of
a border too. A coarse model asks another question: which of its labels? A label is there because
photos were taken there, however few people live there.
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
    """What a model's log-likelihood of each place is raised by [N], and ln of the prior [K] over
    labels that comes of it.

    That is p^(1 - a) * q^a: p is the prior of the places that a label covers; in q every country is
    as likely as any other, and so is every label of a country; a is `vision_countries_alike`.
    `covering` is what `label_of_place` gives.

    A country that has no label and takes that of a neighbour counts `vision_unknown_country`.
    """
    borrowed = borrows(labels, covering, places)
    unknown = np.where(borrowed, np.log(constants.vision_unknown_country), 0)
    prior = np.exp(log_prior(places, constants) + unknown)
    covered = np.flatnonzero(covering >= 0)
    people = np.bincount(covering[covered], prior[covered], len(labels))
    own = np.flatnonzero((covering >= 0) & ~borrowed)
    alike = _countries_alike(covering[own], places.country[own], len(labels))
    told = (people > 0) & (alike > 0)
    ratio = np.ones(len(labels) + 1)  # the last is of what no label covers
    ratio[:-1][told] = (alike[told] / alike.sum()) / (people[told] / people.sum())
    raised = constants.vision_countries_alike * np.log(ratio)
    comes = np.log(np.maximum(people, np.finfo(float).tiny)) + raised[:-1]
    return (raised[covering] + unknown).astype(np.float32), comes


def borrows(
    labels: Sequence[Label], covering: NDArray[np.intp], places: Places
) -> NDArray[np.bool_]:
    """bool [N]: the place is covered by a point of another country, for its own has no label."""
    codes = np.array([x.country_code if x.scope == "point" else "" for x in labels] + [""])
    code_of_place = np.array(places.country_codes)[places.country]
    elsewhere: NDArray[np.bool_] = (codes[covering] != "") & (codes[covering] != code_of_place)
    return elsewhere


def _countries_alike(
    label: NDArray[np.intp], country: NDArray[np.integer], count: int
) -> NDArray[np.float64]:
    """[count]: every country's share is one, divided evenly among the labels in it."""
    pairs = np.unique(np.stack([label, country], axis=1), axis=0)
    labels_in = np.bincount(pairs[:, 1])
    return np.bincount(pairs[:, 0], 1 / labels_in[pairs[:, 1]], count).astype(np.float64)
