"""What was read in photos, kept as JSON or given as plain text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from geotagger.text.types import OcrResult, TextLine


def read_readings(file: Path) -> dict[str, OcrResult]:
    """What `geotagger read --json` printed, by file name."""
    with file.open(encoding="utf-8") as lines:
        found = (json.loads(line) for line in lines)
        return {Path(item["path"]).name: reading_of(item) for item in found}


def well_read(texts: Sequence[str]) -> OcrResult:
    """Texts as if they had been read well: one line below the other."""
    height = 1 / max(len(texts) + 2, 8)
    tops = [(index + 1) * height for index in range(len(texts))]
    lines = [
        TextLine(text, 0.97, ((0.2, top), (0.8, top), (0.8, top + height), (0.2, top + height)))
        for text, top in zip(texts, tops, strict=True)
    ]
    return OcrResult(tuple(lines), 1600, 1200)


def reading_of(item: Mapping[str, Any]) -> OcrResult:
    """Of its JSON; the size and the scripts are not in those of early versions."""
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
