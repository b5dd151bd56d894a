"""Throughput of `--engine local` and `--engine ray` on this machine, in turn.

python -m benchmarks.speed.ray --photos 320

The start-up (Ray, models) is measured by a run of one photo and subtracted.
"""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import click

from benchmarks.fixtures.photos import make_folder
from geotagger.config import RunOptions
from geotagger.pipeline import run as pipeline


@click.command(help=__doc__)
@click.option("--photos", "count", default=320, show_default=True)
@click.option("--rounds", default=3, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(count: int, rounds: int, as_json: bool) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        options = RunOptions(
            paths=(make_folder(Path(scratch) / "photos", count),),
            reports=(Path(scratch) / "report.csv",),
            read_text=False,
        )
        engines = ("local", "ray")
        runs: dict[str, list[tuple[float, float]]] = {name: [] for name in engines}
        for _ in range(rounds):
            for name in engines:
                runs[name].append(_timed(replace(options, engine=name)))
    rates = {name: median(count / steady for _, steady in found) for name, found in runs.items()}
    start_s = {name: median(first for first, _ in found) for name, found in runs.items()}
    ratio = median(b / a for (_, a), (_, b) in zip(runs["ray"], runs["local"], strict=True))
    figures = {"photos": count, "photos_per_s": rates, "start_s": start_s, "ratio": ratio}
    if as_json:
        click.echo(json.dumps(figures))
        return
    for name in engines:
        click.echo(f"{name:6} {rates[name]:7.1f} photos/s after {start_s[name]:5.1f} s of starting")
    click.echo(f"ray / local: {ratio:.2f}")


def _timed(options: RunOptions) -> tuple[float, float]:
    """Seconds of a run of one photo, and the further seconds of the whole run."""
    one = replace(options, paths=(sorted(options.paths[0].iterdir())[0],))
    started = time.perf_counter()
    pipeline.run(one)
    start_s = time.perf_counter() - started
    started = time.perf_counter()
    pipeline.run(options)
    return start_s, time.perf_counter() - started - start_s


if __name__ == "__main__":
    main()
