"""Throughput of reading text, and the share of each stage.

    python -m benchmarks.speed.text                       synthetic JPEGs, with and without signs
    python -m benchmarks.speed.text --folder ~/Photos     your own photos

The stages take turns in every round, in one process, so the ratios hold on a noisy machine.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from statistics import median
from typing import TypeVar

import click
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks.fixtures.photos import make_photo
from geotagger.config import cores
from geotagger.images.decode import decode
from geotagger.images.scan import walk
from geotagger.text.find_cues import find_cues
from geotagger.text.ocr.open_reader import open_text_reader
from geotagger.text.ocr.reader import TextReader

WORDS = (
    "Rathausplatz", "Bahnhof 300 m", "Mairie", "Sortie", "Utgang", "Farmacia", "Hotel Central",
    "Private property", "Museum", "Apotek", "Ayuntamiento", "www.example.org", "Tel. 0521 5112",
)  # fmt: skip

T = TypeVar("T")


@click.command()
@click.option("--folder", type=click.Path(path_type=Path, exists=True), help="Photos to use.")
@click.option("--photos", "count", default=8, show_default=True, help="How many of each kind.")
@click.option("--rounds", default=3, show_default=True)
@click.option("--batch-size", default=8, show_default=True)
@click.option("--workers", default=cores(), show_default=True)
@click.option("--device", default="auto", show_default=True)
def main(
    folder: Path | None, count: int, rounds: int, batch_size: int, workers: int, device: str
) -> None:
    """Print photos/s, lines per photo, and the share of each stage, for each kind of photo."""
    started = time.perf_counter()
    reader, alone = open_text_reader(device, workers), TextReader(device, workers)
    click.echo(f"loading {time.perf_counter() - started:.2f} s, device {reader.device}")
    with tempfile.TemporaryDirectory() as scratch:
        folders = [folder] if folder else _make(Path(scratch), count)
        for kind in folders:
            files = [photo.path.read_bytes() for photo in islice(walk([kind]), count)]
            runs = [_run(reader, alone, files, batch_size, workers) for _ in range(rounds)]
            _report(kind.name, runs, len(files))


def _run(
    reader: TextReader, alone: TextReader, files: Sequence[bytes], batch_size: int, workers: int
) -> dict[str, float]:
    """Seconds of each stage, and the number of lines read; `alone` is PP-OCR without the readers of
    other scripts."""
    seconds: dict[str, float] = {}

    def timed(stage: str, work: Callable[[], T]) -> T:
        started = time.perf_counter()
        result = work()
        seconds[stage] = time.perf_counter() - started
        return result

    with ThreadPoolExecutor(workers) as pool:
        pictures = timed(
            "decode", lambda: list(pool.map(lambda data: decode(data, reader.min_side_px), files))
        )
        prepared = timed(
            "prepare", lambda: list(pool.map(lambda one: reader.prepare(one.image), pictures))
        )
    batches = [prepared[start : start + batch_size] for start in range(0, len(files), batch_size)]
    timed("detect", lambda: [reader.detect(batch) for batch in batches])
    readings = timed("read", lambda: [one for batch in batches for one in reader.read(batch)])
    timed("alone", lambda: [alone.read(batch) for batch in batches])
    seconds["other scripts"] = max(0.0, seconds["read"] - seconds["alone"])
    seconds["recognise"] = max(0.0, seconds.pop("alone") - seconds["detect"])
    del seconds["read"]
    timed("cues", lambda: [find_cues(reading) for reading in readings])
    return {**seconds, "lines": float(sum(len(reading.lines) for reading in readings))}


def _report(kind: str, runs: list[dict[str, float]], count: int) -> None:
    lines = runs[0]["lines"] / count
    stages = [name for name in runs[0] if name != "lines"]
    totals = [sum(run[stage] for stage in stages) for run in runs]
    shares = {
        stage: median(run[stage] / total for run, total in zip(runs, totals, strict=True))
        for stage in stages
    }
    rate = count / median(totals)
    stage_shares = ", ".join(f"{stage} {100 * share:.0f} %" for stage, share in shares.items())
    click.echo(f"{kind:14} {rate:6.2f} photos/s, {lines:.1f} lines a photo: {stage_shares}")
    click.echo(
        json.dumps({"kind": kind, "photos_per_s": rate, "lines_per_photo": lines, "shares": shares})
    )


def _make(scratch: Path, count: int) -> list[Path]:
    """Two folders: photos, and the same photos with a sign of three lines drawn into each."""
    plain, signs = scratch / "without text", scratch / "with text"
    plain.mkdir()
    signs.mkdir()
    for index in range(count):
        path = plain / f"{index:03d}.jpg"
        make_photo(path, index)
        with Image.open(path) as photo:
            _add_sign(photo, np.random.default_rng(index)).save(signs / path.name, quality=90)
    return [plain, signs]


def _add_sign(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Draw a sign with letters of 2 to 5 % of the image height."""
    font = ImageFont.load_default(int(photo.height * rng.uniform(0.02, 0.05)))
    text = "\n".join(rng.choice(WORDS, 3, replace=False))
    pen = ImageDraw.Draw(photo)
    left, top = rng.uniform(0.05, 0.4, 2) * photo.size
    x0, y0, x1, y1 = pen.multiline_textbbox((left, top), text, font)
    edge = font.size
    pen.rectangle((x0 - edge, y0 - edge, x1 + edge, y1 + edge), (240, 240, 235))
    pen.multiline_text((left, top), text, (20, 30, 90), font)
    return photo


if __name__ == "__main__":
    main()
