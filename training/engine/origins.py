"""Where the weights are from that a training starts with, and what they may be used for.

A run keeps it (run.json), and the card of its bundle carries the licence: what was tuned from
weights for research alone is for research alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

OWN = "Apache-2.0"
"""What weights are under that training made out of nothing."""
UNKNOWN = "unknown"
PUBLISHED = {
    "openai/clip-vit-base-patch16": "MIT",
    "openai/clip-vit-base-patch32": "MIT",
    "openai/clip-vit-large-patch14": "MIT",
    "openai/clip-vit-large-patch14-336": "MIT",
    "geolocal/StreetCLIP": "CC-BY-NC-4.0",
    "google/siglip-base-patch16-224": "Apache-2.0",
}
"""Licences by hub id; not every model page states its own."""


@dataclass(frozen=True, slots=True)
class Origin:
    weights: str
    """Hub id, package, or the last part of a path: where that lay is nobody's business."""
    licence: str
    """SPDX name where there is one, or `unknown`."""

    def __str__(self) -> str:
        return f"{self.weights} ({self.licence})"


def of_checkpoint(name: str) -> Origin:
    """Of a hub id or a folder."""
    if Path(name).is_dir():
        return Origin(Path(name).resolve().name, licence_of(Path(name)))
    return Origin(name, PUBLISHED.get(name, UNKNOWN))


def of_file(path: str) -> Origin:
    """Of a file of weights, which says nothing of itself."""
    return Origin(re.split(r"[\\/]", path)[-1], UNKNOWN)


def licence_of(folder: Path) -> str:
    """What the head of the model's README says; `unknown` where it says nothing."""
    page = folder / "README.md"
    text = page.read_text(encoding="utf-8", errors="replace") if page.is_file() else ""
    head = re.match(r"---\s*\n(.*?)\n---", text, re.DOTALL)
    found = re.search(r"^license:\s*[\"']?([\w.+-]+)", head[1], re.MULTILINE) if head else None
    return found[1] if found else UNKNOWN


def is_restricted(licence: str) -> bool:
    """Non-commercial, without derivatives, or not known."""
    parts = set(re.split(r"[^a-z]+", licence.lower()))
    return bool({"nc", "nd", "noncommercial", "research", UNKNOWN} & parts)


def licence_of_all(origins: Iterable[Origin]) -> str:
    """What a network is under that was tuned from all of these, as an SPDX expression."""
    return " AND ".join(dict.fromkeys(origin.licence for origin in origins)) or OWN


def told(origins: Iterable[Origin]) -> str:
    """For the page and the card of a bundle."""
    return ", ".join(map(str, origins)) or "weights out of nothing"
