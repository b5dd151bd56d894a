"""What placing photos by their trips costs, as a share of a run without it. At most 10 %.

python -m benchmarks.speed.trips
python -m benchmarks.speed.trips --roll 5000 --photos 64

A run over distinct photos of one camera gives the cost of a photo without trips. A roll of one
camera, whose pictures come from as many different outputs of the model, gives the cost of trips.
Both are processor time, so other programs hardly change the ratio.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import click

from benchmarks.fixtures.photos import make_photo
from geotagger.config import RunOptions
from geotagger.fusion.decide import predict
from geotagger.pipeline.run import weigh
from geotagger.pipeline.trips.window import TripEvidence
from geotagger.types import Outcome, PhotoEvidence, PhotoMetadata

START = datetime.fromisoformat("2024-05-01T08:00:00")
GAP_MINUTES = 7


@click.command(help=__doc__)
@click.option("--photos", default=128, show_default=True, help="Distinct photos of the run.")
@click.option("--megapixels", default=0.3, show_default=True, help="The smaller, the harder.")
@click.option("--roll", default=100_000, show_default=True, help="Photos of the roll.")
@click.option("--json", "as_json", is_flag=True)
def main(photos: int, megapixels: float, roll: int, as_json: bool) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        side = round((megapixels * 1e6 / 12) ** 0.5)
        for index in range(photos):
            make_photo(Path(scratch) / f"{index:06d}.jpg", index, (4 * side, 3 * side))
        options = RunOptions(paths=(Path(scratch),), read_text=False, album=False)
        items, fusion = weigh(options)
        first = next(items)  # loads the model
        started = time.process_time()
        rest = list(items)
        for item in rest:
            predict(item, fusion)
        without_ms = 1e3 * (time.process_time() - started) / len(rest)
    window = TripEvidence(fusion)
    most_kept = 0
    started = time.process_time()
    for _ in window.share(_roll([first, *rest], roll)):
        most_kept = max(most_kept, window.kept)
    trips_ms = 1e3 * (time.process_time() - started) / roll
    figures = {
        "megapixels": megapixels,
        "roll": roll,
        "without_trips_ms": round(without_ms, 2),
        "trips_ms": round(trips_ms, 2),
        "ratio": round(trips_ms / without_ms, 4),
        "most_observations_kept": most_kept,
    }
    if as_json:
        click.echo(json.dumps(figures))
        return
    click.echo(f"without trips {without_ms:8.2f} core-ms a photo ({megapixels} MP, no text)")
    click.echo(f"trips         {trips_ms:8.2f} core-ms a photo, roll of {roll:,} photos")
    click.echo(f"they add      {100 * trips_ms / without_ms:8.1f} %")
    click.echo(f"observations in memory: at most {most_kept}")


def _roll(items: list[PhotoEvidence], count: int) -> Iterator[PhotoEvidence]:
    """Photos of one camera, some minutes apart, with the evidence of `items` in turn."""
    for number in range(count):
        item = items[number % len(items)]
        taken = (START + timedelta(minutes=GAP_MINUTES * number)).isoformat()
        metadata = PhotoMetadata(taken_at=taken, camera="Camera")
        outcome: Outcome = replace(item.outcome, metadata=metadata)
        yield replace(item, outcome=outcome)


if __name__ == "__main__":
    main()
