"""A model's best points and their probabilities, without the prior and without other evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geotagger.errors import BundleError
from geotagger.vision.decoding.captions import CaptionDecoder, LocalCaptionDecoder, area_of
from geotagger.vision.decoding.heads import ClassifyDecoder, RegressDecoder, RetrieveDecoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geotagger.geography.places import Places
    from geotagger.vision.bundle.label_tables import Label
    from geotagger.vision.decoding.heads import HeadDecoder

    BestPoints = tuple[NDArray[np.float32], NDArray[np.float32]]


def best_points(
    decoders: Sequence[HeadDecoder],
    outputs: Sequence[NDArray[np.float32]],
    places: Places,
    count: int,
) -> BestPoints:
    """The best points of n photos, from the outputs of all heads.

    The finest of several heads decides: first gallery points, then captions, then labels, then
    coordinates. A town of a caption head has the probability of its area times its own inside the
    area. The first point is the best town of the best area, which is StreetCLIP's answer; the
    others follow by probability.

    Args:
        decoders: one for each head.
        outputs: what each head gave, float32 [n, width].
        places: the places table.
        count: points per photo.

    Returns:
        Degrees float32 [n, k, 2] and probabilities float32 [n, k], best first; k is `count`, or the
        number of points if that is less.

    Raises:
        BundleError: no head is about places.
    """
    heads = list(zip(decoders, outputs, strict=True))
    for decoder, values in heads:
        if isinstance(decoder, RetrieveDecoder):
            return decoder.best(values, count)
    areas = next(((d, v) for d, v in heads if isinstance(d, CaptionDecoder)), None)
    local = ((d, v) for d, v in heads if isinstance(d, LocalCaptionDecoder))
    towns = next(((d, v) for d, v in local if d.labels), None)
    if areas and towns:
        return _towns_of_areas(*areas, *towns, places, count)
    for decoder, values in (towns, *heads) if towns else heads:
        if isinstance(decoder, ClassifyDecoder | CaptionDecoder | LocalCaptionDecoder):
            probabilities = np.exp(decoder.log_probabilities(values))
            return _best_labels(probabilities, probabilities, decoder.labels, places, count)
    for decoder, values in heads:
        if isinstance(decoder, RegressDecoder):
            return values[:, None, :], np.ones((len(values), 1), np.float32)
    raise BundleError("this model has no head for places; use another one")


def _towns_of_areas(
    area_decoder: CaptionDecoder,
    area_values: NDArray[np.float32],
    town_decoder: LocalCaptionDecoder,
    town_values: NDArray[np.float32],
    places: Places,
    count: int,
) -> BestPoints:
    """p(area) * p(town | area) for each town; an area without towns stands for itself."""
    log_area = area_decoder.log_probabilities(area_values)
    log_town = town_decoder.log_probabilities(town_values)
    column_of = {area_of(label): number for number, label in enumerate(area_decoder.labels)}
    area_of_town = np.array([column_of.get(area_of(label), -1) for label in town_decoder.labels])
    towns = np.flatnonzero(area_of_town >= 0)
    without_towns = np.setdiff1d(np.arange(len(area_decoder.labels)), area_of_town)
    labels = [
        *(town_decoder.labels[i] for i in towns.tolist()),
        *(area_decoder.labels[i] for i in without_towns.tolist()),
    ]
    log_joint = log_area[:, area_of_town[towns]] + log_town[:, towns]
    probabilities = np.exp(np.concatenate([log_joint, log_area[:, without_towns]], axis=1))
    area_of_label = np.concatenate([area_of_town[towns], without_towns])
    in_best_area = area_of_label == log_area.argmax(axis=1)[:, None]
    first = np.where(in_best_area, probabilities, -1).argmax(axis=1)
    rank_by = probabilities.copy()
    rank_by[np.arange(len(rank_by)), first] = 2  # above every probability
    return _best_labels(probabilities, rank_by, labels, places, count)


def _best_labels(
    probabilities: NDArray[np.float64],
    rank_by: NDArray[np.float64],
    labels: Sequence[Label],
    places: Places,
    count: int,
) -> BestPoints:
    """The points of the labels with the highest `rank_by` [n, K], and their probabilities."""
    best = np.argsort(-rank_by, axis=1, kind="stable")[:, :count]
    points = np.array([_point_of(label, places) for label in labels], np.float32)
    return points[best], np.take_along_axis(probabilities, best, axis=1).astype(np.float32)


def _point_of(label: Label, places: Places) -> tuple[float, float]:
    """Latitude and longitude of a label; an area has those of its most populous place."""
    if label.scope == "point":
        return label.lat, label.lon
    inside = np.ones(len(places), bool)
    if label.country_code:
        inside &= places.country == places.country_codes.index(label.country_code)
    if label.scope == "continent":
        inside &= places.continent == places.continent_names.index(label.continent)
    if label.scope == "region":
        inside &= np.array([n == label.region for n in places.region_names])[places.region]
    rows = np.flatnonzero(inside)
    row = rows[places.population[rows].argmax()]
    return float(places.lat[row]), float(places.lon[row])
