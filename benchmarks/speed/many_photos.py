"""A run over 100,000 different small photos: is it as cheap at the end as at the beginning?

    python -m benchmarks.speed.many_photos --photos 100000 [--folder FOLDER] [--starter]

Every photo is drawn anew (64 to 160 pixels), so none is a near-duplicate of another, or found by
its hash. A folder holds 500 photos of one camera on one day, and each tenth has GPS, so the photos
are placed by their trips. The network is as good as free (`fixtures/small_model.py`), unless
--starter is given. Text is not read.

One run goes from end to end. Another over the first --killed of the photos, with a journal of its
own, is killed (SIGKILL) after a part of them and started again: its report must be that of a run
that was not killed, byte for byte. After each tenth of the photos, each run prints
what these cost, and how large memory, journal and report are by then.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
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
def main(count: int, folder: Path | None, starter: bool, killed: int) -> None:
    with tempfile.TemporaryDirectory() as scratch_name:
        scratch = Path(scratch_name)
        photos = make_photos(folder or scratch / "photos", count)
        model = "starter" if starter else str(make_bundle(scratch / "small"))
        click.echo("from end to end:")
        tag_apart(photos, model, scratch / "whole", count)
        compare_resumed(photos[: -(-killed // PER_FOLDER)], model, scratch)


def compare_resumed(photos: Sequence[Path], model: str, scratch: Path) -> None:
    """Kills a run and starts it again; compares its report with that of a whole run."""
    count = sum(1 for folder in photos for _ in folder.iterdir())
    click.echo(f"{count:,} photos:")
    tag_apart(photos, model, scratch / "unharmed", count)
    click.echo("the same, killed:")
    tag_apart(photos, model, scratch / "killed", count, KILLED_AFTER * (count // PARTS))
    click.echo("the same command again:")
    tag_apart(photos, model, scratch / "killed", count)
    reports = [(scratch / name / "report.csv").read_bytes() for name in ("unharmed", "killed")]
    if reports[0] != reports[1]:
        raise click.ClickException("the report of the killed run differs")
    click.echo("the reports are the same, byte for byte")


def show(before: Sample, now: Sample) -> None:
    cost_ms = 1e3 * (now.core_s - before.core_s) / (now.rows - before.rows)
    journal_kib, report_kib = 1024 * now.journal_mib, 1024 * now.report_mib
    click.echo(
        f"{now.rows:9,} photos: {cost_ms:6.2f} core-ms for each since the line before, "
        f"{now.rss_mib:.0f} MiB, journal {journal_kib / now.rows:.2f} and report "
        f"{report_kib / now.rows:.2f} KiB a photo"
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


def tag_apart(
    photos: Sequence[Path],
    model: str,
    scratch: Path,
    count: int,
    kill_after: int | None = None,
) -> None:
    """Tags the photos in a fresh process, and prints what it sends; kills it after so many rows."""
    scratch.mkdir(exist_ok=True)
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    every = max(1, count // PARTS)
    process = context.Process(target=tag, args=(photos, model, scratch, every, sender))
    process.start()
    sender.close()
    last = receiver.recv()
    with suppress(EOFError):  # the run has ended
        while kill_after is None or last.rows < kill_after:
            sample = receiver.recv()
            if sample.rows > last.rows:
                show(last, sample)
            last = sample
    if kill_after is not None:
        process.kill()
    process.join()
    if process.exitcode and kill_after is None:
        raise click.ClickException(f"the run failed with exit code {process.exitcode}")


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
