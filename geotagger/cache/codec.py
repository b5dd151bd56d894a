"""Encodes finished photos as bytes: the cells of their report rows as compressed JSON.

A row depends only on the photo and on what `keys.run_key` covers, and serves every report format.
The key also covers the program, so the encoding needs no version.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from geotagger.printable import printable_path
from geotagger.reports.rows import row
from geotagger.reports.schema import COLUMNS, Cell
from geotagger.types import (
    AreaRatios,
    Moment,
    Observation,
    Outcome,
    Photo,
    Point,
    SidecarVersion,
)


@dataclass(frozen=True, slots=True)
class FinishedRow:
    """A photo that an earlier run has finished."""

    row: Mapping[str, Cell]
    """Its row in the report."""
    observation: Observation | None = None
    """The photo as evidence for its neighbours in time."""
    sidecars: tuple[SidecarVersion, ...] = ()
    """The photo's sidecars when it was finished."""


def pack(
    outcome: Outcome,
    observation: Observation | None,
    sidecars: Sequence[SidecarVersion] = (),
) -> bytes:
    """Encode the report row without its path, the observation, and the versions of the sidecars."""
    cells = list(row(outcome).values())[1:]
    packed = [cells, None if observation is None else _pack_observation(observation), sidecars]
    return zlib.compress(json.dumps(packed, separators=(",", ":")).encode(), 1)


def unpack(packed: bytes, photo: Photo) -> FinishedRow:
    """Decode what `pack` made, for the photo at its present path.

    Raises:
        zlib.error, ValueError, TypeError, LookupError, AttributeError, RecursionError: the bytes
            are damaged.
    """
    cells, observation, sidecars = json.loads(zlib.decompress(packed).decode())
    found = dict(zip(COLUMNS, (printable_path(photo.path), *cells), strict=True))
    versions = tuple(SidecarVersion(*version) for version in sidecars)
    seen = None if observation is None else _unpack_observation(observation)
    return FinishedRow(found, seen, versions)


def _pack_observation(observation: Observation) -> dict[str, Any]:
    point = observation.point
    return {
        "name": observation.name,
        "moment": observation.moment,
        "picture": _pack_ratios(observation.picture),
        "sign": _pack_ratios(observation.sign),
        "words": observation.words,
        "point": None if point is None else (point.lat, point.lon),
        "certainty": observation.certainty,
        "error_km": observation.error_km,
    }


def _unpack_observation(packed: dict[str, Any]) -> Observation:
    sequence, at_s, by_clock = packed["moment"]
    point = packed["point"]
    found = {
        **packed,
        "moment": Moment(tuple(sequence), at_s, by_clock),
        "picture": _unpack_ratios(packed["picture"]),
        "sign": _unpack_ratios(packed["sign"]),
        "point": None if point is None else Point(*point),
    }
    return Observation(**found)


def _pack_ratios(ratios: AreaRatios | None) -> list[str] | None:
    return None if ratios is None else [b64encode(part).decode("ascii") for part in ratios]


def _unpack_ratios(packed: list[str] | None) -> AreaRatios | None:
    return None if packed is None else AreaRatios(*map(b64decode, packed))
