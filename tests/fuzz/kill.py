"""Kills tagging runs at random moments with SIGKILL, and counts what is broken afterwards.

    python -m tests.fuzz.kill [--rounds 200] [--photos 60] [FOLDER]

Each round is a real `geotagger tag` that rewrites every photo: in place, into copies, or as
sidecars in turn, and with other tags than the round before. It is killed somewhere between its
first write and its end. Broken is: a photo that is neither the original nor leads back to it byte
for byte, or whose picture does not decode; a sidecar that is not whole; a copy that is not whole; a
source of a copy that changed. At the end `geotagger untag` must bring every original back and leave
no temporary file. FOLDER gives photos of your own; only copies of them are touched.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image

from geotagger.metadata.embed import original
from geotagger.metadata.xmp.prediction import prediction_in

KINDS = ("jpg", "png", "webp", "tif", "bmp")
MODES = ("in place", "copies", "sidecars")


def make_album(folder: Path, count: int) -> None:
    """Noise of many sizes, so that writes take different times; BMP gets sidecars."""
    rng = np.random.default_rng(1)
    for index in range(count):
        side = int(rng.integers(100, 1200))
        pixels = rng.integers(0, 256, (side, side, 3), np.uint8)
        kind = KINDS[index % len(KINDS)] if index % 2 else "jpg"
        Image.fromarray(pixels).save(folder / f"{index:04d}.{kind}")


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of what a user sees there, by name."""
    seen = (path for path in sorted(folder.iterdir()) if not path.name.startswith("."))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in seen}


def leftovers(folder: Path) -> int:
    return sum(path.suffix == ".tmp" for path in folder.iterdir()) if folder.exists() else 0


def broken(folder: Path, sources: dict[str, str]) -> list[str]:
    """What is neither as it was nor as it should be."""
    found = []
    for name in hashes(folder):
        path = folder / name
        data = path.read_bytes()
        if name.endswith(".xmp"):
            whole = prediction_in(data) is not None
        else:
            whole = hashlib.sha256(original(data)).hexdigest() == sources.get(name)
            try:
                with Image.open(path) as image:
                    image.load()
            except (OSError, SyntaxError):
                whole = False
        if not whole:
            found.append(str(path))
    return found


def state(*folders: Path) -> tuple[int, int]:
    """Changes with every write: the newest change of any name, and how many there are."""
    times = []
    for folder in folders:
        for entry in os.scandir(folder) if folder.exists() else ():
            with suppress(FileNotFoundError):  # a temporary file, by now in its place
                times.append(entry.stat().st_ctime_ns)
    return max(times, default=0), len(times)


def kill_one(command: list[str], watched: tuple[Path, ...], within_s: float) -> bool:
    """Run, wait for the first write, kill within so many seconds; whether it was still running."""
    before = state(*watched)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and state(*watched) == before:
            time.sleep(0.002)
        time.sleep(random.uniform(0, within_s))
        running = process.poll() is None
        process.send_signal(signal.SIGKILL)
    return running


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--photos", type=int, default=60)
    parser.add_argument("--within-s", type=float, default=1.5)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        os.environ["GEOTAGGER_STATE"] = str(base / "state")
        album, out = base / "album", base / "out"
        album.mkdir()
        if arguments.folder:
            for index, path in enumerate(sorted(arguments.folder.iterdir())[: arguments.photos]):
                (album / f"{index:04d}{path.suffix}").write_bytes(path.read_bytes())
        else:
            make_album(album, arguments.photos)
        sources = hashes(album)
        counts: Counter[str] = Counter()
        for turn in range(arguments.rounds):
            counts += one_round(turn, base, album, out, sources, arguments.within_s)
            print(f"\rround {turn + 1}: {counts['broken']} broken", end="", file=sys.stderr)
        print(file=sys.stderr)
        for mode in MODES:
            print(
                f"{mode}: {counts[mode]} killed while running, {counts['late ' + mode]} had ended"
            )
        print(f"{counts['leftovers']} temporary files seen after kills; {counts['broken']} broken")
        time.sleep(61)  # leftovers younger than a minute may belong to a run under way
        untag = [sys.executable, "-m", "geotagger", "untag", str(album), str(out)]
        done = subprocess.run(untag, check=False, capture_output=True, text=True)
        print(f"untag: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        print(f"untag: every original back: {hashes(album) == sources}")
        print(f"untag: every copy the original: {hashes(out).items() <= sources.items()}")
        print(f"temporary files left: {leftovers(album) + leftovers(out)}")


def one_round(
    turn: int, base: Path, album: Path, out: Path, sources: dict[str, str], within_s: float
) -> Counter[str]:
    mode = MODES[turn % len(MODES)]
    tags = ("gps,region,keywords", "region,keywords")[turn // len(MODES) % 2]
    flags = {"in place": ["--write-exif"], "copies": ["--out", str(out)], "sidecars": ["--sidecar"]}
    command = [sys.executable, "-m", "geotagger", "tag", "-q", str(album), *flags[mode]]
    command += ["--tags", tags, "--overwrite", "predicted", "--min-confidence", "0.001"]
    command += ["--max-radius", "30000", "--report", str(base / "r.csv")]
    before = hashes(album)
    running = kill_one(command, (album, out), within_s)
    found = broken(album, sources) + (broken(out, sources) if out.exists() else [])
    if mode != "in place":
        photos = {k: v for k, v in hashes(album).items() if not k.endswith(".xmp")}
        found += [k for k, v in photos.items() if before[k] != v]
    for path in found:
        print(f"round {turn}, {mode}: BROKEN {path}", flush=True)
    return Counter(
        {
            mode if running else f"late {mode}": 1,
            "broken": len(found),
            "leftovers": leftovers(album) + leftovers(out),
        }
    )


if __name__ == "__main__":
    main()
