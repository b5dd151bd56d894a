"""What every family of models hands to the export; export/to_onnx.py does the rest.

A family is one file here with `load(run) -> Exportable`, and a line in FAMILIES.
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
"""The `family` of a run.json and the file that exports it."""


@dataclass(frozen=True, slots=True)
class Exportable:
    module: nn.Module
    """uint8 pixels [B, S, S, 3] -> one float32 tensor [B, ...] for each head, in their order."""
    spec: InputSpec
    heads: tuple[Head, ...]
    write_tables: Callable[[Path], None]
    """Writes the label tables and galleries that the heads name into the bundle's folder."""
    description: str
    trunk: str
    """What the weights started from, and its licence, in words."""
    metrics: Mapping[str, Any]
    licence: str = origins.OWN
    """Of the weights, unless the user names another (training/engine/origins.py)."""
    held_out: HeldOut | None = None
    """Validation photos: weight, radius factor and temperatures are fitted on them."""
    calibration: Calibration = UNCALIBRATED
    """What the card gets when there are no validation photos."""
    page: Callable[[str, str, Mapping[str, float]], str] | None = None
    """The README for (name, precision, parity); without it a general one is written."""
    quantise: tuple[str, ...] = ("static", "dynamic")
    """Ways to 8 bits, in the order in which they are tried: static suits convolutions, dynamic
    matrix products. Empty: never."""


def load(run: Path) -> tuple[Exportable, dict[str, Any]]:
    """What to export, and run.json.

    Raises:
        UsageError: there is no finished run, or its family is not known.
    """
    document = run_folder.read(run)
    family = document.get("family", "starter")
    if family not in FAMILIES:
        raise UsageError(f"{run}: family {family} is not known; there are {', '.join(FAMILIES)}")
    return importlib.import_module(FAMILIES[family]).load(run, document), document
