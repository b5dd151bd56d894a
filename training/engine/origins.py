"""The origins of the weights that a training starts from, and their licences.

A run stores them in run.json, and the card of its bundle carries the licence: a network that was
tuned from weights for research only is for research only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

DEFAULT_LICENCE = "Apache-2.0"
"""The licence of weights that were trained from scratch."""
UNKNOWN_LICENCE = "unknown"
PUBLISHED_LICENCES = {
    "openai/clip-vit-base-patch16": "MIT",
    "openai/clip-vit-base-patch32": "MIT",
    "openai/clip-vit-large-patch14": "MIT",
    "openai/clip-vit-large-patch14-336": "MIT",
    "geolocal/StreetCLIP": "CC-BY-NC-4.0",
    "google/siglip-base-patch16-224": "Apache-2.0",
}
"""Licences by hub id; some model pages state none."""


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


def licence_of(folder: Path) -> str:
    """Returns the licence in the YAML header of the model's README, or `unknown`."""
    page = folder / "README.md"
    text = page.read_text(encoding="utf-8", errors="replace") if page.is_file() else ""
    header = re.match(r"---\s*\n(.*?)\n---", text, re.DOTALL)
    pattern = r"^license:\s*[\"']?([\w.+-]+)"
    match = re.search(pattern, header[1], re.MULTILINE) if header else None
    return match[1] if match else UNKNOWN_LICENCE


def is_restricted(licence: str) -> bool:
    """Whether the licence is non-commercial, forbids derivatives, or is unknown."""
    parts = set(re.split(r"[^a-z]+", licence.lower()))
    return bool({"nc", "nd", "noncommercial", "research", UNKNOWN_LICENCE} & parts)


def licence_of_all(origins: Iterable[Origin]) -> str:
    """Returns the licence of a network tuned from all of these, as an SPDX expression."""
    return " AND ".join(dict.fromkeys(origin.licence for origin in origins)) or DEFAULT_LICENCE


def describe(origins: Iterable[Origin]) -> str:
    """Returns the origins as text for the page and the card of a bundle."""
    return ", ".join(map(str, origins)) or "random weights"
