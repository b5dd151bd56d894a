"""A model beside what needs no model: the commonest place, and the nearest training photo."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from geotagger.geography.sphere import haversine_km
from training.calibrate import calibrate
from training.data.dataset import positions
from training.eval import metrics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from geotagger.geography.places import Places
    from geotagger.vision.decoding.heads import HeadDecoder
    from training.data.dataset import Example
    from training.engine.run_folder import HeldOut

MAX_KNOWN = 20000
"""Training photos that the nearest one is sought among."""

Table = dict[str, dict[str, "float | None"]]


def sample(rows: NDArray[np.intp], most: int = MAX_KNOWN) -> NDArray[np.intp]:
    """At most so many of the rows, spread over all of them."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), most)).astype(int))]


def places_table(
    run: Path,
    val: HeldOut,
    test: HeldOut,
    decoders: Mapping[str, HeadDecoder],
    places: Places,
    known: Sequence[Example],
    features: tuple[NDArray[np.float32], NDArray[np.float32]],
) -> Table:
    """How far off each is on the test photos; the model as `geotagger tag` would say it.

    Args:
        run: gets guesses.npz, for comparing the model with players (training/eval/metrics.py).
        readers: of the model's outputs, by name.
        known: training photos, all with a position.
        features: what the tower saw, before it was trained, in `known` and in the test photos.
    """
    calibration = calibrate.fit(val, decoders, places)
    own = metrics.Guesses.of(calibrate.predictions(test, decoders, places, calibration))
    names = ("lat", "lon", "country", "continent")
    np.savez_compressed(run / "guesses.npz", **{name: getattr(own, name) for name in names})
    lat, lon = positions(known)
    near = nearest(*features)
    middle = commonest(known)
    guesses = {
        "model": own,
        "commonest": metrics.Guesses.at([middle[0]] * len(test), [middle[1]] * len(test)),
        "nearest": metrics.Guesses.at(lat[near].tolist(), lon[near].tolist()),
    }
    return {name: metrics.geographic(found, test) for name, found in guesses.items()}


def commonest(examples: Sequence[Example]) -> tuple[float, float]:
    """The photo of the commonest country that lies nearest to all the others of it."""
    country = Counter(example.country for example in examples).most_common(1)[0][0]
    own = [example for example in examples if example.country == country]
    lat, lon = positions(own[:2000])
    far = haversine_km(lat[:, None], lon[:, None], lat, lon).mean(axis=1)
    best = int(far.argmin())
    return float(lat[best]), float(lon[best])


def nearest(known: NDArray[np.float32], asked: NDArray[np.float32]) -> NDArray[np.intp]:
    """For each of `asked` [m, D] the row of `known` [n, D] with the largest cosine, after each
    column is brought to mean 0 and spread 1."""
    middle, spread = known.mean(axis=0), known.std(axis=0) + 1e-6
    one, two = ((values - middle) / spread for values in (known, asked))
    one /= np.linalg.norm(one, axis=1, keepdims=True) + 1e-6
    return np.concatenate(
        [(part @ one.T).argmax(axis=1) for part in np.array_split(two, -(-len(two) // 256))]
    )
