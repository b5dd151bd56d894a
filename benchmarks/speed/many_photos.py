"""A run over 100,000 different small photos: is it as cheap at the end as at the beginning?

    python -m benchmarks.speed.many_photos --photos 100000 [--folder FOLDER] [--starter]

Every photo is drawn anew (64 to 160 pixels), so none is a near-duplicate of another, or found by
its hash. A folder holds 500 photos of one camera on one day, and each tenth has GPS, so the photos
are placed by their trips. The network is as good as free (`fixtures/small_model.py`), unless
--starter is given. Text is not read.

One run goes from end to end. Another over the first --killed of the photos, with a journal of its
own, is killed (SIGKILL) after a part of them and started again: its report must be that of a run
that was not killed, byte for byte. After each tenth of the photos, the runs print what these cost,
and how large memory, journal and report are by then.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from multiprocessing.connection import Connection
from pathlib import Path

import click
import numpy as np
import piexif
from PIL import Image

from benchmarks.fixtures.small_model import make_bundle
from geotagger.config import RunOptions
from geotagger.pipeline.run import run
from geotagger.reports.formats.writer import PARTIAL
from geotagger.reports.schema import Cell

PER_FOLDER = 500
GPS_EVERY = 10
PARTS = 10
"""Samples of a run."""
KILLED_AFTER = 3
"""The killed run ends somewhere after this many parts."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The state of a run after a number of rows."""

    rows: int
    core_s: float
    rss_mib: float
    journal_mib: float
    report_mib: float


