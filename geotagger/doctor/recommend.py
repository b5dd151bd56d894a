"""Which published model suits this machine: what each costs to download and to run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from geotagger.download.known import KnownModel, known_models
from geotagger.vision.published.graph_template import (
    PIXEL_DEVIATION,
    PIXEL_MEAN,
    tower_template,
)
from geotagger.vision.published.licences import PUBLISHED_LICENCES, is_restricted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geotagger.vision.published.architecture import TowerArchitecture

BYTES_A_VALUE = 4
MEMORY_PER_WEIGHT = 2.5
"""A session needs the weights, what it packs of them, and the activations."""
CHANNELS = 3
FROM_PROCESSOR = {PIXEL_MEAN, PIXEL_DEVIATION}
"""They are not downloaded with the weights."""


@dataclass(frozen=True, slots=True)
class ModelCost:
    """What a published model costs on a machine."""

    model: KnownModel
    licence: str
    download_bytes: int
    memory_bytes: int
    photo_s: float
    """Seconds a photo in float32, without reading and decoding it."""


def costs(flops: float) -> list[ModelCost]:
    """The costs of all models that have a name, the most accurate first.

    Args:
        flops: floating-point operations a second; see `speed.measure_flops`.
    """
    return [_cost(model, flops) for model in known_models().values()]


def recommended(costs: Sequence[ModelCost], max_s: float) -> ModelCost | None:
    """The most accurate model for any use that this machine runs fast enough; None if none does.

    Args:
        costs: the most accurate model first.
        max_s: seconds that a photo may take.
    """
    memory = _memory_bytes()
    for cost in costs:
        fits = cost.photo_s <= max_s and cost.memory_bytes <= (memory or cost.memory_bytes)
        if fits and not is_restricted(cost.licence):
            return cost
    return None


def _cost(model: KnownModel, flops: float) -> ModelCost:
    image, *_ = model.towers
    wheel_bytes = model.wheel.size_bytes if model.wheel else 0
    return ModelCost(
        model,
        PUBLISHED_LICENCES[model.repository],
        wheel_bytes + sum(map(_weights_bytes, model.towers)),
        round(MEMORY_PER_WEIGHT * _weights_bytes(image)),
        operations(image) / flops,
    )


def _weights_bytes(tower: TowerArchitecture) -> int:
    weights = tower_template(tower, "fp32").table.weights
    shapes = {one.tensor: one.shape for one in weights if one.tensor not in FROM_PROCESSOR}
    return BYTES_A_VALUE * sum(map(prod, shapes.values()))


def operations(tower: TowerArchitecture) -> float:
    """Floating-point operations of an image tower for one photo: a product and a sum count two."""
    patches = (tower.size_px // tower.patch_px) ** 2
    tokens = patches + 1
    of_weights = 4 * tower.width**2 + 2 * tower.width * tower.mlp_width
    of_attention = 2 * tokens * tower.width
    patch_values = CHANNELS * tower.patch_px**2
    layers = tower.layers * tokens * (of_weights + of_attention)
    return 2.0 * (layers + patches * patch_values * tower.width)


def _memory_bytes() -> int:
    """Memory of this machine; 0 if the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows
        return 0
