"""Baselines that need no model: the most common place, and the nearest training photo."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from geotagger.geography.sphere import haversine_km
from training.calibrate import calibrate
from training.data.example import positions
from training.eval import metrics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from geotagger.geography.places import Places
    from geotagger.vision.decoding.heads import HeadDecoder
    from training.data.example import Example
    from training.engine.run_folder import HeldOut

MAX_REFERENCES = 20000
"""Training photos among which the nearest neighbour is searched."""

Table = dict[str, dict[str, "float | None"]]
"""Column -> score -> value."""


@dataclass(frozen=True, slots=True)
class ReferenceFeatures:
    """Features of training and test photos before training, for the nearest-neighbour baseline."""

    rows: NDArray[np.intp]
    """[n] the training photos."""
    examples: Sequence[Example]
    """The n training photos."""
    train: NDArray[np.float32]
    """[n, D] their features."""
    test: NDArray[np.float32]
    """[m, D] the features of the test photos."""

    def located(self) -> ReferenceFeatures:
        """Returns the same without training photos whose position is unknown."""
        kept = np.array([example.has_point for example in self.examples], bool)
        examples = [example for example in self.examples if example.has_point]
        return ReferenceFeatures(self.rows[kept], examples, self.train[kept], self.test)

    def nearest(self) -> NDArray[np.intp]:
        """Returns [m] the nearest training photo of each test photo."""
        return nearest_rows(self.train, self.test)


def sample_rows(rows: NDArray[np.intp], most: int = MAX_REFERENCES) -> NDArray[np.intp]:
    """Returns at most `most` of the rows, evenly spread."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), most)).astype(int))]


def places_table(
    run: Path,
    val: HeldOut,
    test: HeldOut,
    decoders: Mapping[str, HeadDecoder],
    places: Places,
    reference: ReferenceFeatures,
) -> Table:
    """Scores the model, as `geotagger tag` would answer, and the baselines on the test photos.

    Args:
        run: Gets guesses.npz, for comparing the model with players (training/eval/players.py).
        val: Validation photos, on which the model is calibrated.
        test: Test photos.
        readers: Name of the output -> its reader.
        places: The places table.
        reference: Training photos, all with a position.
    """
    calibration = calibrate.fit(val, decoders, places)
    predictions = calibrate.predict(test, decoders, places, calibration)
    model = metrics.PredictedLocations.of_predictions(predictions)
    fields = ("lat", "lon", "country", "continent")
    np.savez_compressed(run / "guesses.npz", **{name: getattr(model, name) for name in fields})
    lat, lon = positions(reference.examples)
    nearest = reference.nearest()
    common_lat, common_lon = commonest_place(reference.examples)
    count = len(test)
    columns = {
        "model": model,
        "commonest": metrics.PredictedLocations.at([common_lat] * count, [common_lon] * count),
        "nearest": metrics.PredictedLocations.at(lat[nearest].tolist(), lon[nearest].tolist()),
    }
    return {name: metrics.geographic(predicted, test) for name, predicted in columns.items()}


def commonest_place(examples: Sequence[Example]) -> tuple[float, float]:
    """Returns (lat, lon) of the most central photo of the most common country."""
    country = Counter(example.country for example in examples).most_common(1)[0][0]
    own = [example for example in examples if example.country == country]
    lat, lon = positions(own[:2000])
    mean_km = haversine_km(lat[:, None], lon[:, None], lat, lon).mean(axis=1)
    best = int(mean_km.argmin())
    return float(lat[best]), float(lon[best])


def nearest_rows(known: NDArray[np.float32], queries: NDArray[np.float32]) -> NDArray[np.intp]:
    """Finds the nearest neighbours by cosine of standardised features.

    Args:
        known: [n, D].
        queries: [m, D].

    Returns:
        [m] rows of `known`.
    """
    mean, deviation = known.mean(axis=0), known.std(axis=0) + 1e-6
    one, two = ((values - mean) / deviation for values in (known, queries))
    one /= np.linalg.norm(one, axis=1, keepdims=True) + 1e-6
    return np.concatenate(
        [(part @ one.T).argmax(axis=1) for part in np.array_split(two, -(-len(two) // 256))]
    )
