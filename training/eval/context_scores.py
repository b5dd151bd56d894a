"""geolocation_clip's heads: what each tells apart, and which of them the belief hears."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from geotagger.errors import UsageError
from geotagger.geography.places import load_places
from geotagger.vision.decoding.heads import ClassifyDecoder, RegressDecoder
from training.eval import metrics
from training.models.context import DEGREES, HEADS, PLACE_HEADS, logits_name
from training.targets.captions import county_of, month_of
from training.targets.classes import Classes, make_classes
from training.targets.climates import climate_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from geotagger.vision.decoding.heads import HeadDecoder
    from training.data.dataset import Example
    from training.engine.run_folder import HeldOut

ATTRIBUTES = ("climate", "month")


def make_heads(examples: list[Example], known: NDArray[np.intp], least: int) -> dict[str, Classes]:
    """The classes of every head that the data set tells two or more of; see HEADS."""
    columns = {
        "climate": [replace(e, label=climate_of(e)) for e in examples],
        "month": [replace(e, label=month_of(e)) for e in examples],
        "country": examples,
        "state": examples,
        "county": [replace(e, city=county_of(e)) for e in examples],
        "city": examples,
    }
    kinds = {"climate": "label", "month": "label", "state": "region", "county": "city"}
    heads = {}
    for name in HEADS:
        own, kind = columns[name], kinds.get(name, name)
        frequent = only_frequent(own, kind, known, least if name not in ATTRIBUTES else 1)
        try:
            classes = make_classes(frequent, kind, known)
        except UsageError:
            continue
        if len(classes) > 1:
            heads[name] = replace(classes, places=classes.places and name not in ATTRIBUTES)
    return heads


def only_frequent(
    examples: Sequence[Example], kind: str, known: NDArray[np.intp], least: int
) -> list[Example]:
    """Examples without the name of a class that fewer than `least` of the photos `known` have."""

    def key(example: Example) -> tuple[str, ...]:
        return (example.country, example.region if kind == "city" else "", getattr(example, kind))

    count = Counter(key(examples[row]) for row in known)
    return [e if count[key(e)] >= least else replace(e, **{kind: ""}) for e in examples]


def make_decoders(
    heads: Mapping[str, Classes], temperature: Mapping[str, float], sigma: float
) -> dict[str, HeadDecoder]:
    """Of those heads that speak of places; see `placed_heads`."""
    places = load_places()
    decoders: dict[str, HeadDecoder] = {DEGREES: RegressDecoder(sigma, places)}
    for name in placed_heads({name: classes.places for name, classes in heads.items()}):
        output = logits_name(name)
        decoders[output] = ClassifyDecoder(heads[name].labels, temperature[output], places, name)
    return decoders


def placed_heads(places: Mapping[str, bool]) -> list[str]:
    """Heads whose answer goes into the belief beside the coordinates: the coarsest alone.

    They all read the same layers; to add them up would count one opinion several times.
    """
    return [name for name in PLACE_HEADS if places.get(name)][:1]


def head_table(
    test: HeldOut,
    temperature: Mapping[str, float],
    heads: Mapping[str, Classes],
    known: NDArray[np.intp],
) -> dict[str, dict[str, float | None]]:
    """Each head beside the commonest class of the training photos."""
    table = {}
    for name, classes in heads.items():
        output = logits_name(name)
        target = test.target[output]
        own = classes.index[known]
        counts = np.bincount(own[own >= 0], minlength=len(classes)) + 0.5
        prior = np.tile(np.log(counts / counts.sum()), (len(test), 1))
        table[name] = metrics.classification(test.outputs[output], target, temperature[output])
        table[f"{name}, commonest"] = metrics.classification(prior, target)
    return table
