"""What every family of models gives to the export; export/run_bundle.py does the rest.

A family is one file here with `load(run, document) -> Exportable`, and a line in FAMILIES.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from geotagger.errors import UsageError
from geotagger.vision.bundle.card import UNCALIBRATED, Calibration
from training.engine import origins, run_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from torch import nn

    from geotagger.images.decode import InputSpec
    from geotagger.vision.bundle.head_specs import Head
    from training.engine.run_folder import HeldOut

FAMILIES = {
    "starter": "export.families.starter",
    "cnn": "export.families.cnn",
    "streetclip": "export.families.streetclip",
    "context": "export.families.context",
    "geoclip": "export.families.geoclip",
}
"""The `family` of a run.json -> the module that exports it."""


@dataclass(frozen=True, slots=True)
class Exportable:
    """A trained network with what its bundle needs."""

    module: nn.Module
    """Maps uint8 pixels [B, S, S, 3] to one float32 tensor [B, ...] for each head, in order."""
    spec: InputSpec
    heads: tuple[Head, ...]
    write_tables: Callable[[Path], None]
    """Writes the label tables and galleries of the heads to the folder of the bundle."""
    description: str
    backbone: str
    """The weights from which training started, and their licence, as text."""
    metrics: Mapping[str, Any]
    licence: str = origins.DEFAULT_LICENCE
    """Of the weights, unless the user names another one (training/engine/origins.py)."""
    held_out: HeldOut | None = None
    """Validation photos, on which weight, radius factor and temperatures are fitted."""
    calibration: Calibration = UNCALIBRATED
    """Used without validation photos."""
    page: Callable[[str, str, Mapping[str, float]], str] | None = None
    """Makes the README of (name, precision, differences); None for a general one."""
    quantise: tuple[str, ...] = ("static", "dynamic")
    """Ways to int8 in the order of trial: static suits convolutions, dynamic suits matrix
    products. Empty for none."""


def load(run: Path) -> tuple[Exportable, dict[str, Any]]:
    """Loads a run by the exporter of its family.

    Returns:
        (network, run.json).

    Raises:
        UsageError: The run is not finished, or its family is unknown.
    """
    document = run_folder.read(run)
    family = document.get("family")
    if family not in FAMILIES:
        raise UsageError(
            f"{run}: family {family} is unknown; the families are {', '.join(FAMILIES)}"
        )
    return importlib.import_module(FAMILIES[family]).load(run, document), document
