"""Cells of the world: clusters of photos, or a quadtree; and the targets of photos over them."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from geotagger.errors import UsageError
from geotagger.geography.places import load_places
from geotagger.geography.sphere import haversine_km, unit_vectors, unit_vectors64
from training.data.example import positions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from training.data.example import Example

REACH = {"region": 2.0}
"""How much wider the target of a photo is, by the precision of its position."""
MAX_DEPTH = 20
"""Levels of a quadtree; its leaves are then some ten metres wide."""


@dataclass(frozen=True, slots=True)
class Cells:
    """The classes of a model: clusters of photos, none of which crosses a border."""

    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    country: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.lat)

    def distance_km(
        self, lat: NDArray[np.float64], lon: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Returns [n, C] distances of n points from the cells."""
        return np.asarray(haversine_km(lat[:, None], lon[:, None], self.lat, self.lon))


def quadtree_cells(examples: Sequence[Example], max_photos: int, min_photos: int) -> Cells:
    """Makes cells by a quadtree on each of the six faces of a cube, as in S2.

    A cell with more than `max_photos` is divided in four. (OpenStreetView-5M, Astruc et al. 2024,
    divides longitude and latitude; the cube keeps cells of one level about equally large, as
    Google's S2 does.) A cell with fewer than `min_photos` is left out; its photos go to the nearest
    other cell. The position of a cell is the mean of its photos.

    Raises:
        UsageError: No photo has a position, or no cell has enough photos.
    """
    placed = [example for example in examples if example.has_point]
    if not placed:
        raise UsageError("quadtree cells need positions; add the columns lat and lon")
    face, across, down = _cube(*positions(placed))
    centres = []
    todo = [np.flatnonzero(face == side) for side in range(6)]
    level_of = [0] * len(todo)
    while todo:
        rows, level = todo.pop(), level_of.pop()
        if len(rows) > max_photos and level < MAX_DEPTH:
            scale = 2 ** (level + 1)
            quarter = (across[rows] * scale).astype(int) % 2 * 2 + (down[rows] * scale).astype(
                int
            ) % 2
            todo += [rows[quarter == q] for q in range(4)]
            level_of += [level + 1] * 4
        elif len(rows) >= max(1, min_photos):
            own = [placed[row] for row in rows]
            country = Counter(example.country for example in own).most_common(1)[0][0]
            centres.append((*spherical_mean(np.stack(positions(own), axis=1)), country))
    if not centres:
        raise UsageError(f"no quadtree cell holds {min_photos} photos; ask for less")
    lat, lon, codes = zip(*sorted(centres), strict=True)
    return Cells(np.array(lat), np.array(lon), np.array(codes))


