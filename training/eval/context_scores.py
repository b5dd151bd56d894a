"""The scores of geolocation_clip's heads, and which of them are evidence of the place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from geotagger.geography.places import load_places
from geotagger.vision.decoding.heads import ClassifyDecoder, RegressDecoder
from training.eval import metrics
from training.models.context import DEGREES, PLACE_HEADS, logits_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from geotagger.vision.decoding.heads import HeadDecoder
    from training.engine.run_folder import HeldOut
    from training.eval.comparison import Table
    from training.targets.classes import Classes


def make_decoders(
    heads: Mapping[str, Classes], temperature: Mapping[str, float], sigma_km: float
) -> dict[str, HeadDecoder]:
    """Returns output -> reader of the heads that are evidence of the place (`evidence_heads`)."""
    places = load_places()
    decoders: dict[str, HeadDecoder] = {DEGREES: RegressDecoder(sigma_km, places)}
    for name in evidence_heads({name: classes.places for name, classes in heads.items()}):
        output = logits_name(name)
        decoders[output] = ClassifyDecoder(heads[name].labels, temperature[output], places, name)
    return decoders


def evidence_heads(places: Mapping[str, bool]) -> list[str]:
    """Returns the heads that count as evidence next to the coordinates: only the coarsest one.

    All heads read the same layers, so their sum would count the same evidence several times.

    Args:
        places: Head -> whether its classes are places.
    """
    return [name for name in PLACE_HEADS if places.get(name)][:1]


def head_table(
    test: HeldOut,
    temperature: Mapping[str, float],
    heads: Mapping[str, Classes],
    train_rows: NDArray[np.intp],
) -> Table:
    """Scores each head next to the most common class of the training photos."""
    table = {}
    for name, classes in heads.items():
        output = logits_name(name)
        target = test.target[output]
        own = classes.index[train_rows]
        counts = np.bincount(own[own >= 0], minlength=len(classes)) + 0.5
        log_prior = np.tile(np.log(counts / counts.sum()), (len(test), 1))
        table[name] = metrics.classification(test.outputs[output], target, temperature[output])
        table[f"{name}, commonest"] = metrics.classification(log_prior, target)
    return table
