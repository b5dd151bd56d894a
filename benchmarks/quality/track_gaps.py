"""How often the truth is inside the radius between two fixes, on your own track logs.

    python -m benchmarks.quality.track_gaps FILE...

Keeps a fix of each log per interval, and looks up the times of the others: their positions are the
truth. Prints by interval how many lie inside the 90 % radius, and the errors.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from geotagger.config import TrackGap
from geotagger.geography.sphere import haversine_km
from geotagger.tracks.cleaning import clean
from geotagger.tracks.files import read_track
from geotagger.tracks.fixes import FixTable
from geotagger.tracks.index import TrackIndex

INTERVALS_S = (10, 30, 60, 120, 300, 600, 1200)
MAX_LOOKED_UP = 600
"""Of each log and interval."""


def thinned(fixes: FixTable, interval_s: float) -> np.ndarray:
    """The rows of at most one fix per interval and segment."""
    rows = [0]
    for row in range(1, len(fixes)):
        starts = fixes.segment[row] != fixes.segment[rows[-1]]
        if starts or fixes.time_s[row] - fixes.time_s[rows[-1]] >= interval_s:
            rows.append(row)
    return np.array(rows)


def errors(fixes: FixTable, interval_s: float, dice: np.random.Generator) -> Iterator[tuple]:
    """(error, radius) in metres, of the fixes that were left out."""
    kept = thinned(fixes, interval_s)
    index = TrackIndex([("log", fixes.only(kept))], TrackGap(1800, 25))
    rest = np.setdiff1d(np.arange(len(fixes)), kept)
    for row in dice.permutation(rest)[:MAX_LOOKED_UP]:
        position = index.at(float(fixes.time_s[row]))
        if position is not None and position.is_between:
            point = position.point
            km = haversine_km(point.lat, point.lon, fixes.lat[row], fixes.lon[row])
            yield 1000 * km, 1000 * position.radius_km


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    options = parser.parse_args()
    dice = np.random.default_rng(0)
    logs = [clean(read_track(file).fixes.table()).fixes for file in options.files]
    print(
        f"{'interval s':>10} {'fixes':>7} {'inside':>8} {'median m':>9} {'90 % m':>7} "
        f"{'radius m':>9}"
    )
    for interval_s in INTERVALS_S:
        found = np.array([one for fixes in logs for one in errors(fixes, interval_s, dice)])
        if len(found):
            off, radius = found.T
            print(
                f"{interval_s:10} {len(off):7} {100 * np.mean(off <= radius):6.1f} % "
                f"{np.median(off):9.0f} {np.quantile(off, 0.9):7.0f} {np.median(radius):9.0f}"
            )


if __name__ == "__main__":
    main()
