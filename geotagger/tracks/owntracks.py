"""The `.rec` files of OwnTracks' recorder: time, kind and a JSON object in each line."""

from __future__ import annotations

import json
from typing import IO

from geotagger.tracks.fixes import UNKNOWN, FixCollector

_MAX_LINE_BYTES = 1 << 16


def read_rec(stream: IO[bytes], fixes: FixCollector) -> None:
    """Reads all lines that hold a location."""
    while line := stream.readline(_MAX_LINE_BYTES):
        _, _, payload = line.rpartition(b"\t")
        if b'"location"' not in payload:
            continue
        try:
            fix = json.loads(payload)
            accuracy_m = float(fix.get("acc") or UNKNOWN)
            fixes.add(float(fix["tst"]), float(fix["lat"]), float(fix["lon"]), accuracy_m)
        except (
            ValueError,
            LookupError,
            TypeError,
            AttributeError,
            ArithmeticError,
            RecursionError,
        ):
            fixes.skipped += 1
