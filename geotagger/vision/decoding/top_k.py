"""A model's best points and their probabilities, without any belief about the world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from geotagger.errors import BundleError
from geotagger.vision.decoding.captions import CaptionReader, InnerReader, area_of
from geotagger.vision.decoding.heads import ClassifyReader, RegressReader, RetrieveReader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geotagger.geography.places import Places
    from geotagger.vision.bundle.label_tables import Label
    from geotagger.vision.decoding.heads import Reader

    Best = tuple[NDArray[np.float32], NDArray[np.float32]]
    Outputs = Sequence[NDArray[np.float32]]


def best_points(readers: Sequence[Reader], outputs: Outputs, places: Places, count: int) -> Best:
    """Degrees [n, k, 2] and probabilities [n, k], best first; k is `count`, or less if there are
    fewer.

    Of several heads the finest speaks: points of a gallery, then captions, then labels, then
    coordinates. Of captions a town has the probability of its area times its own inside it; first
    comes the best town of the best area, which is StreetCLIP's answer, then all by probability.

    Raises:
        BundleError: no head speaks of places.
    """
    read = list(zip(readers, outputs, strict=True))
    for reader, values in read:
        if isinstance(reader, RetrieveReader):
            return reader.best(values, count)
    areas = next((one for one in read if isinstance(one[0], CaptionReader)), None)
    towns = next((one for one in read if isinstance(one[0], InnerReader) and one[0].labels), None)
    if areas and towns:
        return _towns_of_areas(areas, towns, places, count)
    for reader, values in (towns, *read) if towns else read:
        if isinstance(reader, ClassifyReader | CaptionReader | InnerReader):
            shares = np.exp(reader.log_shares(values))
            return _best(shares, shares, reader.labels, places, count)
    for reader, values in read:
        if isinstance(reader, RegressReader):
            return values[:, None, :], np.ones((len(values), 1), np.float32)
    raise BundleError("this model says nothing of places; take another one")


def _towns_of_areas(areas: Any, towns: Any, places: Places, count: int) -> Best:
    """`areas` and `towns` are a reader each, and its values. Areas without towns are themselves."""
    (area_reader, area_values), (town_reader, town_values) = areas, towns
    of_area = area_reader.log_shares(area_values)
    column = {area_of(label): number for number, label in enumerate(area_reader.labels)}
    of_town = np.array([column.get(area_of(label), -1) for label in town_reader.labels])
    told = np.flatnonzero(of_town >= 0)
    alone = np.setdiff1d(np.arange(len(area_reader.labels)), of_town)
    labels = [*(town_reader.labels[i] for i in told), *(area_reader.labels[i] for i in alone)]
    shares = np.exp(
        np.concatenate(
            [
                of_area[:, of_town[told]] + town_reader.log_shares(town_values)[:, told],
                of_area[:, alone],
            ],
            axis=1,
        )
    )
    area = np.concatenate([of_town[told], alone])
    in_best = area == of_area.argmax(axis=1)[:, None]
    order = shares.copy()
    first = np.where(in_best, shares, -1).argmax(axis=1)
    order[np.arange(len(order)), first] = 2
    return _best(shares, order, labels, places, count)


def _best(
    shares: NDArray[np.float64],
    order: NDArray[np.float64],
    labels: Sequence[Label],
    places: Places,
    count: int,
) -> Best:
    rows = np.argsort(-order, axis=1, kind="stable")[:, :count]
    points = np.array([_point_of(label, places) for label in labels], np.float32)
    return points[rows], np.take_along_axis(shares, rows, axis=1).astype(np.float32)


def _point_of(label: Label, places: Places) -> tuple[float, float]:
    """Where a label is; of an area its most populous place."""
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
