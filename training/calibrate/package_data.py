"""Writes fitted constants into the package geotagger.data of this checkout."""

from __future__ import annotations

import json
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def write_package_json(name: str, document: Mapping[str, Any]) -> None:
    """Writes the JSON file `name` of geotagger.data, from where the program reads it."""
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    with resources.as_file(resources.files("geotagger.data") / name) as file:
        file.write_text(text, encoding="utf-8")
