"""A model's best points and their probabilities, without any belief about the world."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geotagger.errors import BundleError
from geotagger.vision.captions import CaptionReader, InnerReader, area_of
from geotagger.vision.heads import ClassifyReader, RegressReader, RetrieveReader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geotagger.places import Places
    from geotagger.vision.bundle import Label
    from geotagger.vision.heads import Reader

    Best = tuple[NDArray[np.float32], NDArray[np.float32]]
    Outputs = Sequence[NDArray[np.float32]]


def best_points(readers: Sequence[Reader], outputs: Outputs, places: Places, count: int) -> Best:
    """Degrees [n, k, 2] and probabilities [n, k], best first; k is `count`, or less if there are
    fewer.

    Of several heads the finest speaks: points of a gallery, then towns (each with the probability
    of its area times its own inside it), then labels, then coordinates.

    Raises:
        BundleError: no head speaks of places.
    """
    read = list(zip(readers, outputs, strict=True))
    for reader, values in read:
        if isinstance(reader, RetrieveReader):
            return reader.best(values, count)
    for reader, values in read:
        if isinstance(reader, InnerReader) and reader.labels:
            shares = reader.log_shares(values) + _of_areas(reader.labels, read)
            return _best(np.exp(shares), reader.labels, places, count)
    for reader, values in read:
        if isinstance(reader, ClassifyReader | CaptionReader):
            return _best(np.exp(reader.log_shares(values)), reader.labels, places, count)
    for reader, values in read:
        if isinstance(reader, RegressReader):
            return values[:, None, :], np.ones((len(values), 1), np.float32)
    raise BundleError("this model says nothing of places; take another one")


def _of_areas(
    labels: Sequence[Label], readers: Sequence[tuple[Reader, NDArray[np.float32]]]
) -> NDArray[np.float64] | float:
    """[n, K]: ln p of the area of each label, by the head that tells areas apart."""
    for reader, values in readers:
        if isinstance(reader, CaptionReader):
            column = {area_of(label): number for number, label in enumerate(reader.labels)}
            shares = reader.log_shares(values)
            never = np.full((len(shares), 1), -np.inf)
            chosen = [column.get(area_of(label), len(column)) for label in labels]
            return np.concatenate([shares, never], axis=1)[:, chosen]
    return 0.0


def _best(shares: NDArray[np.float64], labels: Sequence[Label], places: Places, count: int) -> Best:
    rows = np.argsort(-shares, axis=1, kind="stable")[:, :count]
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