@click.command(help=__doc__)
@click.option("--photos", "count", default=100_000, show_default=True)
@click.option("--folder", type=click.Path(path_type=Path), help="Where the photos are, or will be.")
@click.option("--starter", is_flag=True, help="The embedded model instead of the small one.")
@click.option("--killed", default=5000, show_default=True, help="Photos of the killed run.")
@click.option("--json", "as_json", is_flag=True)
def main(count: int, folder: Path | None, starter: bool, killed: int, as_json: bool) -> None:
    with tempfile.TemporaryDirectory() as scratch_name:
        scratch = Path(scratch_name)
        photos = make_photos(folder or scratch / "photos", count)
        model = "starter" if starter else str(make_bundle(scratch / "small"))
        whole = tagged(photos, model, scratch / "whole", count)
        figures = {"photos": count, "model": Path(model).name, "samples": [*map(asdict, whole)]}
        if not as_json:
            show("from end to end", whole)
        figures["killed"] = resumed(photos[: -(-killed // PER_FOLDER)], model, scratch, as_json)
    if as_json:
        click.echo(json.dumps(figures))


def resumed(
    photos: Sequence[Path], model: str, scratch: Path, as_json: bool
) -> dict[str, list[dict[str, float]]]:
    """Kills a run and starts it again; compares its report with that of a whole run.

    Returns:
        The samples of both parts.
    """
    count = sum(1 for folder in photos for _ in folder.iterdir())
    tagged(photos, model, scratch / "unharmed", count)
    killed = tagged(photos, model, scratch / "killed", count, KILLED_AFTER * (count // PARTS))
    second = tagged(photos, model, scratch / "killed", count)
    reports = [(scratch / name / "report.csv").read_bytes() for name in ("unharmed", "killed")]
    if reports[0] != reports[1]:
        raise click.ClickException("the report of the killed run differs")
    if not as_json:
        show(f"{count:,} photos, killed after more than {killed[-1].rows:,}", killed)
        show("the same command again", second)
        click.echo("the reports are the same, byte for byte")
    return {"first": [*map(asdict, killed)], "second": [*map(asdict, second)]}


def show(title: str, samples: Sequence[Sample]) -> None:
    click.echo(f"{title}:\n    rows  core-ms a photo   MiB  journal, report in KiB a photo")
    for before, now in pairwise(samples):
        if now.rows == before.rows:  # the end
            continue
        cost_ms = 1e3 * (now.core_s - before.core_s) / (now.rows - before.rows)
        sizes = (1024 * size / now.rows for size in (now.journal_mib, now.report_mib))
        click.echo(
            f"{now.rows:8,} {cost_ms:16.2f} {now.rss_mib:5.0f}  "
            + " ".join(f"{size:.2f}" for size in sizes)
        )


def make_photos(folder: Path, count: int) -> list[Path]:
    """Draw the photos that the folder lacks; returns its subfolders."""
    subfolders = []
    for index in range(count):
        subfolder = folder / f"{index // PER_FOLDER:05d}"
        path = subfolder / f"{index:07d}.jpg"
        if index % PER_FOLDER == 0:
            subfolder.mkdir(parents=True, exist_ok=True)
            subfolders.append(subfolder)
        if not path.exists():
            draw(path, index)
    return subfolders


def draw(path: Path, index: int) -> None:
    """A picture of its own, with the tags of a camera."""
    random = np.random.default_rng(index)
    size = tuple(int(side) for side in random.integers(64, 161, 2))
    coarse = Image.fromarray(random.integers(0, 256, (6, 8, 3), np.uint8))
    pixels = np.asarray(coarse.resize(size, Image.Resampling.BICUBIC), np.float32)
    noisy = pixels + random.normal(0, 9, (*pixels.shape[:2], 1))
    picture = Image.fromarray(noisy.clip(0, 255).astype(np.uint8))
    picture.save(path, "JPEG", quality=85, exif=tags(index, random))


def tags(index: int, random: np.random.Generator) -> bytes:
    """A folder is one day of one camera, near one place."""
    day, second = index // PER_FOLDER, index % PER_FOLDER * 67 + int(random.integers(30))
    clock = f"{second // 3600 + 8:02}:{second // 60 % 60:02}:{second % 60:02}"
    taken_at = f"{2010 + day // 336}:{1 + day // 28 % 12:02}:{1 + day % 28:02} {clock}"
    found = {
        "0th": {piexif.ImageIFD.Make: b"Maker", piexif.ImageIFD.Model: f"M{day % 7}".encode()},
        "Exif": {piexif.ExifIFD.DateTimeOriginal: taken_at.encode()},
    }
    if index % GPS_EVERY == 0:
        lat, lon = 35 + (day * 7) % 20, (day * 11) % 100  # on land and at sea
        found["GPS"] = {
            piexif.GPSIFD.GPSLatitudeRef: b"N",
            piexif.GPSIFD.GPSLatitude: degrees(lat + random.normal(0, 0.02)),
            piexif.GPSIFD.GPSLongitudeRef: b"E",
            piexif.GPSIFD.GPSLongitude: degrees(abs(lon + random.normal(0, 0.02))),
        }
    return bytes(piexif.dump(found))


def degrees(value: float) -> tuple[tuple[int, int], ...]:
    return ((round(value * 1_000_000), 1_000_000), (0, 1), (0, 1))


def tagged(
    photos: Sequence[Path],
    model: str,
    scratch: Path,
    count: int,
    kill_after: int | None = None,
) -> list[Sample]:
    """Tags the photos in a fresh process, which is killed after so many rows.

    Returns:
        What the process had sent by then.
    """
    scratch.mkdir(exist_ok=True)
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(
        target=tag, args=(photos, model, scratch, max(1, count // PARTS), sender)
    )
    process.start()
    sender.close()
    samples: list[Sample] = []
    try:
        while kill_after is None or not samples or samples[-1].rows < kill_after:
            samples.append(receiver.recv())
    except EOFError:  # the run has ended
        kill_after = None
    if kill_after is not None:
        process.kill()
    process.join()
    if process.exitcode and kill_after is None:
        raise click.ClickException(f"the run failed with exit code {process.exitcode}")
    return samples


def tag(photos: Sequence[Path], model: str, scratch: Path, every: int, sender: Connection) -> None:
    """In a process of its own: a run that sends a sample after each `every` rows and at its end."""
    report, journal = scratch / "report.csv", scratch / "done.sqlite"
    os.environ["GEOTAGGER_STATE"] = str(scratch)
    options = RunOptions(
        paths=tuple(photos), reports=(report,), models=(model,), journal=journal,
        read_text=False, album=True, gate=True,
    )  # fmt: skip
    rows = 0

    def sample() -> Sample:
        written = report.with_name(report.name + PARTIAL)
        report_bytes = (written if written.exists() else report).stat().st_size
        return Sample(
            rows, time.process_time(), resident_mib(), file_mib(journal), report_bytes / 2**20
        )

    def count_row(_: Mapping[str, Cell]) -> None:
        nonlocal rows
        rows += 1
        if rows % every == 0 or rows == 1:
            sender.send(sample())

    run(options, count_row)
    sender.send(sample())


def resident_mib() -> float:
    """Of this process, now; on systems without /proc the peak."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def file_mib(database: Path) -> float:
    """With its write-ahead log."""
    files = database.parent.glob(f"{database.name}*")
    return sum(file.stat().st_size for file in files) / 2**20


if __name__ == "__main__":
    main()
