"""Finished photos as bytes and back: the cells of their rows as a JSON list, compressed.

A row depends on nothing but the photo and what `keys.run_key` tells apart, and serves every format
of report. Only the program that wrote it reads it (`keys.program`), so it carries no version.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from dataclasses import asdict
from typing import Any

import numpy as np

from geotagger.printable import printable_path
from geotagger.reports.rows import row
from geotagger.reports.schema import COLUMNS
from geotagger.types import Anchor, Outcome, Photo, PhotoEvidence, PhotoMetadata, Point

NOTHING = PhotoMetadata()


def pack(outcome: Outcome, anchor: Anchor | None) -> bytes:
    """Its row but for the path, and what it tells of the photos around it."""
    cells = list(row(outcome).values())[1:]
    told = [cells, anchor and [asdict(outcome.existing), _anchor(anchor)]]
    return zlib.compress(json.dumps(told, separators=(",", ":")).encode(), 1)


def unpack(packed: bytes, photo: Photo) -> PhotoEvidence:
    """Raises many things for what `pack` did not make."""
    cells, told = json.loads(zlib.decompress(packed).decode())
    found = dict(zip(COLUMNS, (printable_path(photo.path), *cells), strict=True))
    existing, anchor = told or (None, None)
    outcome = Outcome(photo, existing=_existing(existing) if existing else NOTHING)
    return PhotoEvidence(outcome, row=found, anchor=_anchored(anchor) if anchor else None)


def _existing(told: dict[str, Any]) -> PhotoMetadata:
    gps = told.pop("gps")
    return PhotoMetadata(gps=Point(**gps) if gps else None, **told)


def _anchor(anchor: Anchor) -> dict[str, Any]:
    countries = b64encode(anchor.countries.astype("<f4").tobytes()).decode("ascii")
    return {**asdict(anchor), "countries": countries}


def _anchored(told: dict[str, Any]) -> Anchor:
    masses = np.frombuffer(b64decode(told["countries"]), "<f4")
    return Anchor(**{**told, "countries": masses, "point": Point(**told["point"])})
