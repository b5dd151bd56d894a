"""Compare writing GPS with piexif and ExifTool, and placing photos by a track with ExifTool's.

    python -m benchmarks.speed.peer_writers FOLDER [--photos 200] [--fixes 100000]

Works on copies of the JPEGs in FOLDER. Each way gets its own copies; ExifTool is resident
(-stay_open), so its start is not counted, and replaces the photo (-overwrite_original). geotagger
also hashes, verifies, syncs, keeps a journal for `untag`, and writes XMP; ExifTool is measured with
and without XMP. piexif alters the photo in place.

The track has a fix a second, and each photo gets a time within it. `geotagger tag --track` places
and writes as a user would, but for a network that costs nothing (`fixtures/small_model.py`);
ExifTool runs with -geotag. Both positions are read back: they have to agree with the track. Costs
are core-s of all threads and processes; they depend little on what else the machine does.
"""

from __future__ import annotations

import hashlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import click
import numpy as np
import piexif

from benchmarks.fixtures.small_model import make_bundle
from benchmarks.speed.tracks import fixes, write
from benchmarks.speed.write_speed import GPS, PARIS, XMP, rewrite
from geotagger.config import Overwrite
from geotagger.errors import CannotEmbedError
from geotagger.geography.sphere import haversine_km
from geotagger.metadata.file_tags import FileTags
from geotagger.metadata.read import read
from geotagger.metadata.safe_write.write import WriteContext, tag_file
from geotagger.metadata.undo.write_journal import WriteJournal

EXIFTOOL_GPS = (
    f"-GPSLatitude={PARIS.lat}", "-GPSLatitudeRef=N",
    f"-GPSLongitude={PARIS.lon}", "-GPSLongitudeRef=E",
    f"-GPSHPositioningError={1000 * GPS.radius_km}", "-GPSProcessingMethod=MANUAL",
)  # fmt: skip
EXIFTOOL_XMP = ("-XMP-photoshop:Country=France", "-XMP-photoshop:City=Paris")


