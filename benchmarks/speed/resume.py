"""Seconds and memory of a run over photos that an earlier run has finished.

    python -m benchmarks.speed.resume --photos 100000

Creates a tree of small photos (hard links to a few files) and tags it three times, each in a fresh
process: first with the cached outputs of the few originals, then unchanged, then after one photo
in a hundred was rewritten. --read-text reads text too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from benchmarks.fixtures.photos import DISTINCT, make_photo

MAX_LINKS = 400_000
"""Photos per set of originals: file systems allow 65,000 links to one file."""


@click.command(help=__doc__)
@click.option("--photos", "count", default=100_000, show_default=True)
@click.option("--per-folder", default=1000, show_default=True)
@click.option("--read-text/--no-read-text", default=False, show_default=True)
@click.option("--json", "as_json", is_flag=True)
def main(count: int, per_folder: int, read_text: bool, as_json: bool) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder, state = Path(scratch) / "photos", Path(scratch) / "state"
        make_tree(folder, count, per_folder)
        text = "--read-text" if read_text else "--no-read-text"
        command = [sys.executable, "-m", "geotagger", "tag", "-q", str(folder), text]
        command += ["--report", str(Path(scratch) / "report.csv")]
        runs = {}
        for name in ("copies", "nothing changed", "1 in 100 touched"):
            if "touched" in name:
                touch(folder)
            seconds, core_s, peak_mib = measured(command, state)
            rows = sum(1 for _ in (Path(scratch) / "report.csv").open("rb")) - 1
            if rows != count:
                raise click.ClickException(f"{rows} rows for {count} photos")
            runs[name] = {"seconds": seconds, "core_s": core_s, "peak_mib": peak_mib}
        size_mib = (state / "done.sqlite").stat().st_size / 2**20
    if as_json:
        click.echo(json.dumps({"photos": count, "runs": runs, "journal_mib": size_mib}))
        return
    for name, figures in runs.items():
        click.echo(
            f"{name:18} {figures['seconds']:8.1f} s {figures['core_s']:8.1f} core-s "
            f"{count / figures['seconds']:9.0f} photos/s {figures['peak_mib']:6.0f} MiB"
        )
    click.echo(f"journal {size_mib:.0f} MiB, {1024 * size_mib / count:.1f} KiB a photo")


def make_tree(folder: Path, count: int, per_folder: int) -> None:
    """Fill `folder` with photos of 0.1 MP."""
    originals = folder.with_name("originals")
    originals.mkdir()
    for index in range(count):
        subfolder = folder / f"{index // per_folder:05d}"
        if index % per_folder == 0:
            subfolder.mkdir(parents=True)
        original = originals / f"{index % DISTINCT + DISTINCT * (index // MAX_LINKS)}.jpg"
        if not original.exists():
            make_photo(original, index, (400, 300))
        os.link(original, subfolder / f"{index:07d}.jpg")


def touch(folder: Path) -> None:
    """Rewrite one photo in a hundred with the same bytes."""
    for subfolder in folder.iterdir():
        if subfolder.is_dir():
            for path in sorted(subfolder.iterdir())[::100]:
                data = path.read_bytes()
                path.unlink()
                path.write_bytes(data)


def measured(command: list[str], state: Path) -> tuple[float, float, float]:
    """Seconds, core-seconds and peak MiB of a command."""
    started = time.perf_counter()
    process = subprocess.Popen(command, env={**os.environ, "GEOTAGGER_STATE": str(state)})
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise click.ClickException(f"the run failed with exit code {process.returncode}")
    core_s = usage.ru_utime + usage.ru_stime
    return time.perf_counter() - started, core_s, usage.ru_maxrss / 1024


if __name__ == "__main__":
    main()
