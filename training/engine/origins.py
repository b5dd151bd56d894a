"""The origins of the weights that a training starts from, and their licences.

A run stores them in run.json, and the card of its bundle carries the licence: a network that was
tuned from weights for research only is for research only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from geotagger.vision.published.licences import (
    PUBLISHED_LICENCES,
    UNKNOWN_LICENCE,
    licence_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

DEFAULT_LICENCE = "Apache-2.0"
"""The licence of weights that were trained from scratch."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Pretrained weights and their licence."""

    weights: str
    """Hub id, package, or the last part of a path. The rest of a path is private."""
    licence: str
    """SPDX name if there is one, or `unknown`."""

    def __str__(self) -> str:
        return f"{self.weights} ({self.licence})"


def of_checkpoint(name: str) -> Origin:
    """Returns the origin of a hub id or a folder."""
    if Path(name).is_dir():
        return Origin(Path(name).resolve().name, licence_of(Path(name)))
    return Origin(name, PUBLISHED_LICENCES.get(name, UNKNOWN_LICENCE))


def of_file(path: str) -> Origin:
    """Returns the origin of a file of weights, whose licence is unknown."""
    return Origin(re.split(r"[\\/]", path)[-1], UNKNOWN_LICENCE)


def licence_of_all(origins: Iterable[Origin]) -> str:
    """Returns the licence of a network tuned from all of these, as an SPDX expression."""
    return " AND ".join(dict.fromkeys(origin.licence for origin in origins)) or DEFAULT_LICENCE


def describe(origins: Iterable[Origin]) -> str:
    """Returns the origins as text for the page and the card of a bundle."""
    return ", ".join(map(str, origins)) or "random weights"
