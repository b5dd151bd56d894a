"""Points that an image is matched against: where photos are, or land by its area."""

from __future__ import annotations

import csv
import math
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from geotagger.geography.borders import load_borders
from training.data.dataset import positions
from training.models.location_encoder import published_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from training.data.dataset import Example

KINDS = ("photos", "land", "both", "published")
GOLDEN = (1 + math.sqrt(5)) / 2
SAME_DIGITS = 4
"""Positions that agree to so many digits (11 m) are one point of a gallery."""

Points = tuple["NDArray[np.float64]", "NDArray[np.float64]", "NDArray[np.intp]"]
"""lat, lon and count, [G] each."""


def make_gallery(kind: str, examples: Sequence[Example], land_points: int) -> Points:
    """`photos`: where the given photos are, each place once, with the number of its photos.
    `land`: `land_points` points, evenly over the land. `both`: these and those. `published`: the
    gallery of the package geoclip."""
    if kind == "published":
        return published_gallery()
    parts = []
    if kind in ("photos", "both"):
        parts.append(distinct(*positions(e for e in examples if e.has_point)))
    if kind in ("land", "both"):
        lat, lon = fibonacci_land(land_points)
        parts.append((lat, lon, np.ones(len(lat), np.intp)))
    lat, lon, count = (np.concatenate(column) for column in zip(*parts, strict=True))
    return lat, lon, count


def distinct(lat: NDArray[np.float64], lon: NDArray[np.float64]) -> Points:
    """Each point once, with how often it is there."""
    points, count = np.unique(
        np.round(np.stack([lat, lon], axis=1), SAME_DIGITS), axis=0, return_counts=True
    )
    return points[:, 0], points[:, 1], count


def published_gallery() -> Points:
    """100,000 points of MP-16, of which some are there more than once."""
    file = published_folder() / "gps_gallery" / "coordinates_100K.csv"
    values = np.loadtxt(file, delimiter=",", skiprows=1)
    return distinct(values[:, 0], values[:, 1])


def fibonacci_land(count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(lat, lon) of about `count` points that each stand for the same area of land.

    A Fibonacci lattice on the sphere (Gonzalez 2010) as fine as needed, without its points at sea.
    Antarctica is left out. The land reaches 12 nautical miles out, as the borders do.
    """
    return _land(max(count, 1))


@cache
def _land(count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    all_points = round(count / _land_share())
    lat, lon = fibonacci_sphere(all_points)
    inside = _on_land(lat, lon)
    return lat[inside], lon[inside]


@cache
def _land_share() -> float:
    return float(_on_land(*fibonacci_sphere(4000)).mean())


def fibonacci_sphere(count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(lat, lon) of points that are evenly spread over the sphere."""
    number = np.arange(count) + 0.5
    lat = np.degrees(np.arcsin(1 - 2 * number / count))
    return lat, (360 * number / GOLDEN) % 360 - 180


def _on_land(lat: NDArray[np.float64], lon: NDArray[np.float64]) -> NDArray[np.bool_]:
    found = load_borders().locate(lat, lon)
    return np.array([bool(code) and code != "AQ" for code, _ in found], bool)


def write_gallery(run: Path, vectors: NDArray[np.float32], points: Points) -> None:
    """gallery.npy and gallery.csv, as a bundle has them; stored in half precision, which hardly
    moves a finished vector."""
    np.save(run / "gallery.npy", vectors.astype(np.float16))
    with (run / "gallery.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("lat", "lon", "count"))
        for lat, lon, count in zip(*points, strict=True):
            writer.writerow((round(float(lat), 5), round(float(lon), 5), int(count)))
