"""The published models that have a name here: `data/published_models.json`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct

from geotagger.data import read_text
from geotagger.download.wheel import PackageWheel
from geotagger.vision.published.architecture import TowerArchitecture, read_towers
from geotagger.vision.published.graph_template import has_graph


class KnownModel(Struct, frozen=True, forbid_unknown_fields=True):
    """A published model."""

    name: str
    repository: str
    """Its id on the hub."""
    config: Mapping[str, Any]
    """The part of config.json that states the architecture; sizes follow from it."""
    wheel: PackageWheel | None = None
    """The package with GeoCLIP's heads and gallery."""
    within_750_km: float | None = None
    """Share of Im2GPS3k within 750 km, one crop; docs/internals/accuracy.md names the sources."""

    @property
    def towers(self) -> tuple[TowerArchitecture, ...]:
        """The image tower, and for captions the text tower."""
        image, text = read_towers(self.config, self.name)
        return (image,) if self.wheel else (image, text)


@cache
def geoclip_wheel() -> PackageWheel:
    """The package with GeoCLIP's heads, gallery and location encoder."""
    return next(model.wheel for model in _table() if model.wheel)


@cache
def known_models() -> Mapping[str, KnownModel]:
    """Those of the table that there are graphs for, by name; the most accurate first."""
    return {model.name: model for model in _table() if all(map(has_graph, model.towers))}


def models_without_graph() -> list[str]:
    """The names of the others of the table."""
    return [model.name for model in _table() if model.name not in known_models()]


@cache
def _table() -> tuple[KnownModel, ...]:
    return msgspec.json.decode(read_text("published_models.json"), type=tuple[KnownModel, ...])
