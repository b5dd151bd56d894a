"""How well a CNN does on the test photos, beside what needs no network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geotagger.geography.places import load_places
from geotagger.vision.decoding.heads import ClassifyDecoder
from training.calibrate import calibrate
from training.engine import run_folder
from training.eval import metrics
from training.eval.comparison import Table, nearest, places_table
from training.models.cnn import DEGREES, LOGITS
from training.targets.label_table import tempered

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from training.data.dataset import Example
    from training.targets.classes import Classes


def score(
    run: Path,
    classes: Classes,
    examples: list[Example],
    known: NDArray[np.intp],
    some: NDArray[np.intp],
    before: tuple[NDArray[np.float32], NDArray[np.float32]],
) -> tuple[float, dict[str, Table]]:
    """The temperature, and two tables on the test photos: of classes and of places.

    Beside the network stand the commonest class of the training photos (`known`), and for each test
    photo the nearest among `some` of them, by what the trunk saw in both before it was trained.
    """
    test = run_folder.read_held_out(run / "test.npz")
    val = run_folder.read_held_out(run / "val.npz")
    temperature = calibrate.fit_temperature(val.outputs[LOGITS], val.target[LOGITS])
    target = test.target[LOGITS]
    counts = np.bincount(classes.index[known], minlength=len(classes))
    prior = np.log((counts + 0.5) / (counts + 0.5).sum())
    neighbours = np.eye(len(classes))[classes.index[some[nearest(*before)]]]
    hard = ("photos", "accuracy", "precision", "recall", "f1")  # a neighbour has no probabilities
    tables = {
        "classes": {
            "model": metrics.classification(test.outputs[LOGITS], target, temperature),
            "commonest": metrics.classification(np.tile(prior, (len(test), 1)), target),
            "nearest": {
                name: value
                for name, value in metrics.classification(neighbours, target).items()
                if name in hard
            },
        }
    }
    placed = np.array([examples[row].has_point for row in some], bool)
    if not classes.places or not placed.any():
        return temperature, tables
    places = load_places()
    softer = calibrate.fit_place_temperature(val, LOGITS, classes.labels, places)
    labels = tempered(classes.labels, softer)
    decoder = ClassifyDecoder(labels, softer, places, str(run / "labels.csv"))
    tables["places"] = places_table(
        run,
        val,
        test,
        {LOGITS: decoder},
        places,
        [examples[row] for row in some[placed]],
        (before[0][placed], before[1]),
    )
    if DEGREES in test.outputs:
        lat, lon = test.outputs[DEGREES].T.astype(float)
        direct = metrics.Guesses.at(
            np.clip(lat, -90, 90).tolist(), ((lon + 180) % 360 - 180).tolist()
        )
        tables["places"]["coordinates"] = metrics.geographic(direct, test)
    return temperature, tables
