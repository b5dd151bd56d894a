"""The classes of geolocation_clip's heads."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from geotagger.errors import UsageError
from training.models.context import ATTRIBUTE_HEADS, HEADS
from training.targets.captions import county_of, month_of
from training.targets.classes import make_classes
from training.targets.climates import climate_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from training.data.example import Example
    from training.targets.classes import Classes


def make_context_classes(
    examples: list[Example], train_rows: NDArray[np.intp], min_photos: int
) -> dict[str, Classes]:
    """Makes the classes of every head.

    Args:
        examples: All photos.
        train_rows: The training photos, which define the classes.
        min_photos: A country, state, county or city with fewer training photos is no class.

    Returns:
        Head -> classes, for the heads with two classes or more.
    """
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
        is_attribute = name in ATTRIBUTE_HEADS
        own, kind = columns[name], kinds.get(name, name)
        frequent = drop_rare_names(own, kind, train_rows, 1 if is_attribute else min_photos)
        try:
            classes = make_classes(frequent, kind, train_rows)
        except UsageError:
            continue
        if len(classes) > 1:
            heads[name] = replace(classes, places=classes.places and not is_attribute)
    return heads


def drop_rare_names(
    examples: Sequence[Example], kind: str, train_rows: NDArray[np.intp], min_photos: int
) -> list[Example]:
    """Clears the field `kind` if fewer than `min_photos` training photos share its value."""

    def key(example: Example) -> tuple[str, ...]:
        return (example.country, example.region if kind == "city" else "", getattr(example, kind))

    count = Counter(key(examples[row]) for row in train_rows)
    return [e if count[key(e)] >= min_photos else replace(e, **{kind: ""}) for e in examples]
