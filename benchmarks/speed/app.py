"""Memory of the app's server while rows arrive, and how long its answers take then.

    python -m benchmarks.speed.app --rows 10000 --rows 100000

Each size has a process of its own. The rows are those of a report on towns without photos; they
take the same way as those of a run. Then a page asks for all columns, a hundred pages of rows, ten
searches, and half of the photos are approved at once.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil

from benchmarks.speed.page import outcome
from geotagger.app.project import LastRun, project_of
from geotagger.app.workspace import MAX_COLUMN_ROWS, Workspace
from geotagger.geography.places import load_places
from geotagger.reports.formats.jsonl import JsonLinesReportWriter
from geotagger.types import Photo

PAGES, SEARCHES = 100, 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, action="append")
    parser.add_argument("--here", action="store_true", help="measure in this process")
    options = parser.parse_args()
    sizes = options.rows or [10_000, 100_000]
    if options.here:
        print(measure(sizes[0]))
        return
    peaks = []
    for rows in sizes:
        command = [sys.executable, "-m", "benchmarks.speed.app", "--here", "--rows", str(rows)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        peaks.append(float(done.stdout.split()[-2]))
        print(done.stdout.strip())
    if len(peaks) > 1:
        more = 1e3 * (peaks[-1] - peaks[0]) / (sizes[-1] - sizes[0])
        print(f"{more:.2f} kB of memory for each further photo")


def measure(rows: int) -> str:
    """Times and memory with so many rows, as a line."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["GEOTAGGER_STATE"] = f"{folder}/state"
        photos = Path(folder) / "photos"
        photos.mkdir()
        write(photos, rows)
        workspace = Workspace()
        at_start = rss_mb()
        started = time.perf_counter()
        workspace.open_folders([photos])
        while workspace.state()["loading"]:
            time.sleep(0.05)
        loaded_s = time.perf_counter() - started
        assert workspace.state()["rows"] == rows
        columns_s = slowest(lambda first: workspace.columns(first), range(0, rows, MAX_COLUMN_ROWS))
        session = workspace.session()
        page_s = slowest(lambda page: session.rows(page), range(min(PAGES, rows // 100)))
        search_s = slowest(lambda n: session.index.search(f"photo {n}"), range(SEARCHES))
        run = workspace.state()["run"]
        with_rows = rss_mb()
        half = {"ids": list(range(0, rows, 2)), "state": "rejected", "run": run}
        decide_s = slowest(lambda _: workspace.decide(half), range(1))
        state_s = slowest(lambda _: workspace.whole_state(), range(20))
        line = (
            f"{rows} rows: loaded in {loaded_s:.1f} s; slowest columns {columns_s:.3f} s, page "
            f"{page_s:.3f} s, search {search_s:.3f} s, {len(half['ids'])} decisions "
            f"{decide_s:.2f} s, state {state_s:.4f} s; memory {at_start:.0f} MB, with decisions "
            f"{rss_mb():.0f} MB, with the rows alone {with_rows:.0f} MB"
        )
        workspace.shut_down()
    return line


def write(photos: Path, rows: int) -> None:
    """Leave the report of a run on so many photos that are not there."""
    places, random = load_places(), np.random.default_rng(0)
    share = places.population.astype(float) ** 0.8
    project = project_of([photos]).saved(last_run=LastRun.DONE, rows=rows)
    report = JsonLinesReportWriter(project.report)
    for number, row in enumerate(random.choice(len(places), rows, p=share / share.sum()).tolist()):
        made = outcome(number, places.place(row), photos / "x.jpg", random)
        photo = Photo(photos / f"{number // 1000:03}" / f"photo {number:06}.jpg", photos)
        report.add(replace(made, photo=photo, sha256=f"{number:064x}"))
    report.close()


def slowest(ask: Callable[[int], object], arguments: range) -> float:
    """Seconds of the slowest of several calls."""
    times = []
    for argument in arguments:
        started = time.perf_counter()
        ask(argument)
        times.append(time.perf_counter() - started)
    return max(times, default=0.0)


def rss_mb() -> float:
    """Memory of this process in megabytes."""
    return psutil.Process().memory_info().rss / 1e6


if __name__ == "__main__":
    main()
