"""Encodes finished photos as bytes: the cells of their report rows as compressed JSON.

A row depends only on the photo and on what `keys.run_key` covers, and serves every report format.
The key also covers the program, so the encoding needs no version.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from geotagger.printable import printable_path
from geotagger.reports.rows import row
from geotagger.reports.schema import COLUMNS, Cell
from geotagger.types import Anchor, Outcome, Photo, Point, SidecarVersion


@dataclass(frozen=True, slots=True)
class FinishedRow:
    """A photo that an earlier run has finished."""

    row: Mapping[str, Cell]
    """Its row in the report."""
    anchor: Anchor | None = None
    """The photo as evidence for its neighbours in time."""
    sidecars: tuple[SidecarVersion, ...] = ()
    """The photo's sidecars when it was finished."""


def pack(outcome: Outcome, anchor: Anchor | None, sidecars: Sequence[SidecarVersion] = ()) -> bytes:
    """Encode the report row without its path, the anchor, and the versions of the sidecars."""
    cells = list(row(outcome).values())[1:]
    packed = [cells, None if anchor is None else _pack_anchor(anchor), sidecars]
    return zlib.compress(json.dumps(packed, separators=(",", ":")).encode(), 1)


def unpack(packed: bytes, photo: Photo) -> FinishedRow:
    """Decode what `pack` made, for the photo at its present path.

    Raises:
        zlib.error, ValueError, TypeError, LookupError, AttributeError, RecursionError: the bytes
            are damaged.
    """
    cells, anchor, sidecars = json.loads(zlib.decompress(packed).decode())
    found = dict(zip(COLUMNS, (printable_path(photo.path), *cells), strict=True))
    versions = tuple(SidecarVersion(*version) for version in sidecars)
    return FinishedRow(found, None if anchor is None else _unpack_anchor(anchor), versions)


def _pack_anchor(anchor: Anchor) -> dict[str, Any]:
    countries = b64encode(anchor.countries.astype("<f4").tobytes()).decode("ascii")
    return {**asdict(anchor), "countries": countries}


def _unpack_anchor(packed: dict[str, Any]) -> Anchor:
    model, serial = packed["camera"]
    countries = np.frombuffer(b64decode(packed["countries"]), "<f4")
    point = Point(**packed["point"])
    return Anchor(**{**packed, "camera": (model, serial), "countries": countries, "point": point})
