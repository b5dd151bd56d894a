"""Models that match a photo against a gallery: the scale of their logits, and how they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geotagger.geo import unit_vectors64
from geotagger.vision.cover import nearest as nearest_points
from geotagger.vision.heads import RetrieveReader
from geotagger.vision.tables import Gallery, read_gallery
from training.calibrate import EXACT, fit_temperature

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from geotagger.places import Places
    from training.run_folder import HeldOut

EMBEDDING = "photo_embedding"
"""The output of a model that retrieves. (`embedding` is what exporters call a layer of CLIP.)"""
MOST_SCALE = 1000.0


def gallery_of(run: Path) -> Gallery:
    """What training.galleries.write_gallery wrote."""
    return read_gallery(run / "gallery.npy", run / "gallery.csv")


def fit_scale(held: HeldOut, gallery: Gallery, trained_scale: float) -> float:
    """The scale of the cosine by which the points nearest to validation photos surprise least.

    Points stand in for what a contrastive loss took as counter-examples, so the temperature of
    training is the right one only for galleries like its batches.
    """
    exact = np.isin(held.precision, EXACT) & ~np.isnan(held.lat)
    if not exact.any():
        return trained_scale
    target = nearest_points(
        unit_vectors64(held.lat[exact], held.lon[exact]), unit_vectors64(gallery.lat, gallery.lon)
    )
    logits = trained_scale * held.outputs[EMBEDDING][exact] @ gallery.vectors.astype(np.float32).T
    temperature = fit_temperature(logits, target.astype(np.int64))
    return round(min(MOST_SCALE, trained_scale / temperature), 4)


def best_points(embedding: NDArray[np.float32], gallery: Gallery, count: int) -> NDArray[np.intp]:
    """[n, count] rows of the gallery, best first."""
    cosine = embedding @ gallery.vectors.astype(np.float32).T
    return np.argsort(-cosine, axis=1, kind="stable")[:, :count]


def reader_of(run: Path, scale: float, places: Places) -> RetrieveReader:
    return RetrieveReader(gallery_of(run), scale, places)
