"""The licences of published weights."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

UNKNOWN_LICENCE = "unknown"
PUBLISHED_LICENCES = {
    "openai/clip-vit-base-patch16": "MIT",
    "openai/clip-vit-base-patch32": "MIT",
    "openai/clip-vit-large-patch14": "MIT",
    "openai/clip-vit-large-patch14-336": "MIT",
    "geolocal/StreetCLIP": "CC-BY-NC-4.0",
    "google/siglip-base-patch16-224": "Apache-2.0",
    "google/siglip2-base-patch16-224": "Apache-2.0",
}
"""Licences by hub id; some model pages state none."""


def licence_of(folder: Path) -> str:
    """Returns the licence in the YAML header of the model's README, or `unknown`."""
    page = folder / "README.md"
    return licence_in_page(
        page.read_text(encoding="utf-8", errors="replace") if page.is_file() else ""
    )


def licence_in_page(text: str) -> str:
    """The licence in the YAML header of a model's README, or `unknown`."""
    header = re.match(r"---[ \t\r]*\n(.*?)\n---", text, re.DOTALL)
    pattern = r"^license:\s*[\"']?([\w.+-]+)"
    match = re.search(pattern, header[1], re.MULTILINE) if header else None
    return match[1] if match else UNKNOWN_LICENCE


def is_restricted(licence: str) -> bool:
    """Whether the licence is non-commercial, forbids derivatives, or is unknown."""
    parts = set(re.split(r"[^a-z]+", licence.lower()))
    return bool({"nc", "nd", "noncommercial", "research", UNKNOWN_LICENCE} & parts)
