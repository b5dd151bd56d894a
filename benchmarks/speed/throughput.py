"""Throughput end to end, of decoding only and of inference only.

    python -m benchmarks.speed.throughput                      synthetic 12-MP JPEGs
    python -m benchmarks.speed.throughput --folder ~/Photos    your own

The stages take turns in every round, in one process, so the ratios hold on a noisy machine.
"Decoding" is all work of the worker threads: read, hash, read the metadata, decode, shrink.
Core-ms are the CPU time of a stage, which does not depend on other processes. Decoding and
inference share the cores, so their sum bounds the whole: "possible" is the ratio of a run without
any waiting. The models are loaded once, before the measurement, because the time of loading varies
more than the time of a few photos.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import click

from benchmarks.fixtures.photos import make_folder
from geotagger.config import RunOptions, cores
from geotagger.images.scan import walk
from geotagger.pipeline import run as pipeline
from geotagger.pipeline.prepare import prepare
from geotagger.pipeline.setup import EvidenceSetup
from geotagger.types import Photo


@click.command()
@click.option("--folder", type=click.Path(path_type=Path, exists=True), help="Photos to use.")
@click.option("--photos", "count", default=320, show_default=True, help="How many.")
@click.option("--rounds", default=3, show_default=True)
@click.option("--batch-size", default=0, help="Default: what suits the device.")
@click.option("--workers", default=cores(), show_default=True)
@click.option("--model", default="starter", show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(
    folder: Path | None,
    count: int,
    rounds: int,
    batch_size: int,
    workers: int,
    model: str,
    as_json: bool,
) -> None:
    """Print photos/s and the ratio of end to end to the slower of decoding and inference."""
    with tempfile.TemporaryDirectory() as scratch:
        source = folder or make_folder(Path(scratch) / "photos", count)
        photos = list(islice(walk([source]), count))
        options = RunOptions(
            paths=tuple(photo.path for photo in photos),
            reports=(Path(scratch) / "report.csv",),
            models=(model,),
            read_text=False,
            batch_size=batch_size,
            workers=workers,
        )
        loaded = Loaded(EvidenceSetup(options))
        vision = loaded.vision
        inputs = [item.inputs[0] for item in _decode(photos, vision, workers) if item.inputs]

        vision.weigh(inputs[: vision.batch_size])  # memory is touched for the first time

        def infer() -> None:
            for start in range(0, len(inputs), vision.batch_size):
                vision.weigh(inputs[start : start + vision.batch_size])

        def run() -> None:
            with patch.object(pipeline, "EvidenceSetup", lambda _: loaded):
                pipeline.run(options)

        stages: dict[str, Callable[[], object]] = {
            "end to end": run,
            "decoding": lambda: _decode(photos, vision, workers),
            "inference": infer,
        }
        seconds: dict[str, list[float]] = {name: [] for name in stages}
        core_ms: dict[str, list[float]] = {name: [] for name in stages}
        for _ in range(rounds):
            for name, stage in stages.items():
                started, used = time.perf_counter(), time.process_time()
                stage()
                seconds[name].append(time.perf_counter() - started)
                core_ms[name].append(1000 * (time.process_time() - used) / len(photos))
    rates = {name: len(photos) / median(runs) for name, runs in seconds.items()}
    costs = {name: median(runs) for name, runs in core_ms.items()}
    ratios = [
        max(decode_s, infer_s) / whole_s
        for whole_s, decode_s, infer_s in zip(*seconds.values(), strict=True)
    ]
    both = costs["decoding"] + costs["inference"]
    possible = max(costs["decoding"], costs["inference"]) / both
    figures = {
        "model": model,
        "photos": len(photos),
        "workers": workers,
        "photos_per_s": rates,
        "core_ms": costs,
        "ratio": median(ratios),
        "possible": possible,
        "of_the_cores": both / costs["end to end"],
    }
    if as_json:
        click.echo(json.dumps(figures))
        return
    for name, rate in rates.items():
        click.echo(f"{name:12} {rate:8.2f} photos/s {costs[name]:8.1f} core-ms a photo")
    click.echo(f"end to end / slower of the two: {figures['ratio']:.2f}; possible: {possible:.2f}")
    click.echo(f"decoding and inference take {figures['of_the_cores']:.2f} of all core time")


class Loaded:
    """An evidence setup whose sources are loaded."""

    def __init__(self, setup: EvidenceSetup) -> None:
        self.fusion = setup.fusion
        self._sources = setup.sources()
        self.vision: Any = self._sources[0]

    def sources(self) -> list[Any]:
        return self._sources


def _decode(photos: list[Photo], vision: Any, workers: int) -> list[object]:
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(lambda photo: prepare(photo, [vision], RunOptions(paths=())), photos))


if __name__ == "__main__":
    main()
