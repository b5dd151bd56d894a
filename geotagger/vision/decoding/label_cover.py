"""Which rows of the places table a label stands for."""

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
"""Vectors in one cube of the space around the globe, about 800 km wide, count as lying together."""


def label_of_place(labels: Sequence[Label], places: Places, source: str) -> NDArray[np.intp]:
    """For every place the label that covers it, intp [N]; -1 where none does.

    The finest wins: a region before its country, a country before its continent. What is left
    belongs to the nearest label of scope point in its own country, or the nearest of all where the
    country has none, as in training. `source` names the table in messages.

    Raises:
        BundleError: a label names what the places table does not know, two labels cover the same,
            or no label covers any place.
    """
    covering = np.full(len(places), -1, np.intp)
    for scope, area_of_place, area_index in (
        ("continent", places.continent, _numbered(places.continent_names)),
        ("country", places.country, _numbered(places.country_codes)),
        ("region", places.region, _regions(places)),
    ):
        label_of_area = np.full(max(area_index.values(), default=-1) + 1, -1, np.intp)
        for number, label in enumerate(labels):
            if label.scope != scope:
                continue
            area = area_index.get(_area_name(label))
            if area is None or label_of_area[area] >= 0:
                problem = "is unknown to the places table" if area is None else "comes twice"
                raise BundleError(
                    f"{source}: the {scope} of label {label.label!r} {problem}; "
                    "export the bundle for this version of geotagger"
                )
            label_of_area[area] = number
        found = label_of_area[area_of_place]
        covering = np.where(found >= 0, found, covering)
    points = [i for i, label in enumerate(labels) if label.scope == "point"]
    left = np.flatnonzero(covering < 0)
    if points and len(left):
        covering[left] = _nearest_at_home([labels[i] for i in points], places, left, points)
    if not np.any(covering >= 0):
        raise BundleError(f"{source}: no label covers any place; export the bundle again")
    return covering


def _nearest_at_home(
    points: Sequence[Label], places: Places, rows: NDArray[np.intp], numbers: Sequence[int]
) -> NDArray[np.intp]:
    """For each of these rows of the table the number of its point, intp [len(rows)]."""
    vectors = unit_vectors64([point.lat for point in points], [point.lon for point in points])
    at = unit_vectors64(places.lat[rows], places.lon[rows])
    found = nearest(at, vectors)
    home = np.array([point.country_code for point in points])
    code = np.array(places.country_codes)[places.country[rows]]
    for own in np.unique(home[home != ""]):
        inside, here = np.flatnonzero(code == own), np.flatnonzero(home == own)
        if len(inside):
            found[inside] = here[nearest(at[inside], vectors[here])]
    return np.asarray(numbers, np.intp)[found]


def nearest(of: NDArray[np.float64], among: NDArray[np.float64]) -> NDArray[np.intp]:
    """For each unit vector of [n, 3] the index of the nearest among [m, 3]: intp [n].

    Exact, and fast for tens of thousands on either side: vectors that lie together are compared
    with those alone that can be nearest to one of them. If a group lies within r of its centre and
    the vector nearest to the centre is d away, then by the triangle inequality all of its
    nearest lie within 2 r + d of the centre.
    """
    found = np.empty(len(of), np.intp)
    cubes = np.floor(of * _CUBES_PER_RADIUS) @ (1, 1_000, 1_000_000)
    for cube in np.unique(cubes):
        group = np.flatnonzero(cubes == cube)
        centre = of[group].mean(axis=0)
        centre /= np.linalg.norm(centre)
        angles = np.arccos(np.clip(among @ centre, -1, 1))
        reach = 2 * np.arccos(np.clip(of[group] @ centre, -1, 1).min()) + angles.min()
        near = np.flatnonzero(angles <= reach + 1e-6)
        found[group] = near[np.argmax(of[group] @ among[near].T, axis=1)]
    return found


def _area_name(label: Label) -> str | tuple[str, str]:
    if label.scope == "region":
        return label.country_code, label.region
    return label.country_code if label.scope == "country" else label.continent


def _numbered(names: Sequence[str]) -> Mapping[str | tuple[str, str], int]:
    return {name: number for number, name in enumerate(names)}


def _regions(places: Places) -> Mapping[str | tuple[str, str], int]:
    """Numbers of the regions by country code and name."""
    regions, rows = np.unique(places.region, return_index=True)
    return {
        (places.country_codes[places.country[row]], places.region_names[region]): int(region)
        for region, row in zip(regions, rows, strict=True)
        if places.region_names[region]
    }
