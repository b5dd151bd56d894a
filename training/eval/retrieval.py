"""Models that match a photo with a gallery: the scale of their cosines, and their scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geotagger.geography.places import load_places
from geotagger.geography.sphere import unit_vectors64
from geotagger.vision.bundle.label_tables import Gallery, read_gallery
from geotagger.vision.decoding.heads import RetrieveDecoder
from geotagger.vision.decoding.label_cover import nearest_index as nearest_points
from training.calibrate.calibrate import LOCATED_PRECISIONS, fit_temperature
from training.eval.comparison import places_table

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from training.engine.run_folder import HeldOut
    from training.eval.comparison import ReferenceFeatures, Table

EMBEDDING = "photo_embedding"
"""The output of a retrieval model. (`embedding` is the name of a layer of an exported CLIP.)"""
MAX_SCALE = 1000.0


def load_gallery(run: Path) -> Gallery:
    """Reads what training.targets.galleries.write_gallery wrote."""
    return read_gallery(run / "gallery.npy", run / "gallery.csv")


def fit_scale(held: HeldOut, gallery: Gallery, trained_scale: float) -> float:
    """Fits the factor of the cosines on validation photos, by the likelihood of the nearest points.

    In a contrastive loss the other photos of the batch were the negatives; now the points of the
    gallery are, so the scale of the training is only right for galleries like its batches.

    Args:
        held: Validation photos.
        gallery: The points.
        trained_scale: The factor at the end of training.

    Returns:
        The factor, at most MAX_SCALE.
    """
    located = np.isin(held.precision, LOCATED_PRECISIONS) & ~np.isnan(held.lat)
    if not located.any():
        return trained_scale
    target = nearest_points(
        unit_vectors64(held.lat[located], held.lon[located]),
        unit_vectors64(gallery.lat, gallery.lon),
    )
    cosines = held.outputs[EMBEDDING][located] @ gallery.vectors.astype(np.float32).T
    temperature = fit_temperature(trained_scale * cosines, target.astype(np.int64))
    return round(min(MAX_SCALE, trained_scale / temperature), 4)


def top_points(embedding: NDArray[np.float32], gallery: Gallery, count: int) -> NDArray[np.intp]:
    """Returns [n, count] rows of the gallery, best first, for embeddings [n, D]."""
    cosine = embedding @ gallery.vectors.astype(np.float32).T
    return np.argsort(-cosine, axis=1, kind="stable")[:, :count]


def score_retrieval(
    run: Path, val: HeldOut, test: HeldOut, trained_scale: float, reference: ReferenceFeatures
) -> tuple[float, Table]:
    """Fits the scale and scores the model next to baselines.

    Args:
        run: The folder of the run, with the gallery.
        val: Validation photos.
        test: Test photos.
        trained_scale: The factor of the cosines at the end of training.
        reference: Features before training, for the nearest neighbour.

    Returns:
        (fitted scale, table of training.eval.comparison.places_table).
    """
    gallery, places = load_gallery(run), load_places()
    scale = fit_scale(val, gallery, trained_scale)
    decoders = {EMBEDDING: RetrieveDecoder(gallery, scale, places)}
    return scale, places_table(run, val, test, decoders, places, reference)