def _cube(
    lat: NDArray[np.float64], lon: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
    """Projects points to the cube with S2's quadratic projection, which makes areas nearly equal.

    Returns:
        (face 0..5 [n], position on it [n], position on it [n]), positions in 0..1 and below 1.
    """
    vectors = unit_vectors64(lat, lon)
    axis = np.abs(vectors).argmax(axis=1)
    rows = np.arange(len(vectors))
    front = vectors[rows, axis]
    both = [vectors[rows, (axis + turn) % 3] / np.abs(front) for turn in (1, 2)]
    flat = [
        np.where(u >= 0, 0.5 * np.sqrt(1 + 3 * np.abs(u)), 1 - 0.5 * np.sqrt(1 + 3 * np.abs(u)))
        for u in both
    ]
    across, down = (np.clip(s, 0, 1 - 1e-12) for s in flat)
    return axis + 3 * (front < 0), across, down


def make_cells(examples: Sequence[Example], radius_km: float) -> Cells:
    """Clusters the photos of each country: the densest circle of that radius first, and so on.

    Photos that are known only to their country make cells only if the country has no other photos.
    If none of them has a position, the cell of the country is its largest town.

    Raises:
        UsageError: A photo has neither a position nor a country with towns.
    """
    centres: list[tuple[float, float, str]] = []
    for country in sorted({example.country for example in examples}):
        own = [example for example in examples if example.country == country]
        placed = [example for example in own if example.has_point]
        sharp = [example for example in placed if example.is_located] or placed
        if not sharp:
            centres.append((*largest_town(country), country))
        left = np.array([(example.lat, example.lon) for example in sharp])
        while len(left):
            inside = haversine_km(left[:, :1], left[:, 1:], left[:, 0], left[:, 1]) <= radius_km
            members = left[inside[inside.sum(axis=1).argmax()]]
            centres.append((*spherical_mean(members), country))
            left = left[~inside[inside.sum(axis=1).argmax()]]
    lat, lon, country_codes = zip(*centres, strict=True)
    return Cells(np.array(lat), np.array(lon), np.array(country_codes))


def largest_town(country: str) -> tuple[float, float]:
    """Returns (lat, lon) of the most populous town of a country, by its ISO alpha-2 code.

    Raises:
        UsageError: The places table has no town of that country.
    """
    places = load_places()
    codes = list(places.country_codes)
    number = codes.index(country) if country in codes else -1
    rows = np.flatnonzero(places.country == number)
    if not len(rows):
        raise UsageError(f"country {country!r} has no town in the places table; give a position")
    row = rows[places.population[rows].argmax()]
    return float(places.lat[row]), float(places.lon[row])


def spherical_mean(points: NDArray[np.float64]) -> tuple[float, float]:
    """Returns (lat, lon) of the mean direction of points [n, 2] in degrees."""
    x, y, z = unit_vectors(points[:, 0], points[:, 1]).mean(axis=0, dtype=np.float64)
    return math.degrees(math.atan2(z, math.hypot(x, y))), math.degrees(math.atan2(y, x))


def nearest_in_country(cells: Cells, examples: Sequence[Example]) -> NDArray[np.intp]:
    """Returns [n] the nearest cell in each photo's country, or of all cells if it has none."""
    km = cells.distance_km(*positions(examples))
    home = cells.country == np.array([example.country for example in examples])[:, None]
    any_home = home.any(axis=1, keepdims=True)
    return np.where(home | ~any_home, km, np.inf).argmin(axis=1)


def soft_targets(
    examples: Sequence[Example], cells: Cells, tau_km: float, own_country: float
) -> NDArray[np.float32]:
    """Makes soft targets over cells for photos with positions.

    Nearby cells are nearly right: exp(-(d - d_min) / tau) (PIGEON, Haas et al. 2024). REACH widens
    tau for vague positions.

    Args:
        examples: The n photos.
        cells: The C cells.
        tau_km: How far a target reaches.
        own_country: The share of the target that goes to cells of the photo's country only.

    Returns:
        [n, C] that sum to 1.
    """
    km = cells.distance_km(*positions(examples))
    tau = tau_km * np.array([REACH.get(example.precision, 1.0) for example in examples])[:, None]
    near = np.exp(-(km - km.min(axis=1, keepdims=True)) / tau)
    near /= near.sum(axis=1, keepdims=True)
    at_home = np.array([example.country for example in examples])[:, None] == cells.country
    km_home = np.where(at_home, km, np.inf)
    nearest = km_home.min(axis=1, keepdims=True)
    home = np.exp(-(km_home - np.where(np.isfinite(nearest), nearest, 0)) / tau)
    home_sum = home.sum(axis=1, keepdims=True)
    home = np.where(home_sum > 0, home / np.maximum(home_sum, 1e-30), near)
    return ((1 - own_country) * near + own_country * home).astype(np.float32)


@dataclass(frozen=True, slots=True)
class PlaceTargets:
    """What is known of the places of n photos, over C cells."""

    cells: NDArray[np.float32]
    """[n, C] that sum to 1; 0 for a photo of a country without cells and without a position."""
    is_located: NDArray[np.bool_]
    """[n] whether the cell is known; if not, only the sums over countries have a meaning."""


def place_targets(
    examples: Sequence[Example], cells: Cells, tau_km: float, own_country: float
) -> PlaceTargets:
    """Makes targets for photos of every precision; for the arguments see `soft_targets`.

    A photo that is known only to its country may be in any of its cells: each gets the share that
    it has among the located photos.
    """
    is_located = np.array([example.is_located for example in examples], bool)
    targets = np.zeros((len(examples), len(cells)), np.float32)
    targets[is_located] = soft_targets(
        [example for example in examples if example.is_located], cells, tau_km, own_country
    )
    vague = np.array([example.country for example in examples])[~is_located]
    share = (vague[:, None] == cells.country) * (targets[is_located].sum(axis=0) + 1e-3)
    targets[~is_located] = share / np.maximum(share.sum(axis=1, keepdims=True), 1e-30)
    return PlaceTargets(targets, is_located)
