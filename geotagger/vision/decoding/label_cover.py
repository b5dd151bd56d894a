"""Which rows of the places table each label covers.

N is the number of rows of the places table, K the number of labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geotagger.errors import BundleError
from geotagger.geography.sphere import unit_vectors64

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from geotagger.geography.places import Places
    from geotagger.vision.bundle.label_tables import Label

_CUBES_PER_RADIUS = 8
"""The space around the globe is divided into cubes with sides of 1/8 Earth radius, about 800 km."""


def label_of_place(labels: Sequence[Label], places: Places, source: str) -> NDArray[np.intp]:
    """The label that covers each place.

    The finest label wins: a region before its country, a country before its continent. Each
    remaining place belongs to the nearest point label of its own country, or to the nearest of all
    if its country has none. Training assigns photos to labels by the same rule.

    Args:
        labels: the K labels of a head.
        places: the places table.
        source: the name of the label table in messages.

    Returns:
        intp [N], the index of the label; -1 where no label covers the place.

    Raises:
        BundleError: the places table does not know the area of a label, two labels cover the same
            area, or no label covers any place.
    """
    covering = np.full(len(places), -1, np.intp)
    for scope, area_of_place, area_index in (
        ("continent", places.continent, _numbered(places.continent_names)),
        ("country", places.country, _numbered(places.country_codes)),
        ("region", places.region, _regions(places)),
    ):
        label_of_area = _label_of_area(labels, scope, area_index, source)
        found = label_of_area[area_of_place]
        covering = np.where(found >= 0, found, covering)
    points = [i for i, label in enumerate(labels) if label.scope == "point"]
    uncovered = np.flatnonzero(covering < 0)
    if points and len(uncovered):
        nearest = _nearest_point([labels[i] for i in points], places, uncovered)
        covering[uncovered] = np.asarray(points, np.intp)[nearest]
    if not np.any(covering >= 0):
        raise BundleError(f"{source}: no label covers any place; export the bundle again")
    return covering


def _label_of_area(
    labels: Sequence[Label],
    scope: str,
    area_index: Mapping[str | tuple[str, str], int],
    source: str,
) -> NDArray[np.intp]:
    """The label of each area of one scope, intp [number of areas]; -1 for areas without a label."""
    label_of_area = np.full(max(area_index.values(), default=-1) + 1, -1, np.intp)
    for number, label in enumerate(labels):
        if label.scope != scope:
            continue
        area = area_index.get(_area_name(label))
        if area is None or label_of_area[area] >= 0:
            problem = "is unknown to the places table" if area is None else "occurs twice"
            raise BundleError(
                f"{source}: the {scope} of label {label.label!r} {problem}; "
                "export the bundle for this version of geotagger"
            )
        label_of_area[area] = number
    return label_of_area


def _nearest_point(
    points: Sequence[Label], places: Places, rows: NDArray[np.intp]
) -> NDArray[np.intp]:
    """For each of these rows of the table, the index of its point label: intp [len(rows)]."""
    point_vectors = unit_vectors64([point.lat for point in points], [point.lon for point in points])
    place_vectors = unit_vectors64(places.lat[rows], places.lon[rows])
    nearest = nearest_index(place_vectors, point_vectors)
    code_of_point = np.array([point.country_code for point in points])
    code_of_row = np.array(places.country_codes)[places.country[rows]]
    for code in np.unique(code_of_point[code_of_point != ""]):
        in_country = np.flatnonzero(code_of_row == code)
        own_points = np.flatnonzero(code_of_point == code)
        if len(in_country):
            nearest[in_country] = own_points[
                nearest_index(place_vectors[in_country], point_vectors[own_points])
            ]
    return nearest


def nearest_index(
    queries: NDArray[np.float64], candidates: NDArray[np.float64]
) -> NDArray[np.intp]:
    """The nearest candidate of each query, by angle.

    The result is exact, and fast for tens of thousands of vectors on either side: queries that are
    close together are compared only with the candidates that can be nearest to one of them. If all
    queries of a group are within r of its centre, and the candidate nearest to the centre is d
    away, then by the triangle inequality all their nearest candidates are within 2 r + d of the
    centre.

    Args:
        queries: unit vectors [n, 3].
        candidates: unit vectors [m, 3].

    Returns:
        intp [n], rows of `candidates`.
    """
    nearest = np.empty(len(queries), np.intp)
    cubes = np.floor(queries * _CUBES_PER_RADIUS) @ (1, 1_000, 1_000_000)
    for cube in np.unique(cubes):
        group = np.flatnonzero(cubes == cube)
        centre = queries[group].mean(axis=0)
        centre /= np.linalg.norm(centre)
        angles = np.arccos(np.clip(candidates @ centre, -1, 1))
        reach = 2 * np.arccos(np.clip(queries[group] @ centre, -1, 1).min()) + angles.min()
        near = np.flatnonzero(angles <= reach + 1e-6)
        nearest[group] = near[np.argmax(queries[group] @ candidates[near].T, axis=1)]
    return nearest


def _area_name(label: Label) -> str | tuple[str, str]:
    if label.scope == "region":
        return label.country_code, label.region
    return label.country_code if label.scope == "country" else label.continent


def _numbered(names: Sequence[str]) -> Mapping[str | tuple[str, str], int]:
    return {name: number for number, name in enumerate(names)}


def _regions(places: Places) -> Mapping[str | tuple[str, str], int]:
    """The index of each region, by country code and name."""
    regions, rows = np.unique(places.region, return_index=True)
    return {
        (places.country_codes[places.country[row]], places.region_names[region]): int(region)
        for region, row in zip(regions, rows, strict=True)
        if places.region_names[region]
    }
