"""The scores of a CNN on the test photos, next to baselines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geotagger.geography.places import load_places
from geotagger.vision.decoding.heads import ClassifyDecoder
from training.calibrate import calibrate
from training.eval import metrics
from training.eval.comparison import Table, places_table
from training.models.cnn import DEGREES, LOGITS
from training.targets.label_table import tempered

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from training.engine.run_folder import HeldOut
    from training.eval.comparison import ReferenceFeatures
    from training.targets.classes import Classes

HARD_SCORES = ("photos", "accuracy", "precision", "recall", "f1")
"""The scores of an answer without probabilities."""


def score_cnn(
    run: Path,
    classes: Classes,
    val: HeldOut,
    test: HeldOut,
    train_rows: NDArray[np.intp],
    reference: ReferenceFeatures,
) -> tuple[float, dict[str, Table]]:
    """Scores a CNN, the most common class and the nearest training photo.

    Args:
        run: The folder of the run.
        classes: The classes, with the class of every photo.
        val: Validation photos.
        test: Test photos.
        train_rows: The training photos.
        reference: Features before training, for the nearest neighbour.

    Returns:
        (temperature of the logits, title -> table).
    """
    temperature = calibrate.fit_temperature(val.outputs[LOGITS], val.target[LOGITS])
    tables = {"classes": _class_table(classes, test, temperature, train_rows, reference)}
    located = reference.located()
    if classes.places and located.examples:
        tables["places"] = _places_table(run, classes, val, test, located)
    return temperature, tables


def _class_table(
    classes: Classes,
    test: HeldOut,
    temperature: float,
    train_rows: NDArray[np.intp],
    reference: ReferenceFeatures,
) -> Table:
    target = test.target[LOGITS]
    counts = np.bincount(classes.index[train_rows], minlength=len(classes))
    log_prior = np.log((counts + 0.5) / (counts + 0.5).sum())
    neighbours = np.eye(len(classes))[classes.index[reference.rows[reference.nearest()]]]
    nearest = metrics.classification(neighbours, target)
    return {
        "model": metrics.classification(test.outputs[LOGITS], target, temperature),
        "commonest": metrics.classification(np.tile(log_prior, (len(test), 1)), target),
        "nearest": {name: value for name, value in nearest.items() if name in HARD_SCORES},
    }


def _places_table(
    run: Path, classes: Classes, val: HeldOut, test: HeldOut, reference: ReferenceFeatures
) -> Table:
    places = load_places()
    temperature = calibrate.fit_place_temperature(val, LOGITS, classes.labels, places)
    labels = tempered(classes.labels, temperature)
    decoder = ClassifyDecoder(labels, temperature, places, str(run / "labels.csv"))
    table = places_table(run, val, test, {LOGITS: decoder}, places, reference)
    if DEGREES in test.outputs:
        lat, lon = test.outputs[DEGREES].T.astype(float)
        direct = metrics.PredictedLocations.at(
            np.clip(lat, -90, 90).tolist(), ((lon + 180) % 360 - 180).tolist()
        )
        table["coordinates"] = metrics.geographic(direct, test)
    return table
