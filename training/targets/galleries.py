"""Galleries: the points that photos are matched with, at the places of photos or evenly on land."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np

from geotagger.geography.land_points import fibonacci_land
from training.data.example import positions
from training.models.location_encoder import published_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from training.data.example import Example

GALLERY_KINDS = ("photos", "land", "both", "published")
POSITION_DIGITS = 4
"""Positions that agree to this number of digits (11 m) are one point of a gallery."""

Points = tuple["NDArray[np.float64]", "NDArray[np.float64]", "NDArray[np.intp]"]
"""lat, lon in degrees and number of photos, [G] each."""


def make_gallery(kind: str, examples: Sequence[Example], land_points: int) -> Points:
    """Makes the points of a gallery.

    Args:
        kind: photos: the places of the photos, each once, with the number of its photos. land:
            `land_points` points, evenly on land. both: these and those. published: the gallery of
            the package geoclip.
        examples: The photos.
        land_points: The number of points on land.
    """
    if kind == "published":
        return published_gallery()
    parts = []
    if kind in ("photos", "both"):
        parts.append(unique_points(*positions(e for e in examples if e.has_point)))
    if kind in ("land", "both"):
        lat, lon = fibonacci_land(land_points)
        parts.append((lat, lon, np.ones(len(lat), np.intp)))
    lat, lon, count = (np.concatenate(column) for column in zip(*parts, strict=True))
    return lat, lon, count


def unique_points(lat: NDArray[np.float64], lon: NDArray[np.float64]) -> Points:
    """Returns each point once, with its number of occurrences."""
    points, count = np.unique(
        np.round(np.stack([lat, lon], axis=1), POSITION_DIGITS), axis=0, return_counts=True
    )
    return points[:, 0], points[:, 1], count


def published_gallery() -> Points:
    """Returns 100,000 points of MP-16; some occur several times."""
    file = published_folder() / "gps_gallery" / "coordinates_100K.csv"
    values = np.loadtxt(file, delimiter=",", skiprows=1)
    return unique_points(values[:, 0], values[:, 1])


def write_gallery(run: Path, vectors: NDArray[np.float32], points: Points) -> None:
    """Writes gallery.npy and gallery.csv as in a bundle.

    The vectors [G, D] are stored in half precision, which hardly changes a finished vector.
    """
    np.save(run / "gallery.npy", vectors.astype(np.float16))
    with (run / "gallery.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("lat", "lon", "count"))
        for lat, lon, count in zip(*points, strict=True):
            writer.writerow((round(float(lat), 5), round(float(lon), 5), int(count)))
