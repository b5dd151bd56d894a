"""Models that match a photo against a gallery: the scale of their logits, and how they are read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geotagger.geography.places import load_places
from geotagger.geography.sphere import unit_vectors64
from geotagger.vision.bundle.label_tables import Gallery, read_gallery
from geotagger.vision.decoding.heads import RetrieveDecoder
from geotagger.vision.decoding.label_cover import nearest_index as nearest_points
from training.calibrate.calibrate import EXACT, fit_temperature
from training.engine import run_folder
from training.eval.comparison import places_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from geotagger.geography.places import Places
    from training.data.dataset import Example
    from training.engine.experiment import DataSet
    from training.engine.run_folder import HeldOut
    from training.eval.comparison import Table
    from training.models.clip import Clip
    from training.models.feature_extractor import FeatureExtractor
    from training.models.geoclip import GeoClip

EMBEDDING = "photo_embedding"
"""The output of a model that retrieves. (`embedding` is what exporters call a layer of CLIP.)"""
MAX_SCALE = 1000.0


def gallery_of(run: Path) -> Gallery:
    """What training.targets.galleries.write_gallery wrote."""
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
    return round(min(MAX_SCALE, trained_scale / temperature), 4)


def best_points(embedding: NDArray[np.float32], gallery: Gallery, count: int) -> NDArray[np.intp]:
    """[n, count] rows of the gallery, best first."""
    cosine = embedding @ gallery.vectors.astype(np.float32).T
    return np.argsort(-cosine, axis=1, kind="stable")[:, :count]


def decoder_of(run: Path, scale: float, places: Places) -> RetrieveDecoder:
    return RetrieveDecoder(gallery_of(run), scale, places)


def save_held_out(
    run: Path, model: Clip | GeoClip, sight: FeatureExtractor, data: DataSet
) -> tuple[HeldOut, HeldOut]:
    """Writes what the image side makes of validation and test photos, and returns it."""
    for split in ("val", "test"):
        (values,) = sight.run(model, model.images, data.splits[split])
        run_folder.save_held_out(run / f"{split}.npz", data.of(split), {EMBEDDING: values}, {})
    val, test = (run_folder.read_held_out(run / f"{split}.npz") for split in ("val", "test"))
    return val, test


def places_of(
    run: Path,
    val: HeldOut,
    test: HeldOut,
    trained_scale: float,
    known: Sequence[Example],
    features: tuple[NDArray[np.float32], NDArray[np.float32]],
) -> tuple[float, Table]:
    """The scale that fits validation photos, and the table of
    training.eval.comparison.places_table."""
    scale = fit_scale(val, gallery_of(run), trained_scale)
    places = load_places()
    decoders = {EMBEDDING: decoder_of(run, scale, places)}
    return scale, places_table(run, val, test, decoders, places, known, features)