@click.command(help=__doc__)
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--photos", "count", default=200, show_default=True)
@click.option("--fixes", "fix_count", default=100_000, show_default=True)
def main(folder: Path, count: int, fix_count: int) -> None:
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg"))
    originals = (found * (1 + count // max(1, len(found))))[:count]
    if not originals:
        raise click.ClickException(f"{folder}: no JPEGs")
    size_kb = sum(path.stat().st_size for path in originals) / len(originals) / 1e3
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        scratch = Path(name)
        click.echo(f"{count} JPEGs of {size_kb:.0f} KB, core-ms a photo; written")
        for title, way in WAYS.items():
            copies = copied(originals, scratch / "copies")
            core_s = way(copies)
            written = sum(is_near(path, PARIS.lat, PARIS.lon) for path in copies)
            click.echo(f"  {title:36} {1e3 * core_s / count:7.2f} {written:5}")
            shutil.rmtree(scratch / "copies")
        click.echo(
            f"a track of {fix_count:,} fixes, {count} photos: core-s; photos within 5 m of it"
        )
        positions = list(fixes(fix_count))
        track = write(scratch, "walk.gpx", fix_count)
        model = make_bundle(scratch / "small")
        for title, tag in TRACK_WAYS.items():
            copies = copied(originals, scratch / "copies")
            at = timed(copies, positions)
            core_s = tag(copies, track, model)
            near = sum(is_near(path, *there) for path, there in zip(copies, at, strict=True))
            click.echo(f"  {title:36} {core_s:7.2f} {near:5}")
            shutil.rmtree(scratch / "copies")


def copied(originals: Sequence[Path], folder: Path) -> list[Path]:
    folder.mkdir()
    copies = [folder / f"{index:06d}.jpg" for index in range(len(originals))]
    for original, copy in zip(originals, copies, strict=True):
        shutil.copyfile(original, copy)
    return copies


def is_near(path: Path, lat: float, lon: float) -> bool:
    """Whether the photo has GPS within 5 m of a position."""
    gps = read(path.read_bytes()).gps
    return gps is not None and bool(haversine_km(lat, lon, gps.lat, gps.lon) < 0.005)


def by_rewriting(copies: Sequence[Path]) -> float:
    started = time.process_time()
    for path in copies:
        rewrite(path)
    return time.process_time() - started


def by_geotagger(copies: Sequence[Path]) -> float:
    tags = FileTags(GPS, XMP)
    with WriteJournal(copies[0].parent / "state" / "writes.sqlite") as journal:
        context = WriteContext(journal, Overwrite.ALWAYS)
        started = time.process_time()
        for path in copies:
            with suppress(CannotEmbedError):
                tag_file(path, hashlib.sha256(path.read_bytes()).hexdigest(), tags, context)
        return time.process_time() - started


def by_piexif(copies: Sequence[Path]) -> float:
    started = time.process_time()
    for path in copies:
        try:
            tags = piexif.load(str(path))
            tags["GPS"] = {
                piexif.GPSIFD.GPSLatitudeRef: b"N",
                piexif.GPSIFD.GPSLatitude: ((round(PARIS.lat * 1e6), 1_000_000), (0, 1), (0, 1)),
                piexif.GPSIFD.GPSLongitudeRef: b"E",
                piexif.GPSIFD.GPSLongitude: ((round(PARIS.lon * 1e6), 1_000_000), (0, 1), (0, 1)),
            }
            piexif.insert(piexif.dump(tags), str(path))
        except Exception:  # it raises all kinds; the photo counts as not written
            continue
    return time.process_time() - started


def by_exiftool(tags: Sequence[str]) -> Callable[[Sequence[Path]], float]:
    def write_all(copies: Sequence[Path]) -> float:
        empty_s = resident([], tags)
        return resident(copies, tags) - empty_s

    return write_all


def resident(copies: Sequence[Path], tags: Sequence[str]) -> float:
    """Core-s of a resident ExifTool that writes the tags, with its start."""
    before = children_s()
    with subprocess.Popen(
        ["exiftool", "-stay_open", "True", "-@", "-"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    ) as process:  # fmt: skip
        assert process.stdin
        assert process.stdout
        for path in copies:
            ask(process.stdin, [*tags, "-overwrite_original", str(path), "-execute"])
            while process.stdout.readline().strip() != "{ready}":
                pass
        ask(process.stdin, ["-stay_open", "False"])
    return children_s() - before


def ask(stream: IO[str], arguments: Sequence[str]) -> None:
    stream.write("\n".join(arguments) + "\n")
    stream.flush()


def children_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


WAYS: dict[str, Callable[[Sequence[Path]], float]] = {
    "read, write, sync": by_rewriting,
    "geotagger: GPS and XMP": by_geotagger,
    "piexif: GPS": by_piexif,
    "ExifTool, resident: GPS": by_exiftool(EXIFTOOL_GPS),
    "ExifTool, resident: GPS and XMP": by_exiftool((*EXIFTOOL_GPS, *EXIFTOOL_XMP)),
}


def timed(
    copies: Sequence[Path], positions: Sequence[tuple[int, float, float]]
) -> list[tuple[float, float]]:
    """Gives each photo new tags with a time within the track; returns where it was then."""
    chosen = np.sort(np.random.default_rng(0).integers(0, len(positions), len(copies)))
    there = [positions[index] for index in chosen]
    for path, (at_s, _, _) in zip(copies, there, strict=True):
        clock = datetime.fromtimestamp(at_s, UTC).strftime("%Y:%m:%d %H:%M:%S").encode()
        zone = {piexif.ExifIFD.OffsetTimeOriginal: b"+00:00"}
        tags = {"Exif": {piexif.ExifIFD.DateTimeOriginal: clock, **zone}}
        piexif.insert(piexif.dump(tags), str(path))
    return [(lat, lon) for _, lat, lon in there]


def geotag_by_geotagger(copies: Sequence[Path], track: Path, model: Path) -> float:
    folder = copies[0].parent
    state = {"GEOTAGGER_STATE": str(folder / "state")}
    command = [sys.executable, "-m", "geotagger", "tag", "-q", str(folder), "--track", str(track)]
    command += ["--model", str(model), "--no-read-text", "--write-exif"]
    return run([*command, "--report", str(folder / "report.csv")], state)


def geotag_by_exiftool(copies: Sequence[Path], track: Path, _: Path) -> float:
    command = ["exiftool", "-q", "-overwrite_original", "-geotag", str(track)]
    return run([*command, "-geotime<${DateTimeOriginal}+00:00", str(copies[0].parent)], {})


def run(command: Sequence[str], environment: dict[str, str]) -> float:
    """Core-s of a command."""
    before = children_s()
    subprocess.run(command, env={**os.environ, **environment}, check=True)
    return children_s() - before


TRACK_WAYS = {
    "geotagger tag --track --write-exif": geotag_by_geotagger,
    "exiftool -geotag": geotag_by_exiftool,
}


if __name__ == "__main__":
    main()
