"""Text that was read in photos: from the JSON of `geotagger read`, or from plain text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from geotagger.text.types import OcrResult, TextLine


def read_readings(file: Path) -> dict[str, OcrResult]:
    """Reads the output of `geotagger read --json`. Returns file name -> reading."""
    with file.open(encoding="utf-8") as lines:
        items = (json.loads(line) for line in lines)
        return {Path(item["path"]).name: reading_from_json(item) for item in items}


def reading_from_texts(texts: Sequence[str]) -> OcrResult:
    """Makes a reading of confident lines, one below the other."""
    height = 1 / max(len(texts) + 2, 8)
    tops = [(index + 1) * height for index in range(len(texts))]
    lines = [
        TextLine(text, 0.97, ((0.2, top), (0.8, top), (0.8, top + height), (0.2, top + height)))
        for text, top in zip(texts, tops, strict=True)
    ]
    return OcrResult(tuple(lines), 1600, 1200)


def reading_from_json(item: Mapping[str, Any]) -> OcrResult:
    """Makes a reading of its JSON. The size and the scripts may be missing."""
    lines = tuple(
        TextLine(
            line["text"],
            line["confidence"],
            tuple((x, y) for x, y in line["box"]),
            line.get("script", ""),
        )
        for line in item["lines"]
    )
    return OcrResult(lines, item.get("width_px", 0), item.get("height_px", 0))
