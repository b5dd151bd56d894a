"""Time and memory of the folder scan over a million files.

    python -m benchmarks.speed.walk --files 1000000
    python -m benchmarks.speed.walk --files 1000000 --per-folder 1000

Creates empty files in a temporary folder and counts them in fresh processes: with a plain
os.scandir loop (names only), with scandir and one stat a file (the cost of size and mtime), with
`scan.walk`, with `scan.count` (for the progress bar), and with walk and count at once. Prints the
time, the memory beyond that of an idle process, and the ratios to plain scandir.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread

from geotagger.images.scan import count, walk


def make_files(folder: Path, files: int, per_folder: int) -> None:
    for start in range(0, files, per_folder):
        subfolder = folder / f"{start // per_folder:06d}"
        subfolder.mkdir()
        for number in range(start, min(files, start + per_folder)):
            os.close(os.open(subfolder / f"IMG_{number:07d}.JPG", os.O_CREAT | os.O_WRONLY))


def plain_scandir(folder: Path, *, with_stat: bool = False) -> int:
    count, pending = 0, [str(folder)]
    while pending:
        with os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir():
                    pending.append(entry.path)
                else:
                    count += 1
                    if with_stat:
                        entry.stat()
    return count


def scandir_and_stat(folder: Path) -> int:
    return plain_scandir(folder, with_stat=True)


def walk_photos(folder: Path) -> int:
    return sum(1 for _ in walk([folder]))


def count_photos(folder: Path) -> int:
    return sum(count([folder]))


def walk_while_counting(folder: Path) -> int:
    counting = Thread(target=count_photos, args=(folder,))
    counting.start()
    found = walk_photos(folder)
    counting.join()
    return found


def measure(count_files: Callable[[Path], int], folder: Path) -> tuple[int, float, float, float]:
    """Files counted, seconds, core-seconds, and MiB of peak memory added by the call."""
    unit = 1024 if sys.platform != "darwin" else 1024 * 1024
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start, used = time.perf_counter(), time.process_time()
    count = count_files(folder)
    seconds, core_s = time.perf_counter() - start, time.process_time() - used
    return (
        count,
        seconds,
        core_s,
        (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / unit,
    )


WAYS = (plain_scandir, scandir_and_stat, walk_photos, count_photos, walk_while_counting)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--per-folder", type=int, default=0, help="0: all in one folder")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        make_files(Path(name), options.files, options.per_folder or options.files)
        results: dict[str, dict[str, float]] = {}
        for count_files in (plain_scandir, *WAYS):  # the first warms up
            with multiprocessing.get_context("spawn").Pool(1) as fresh_process:
                found, seconds, core_s, mib = fresh_process.apply(
                    measure, (count_files, Path(name))
                )
            assert found == options.files
            results[count_files.__name__] = {"seconds": seconds, "core_s": core_s, "mib": mib}
    if options.json:
        print(json.dumps({"files": options.files, "ways": results}))
        return
    for way, figures in results.items():
        ratio = figures["seconds"] / results["plain_scandir"]["seconds"]
        print(
            f"{way:20} {options.files:9,} files {figures['seconds']:7.2f} s "
            f"{figures['core_s']:7.2f} core-s {figures['mib']:7.1f} MiB "
            f"{ratio:6.2f} x plain scandir"
        )


if __name__ == "__main__":
    main()
