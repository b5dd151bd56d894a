"""GeoCLIP's head of a bundle: positions, and their vectors."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from geotagger.geography.land_points import fibonacci_land
from geotagger.vision.bundle.head_specs import RetrieveHead
from geotagger.vision.runtime.encoders import LocationEncoder
from geotagger.vision.search_space import read_points

if TYPE_CHECKING:
    from numpy.typing import NDArray

GALLERIES = ("published", "land", "both")
HEAD_GRAPH, LOCATION_GRAPH = "gps.onnx", "location.onnx"
"""GeoCLIP's layers above the image tower, and its location encoder, as files of a bundle."""


def write_gallery(
    folder: Path,
    output: str,
    scale: float,
    kind: str,
    published: Path,
    land_points: int,
    half: bool,
    threads: int,
) -> RetrieveHead:
    """Writes gallery.csv and gallery.npy, embedded by LOCATION_GRAPH of the folder.

    Args:
        folder: the folder of the bundle, with both graphs.
        output: the output of the image tower.
        scale: the factor of the cosines.
        kind: published (each position once, with its count), land (a Fibonacci lattice, even by
            area), both, or a CSV with the columns lat and lon.
        published: the CSV of the published gallery.
        land_points: the number of points on land.
        half: stores vectors in float16.
        threads: CPU threads.

    Returns:
        The head.

    Raises:
        UsageError: the gallery cannot be read.
    """
    parts = []
    if kind != "land":
        parts.append(read_points(published if kind in GALLERIES else Path(kind)))
    if kind in ("land", "both"):
        lat, lon = (np.asarray(values, np.float32) for values in fibonacci_land(land_points))
        parts.append((lat, lon, np.ones(len(lat), np.float32)))
    lat, lon, count = (np.concatenate(column) for column in zip(*parts, strict=True))
    encoder = LocationEncoder(folder / LOCATION_GRAPH, threads=threads)
    vectors = encoder(np.stack([lat, lon], axis=1))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    files = ("gallery.npy", "gallery.csv")
    np.save(folder / files[0], vectors.astype(np.float16 if half else np.float32))
    _write_points(folder / files[1], lat, lon, count)
    return RetrieveHead("gps", output, *files, scale, HEAD_GRAPH, LOCATION_GRAPH)


def gallery_name(kind: str) -> str:
    """The gallery as the card names it; of a path only the last part, the rest is private."""
    return kind if kind in GALLERIES else Path(kind).name


def _write_points(
    file: Path,
    lat: NDArray[np.float32],
    lon: NDArray[np.float32],
    count: NDArray[np.float32],
) -> None:
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("lat", "lon", "count"))
        for row in zip(lat, lon, count.astype(int), strict=True):
            writer.writerow(map(str, row))
