"""Longest tasks of the HTML report in a browser during load, pan, zoom, filter and search.

    python -m benchmarks.speed.page --rows 10000 [--keep page.html]

The report has no thumbnails unless `--thumbnails` is given. Needs playwright and Chromium. A long
task keeps a page from responding (W3C, Long Tasks API).
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from geotagger.geography.places import load_places
from geotagger.reports.formats.html import HtmlReportWriter
from geotagger.reports.formats.writer import ReportStyle
from geotagger.types import (
    Candidate,
    Level,
    Outcome,
    Photo,
    PhotoMetadata,
    Place,
    Point,
    Prediction,
    SourceNote,
    Status,
)

MAX_WAIT_MS = 180_000
"""How long the browser may take on a busy machine."""
WATCH = """window.tasks = [];
new PerformanceObserver((list) => tasks.push(...list.getEntries().map((e) => e.duration)))
  .observe({ type: "longtask", buffered: true });"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--thumbnails", action="store_true")
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    parser.add_argument("--keep", type=Path, help="keep the page under this name")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = options.keep or Path(folder) / "page.html"
        started = time.monotonic()
        write(path, options.rows, options.thumbnails, Path(folder) / "photo.jpg")
        seconds = time.monotonic() - started
        print(
            f"{options.rows} rows, {path.stat().st_size / 1e6:.1f} MB, written in {seconds:.1f} s"
        )
        with sync_playwright() as api:
            browser = api.chromium.launch(
                executable_path=options.chromium, args=["--no-sandbox"], timeout=MAX_WAIT_MS
            )
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.set_default_timeout(MAX_WAIT_MS)
            page.add_init_script(WATCH)
            measure(page, path.resolve().as_uri())
            browser.close()


def write(path: Path, rows: int, thumbnails: bool, photo: Path) -> None:
    """Write a report on towns, drawn by population."""
    places = load_places()
    random = np.random.default_rng(0)
    share = places.population.astype(float) ** 0.8
    Image.effect_noise((640, 480), 90).convert("RGB").save(photo)
    report = HtmlReportWriter(path, ReportStyle(thumbnails=thumbnails))
    for number, row in enumerate(random.choice(len(places), rows, p=share / share.sum()).tolist()):
        report.add(outcome(number, places.place(row), photo, random))
    report.close()


def outcome(number: int, place: Place, photo: Path, random: np.random.Generator) -> Outcome:
    level = list(Level)[number % 5]
    share = float(random.uniform(0.05, 0.99))
    candidates = tuple(Candidate(place, place.point, share / (i + 1)) for i in range(5))
    prediction = Prediction(
        place.point,
        place,
        level,
        share,
        float(10 ** random.uniform(0.8, 4)),
        candidates,
        evidence=(
            SourceNote("vision", f"picture looks like {place.country} 43 %, Germany 12 %"),
            SourceNote("clock", "clock +02:00"),
        ),
    )
    gps = Point(place.point.lat, place.point.lon) if number % 7 == 0 else None
    return Outcome(
        Photo(photo, photo.parent),
        Status.UNSURE if level is Level.NONE else Status.PREDICTED,
        PhotoMetadata(gps, taken_at=f"20{number % 25:02}-0{1 + number % 9}-17T12:00:00"),
        prediction,
        f"{number:064x}",
        "starter-1.1.0@00000000",
    )


def measure(page: Page, address: str) -> None:
    started = time.monotonic()
    page.goto(address)
    page.wait_for_selector("body[data-ready]")
    page.wait_for_timeout(500)
    report(page, f"load, ready after {time.monotonic() - started - 0.5:.1f} s")
    page.mouse.move(700, 400)
    page.mouse.down()
    for step in range(60):
        page.mouse.move(700 + 6 * step, 400 + 2 * step)
        page.wait_for_timeout(16)
    page.mouse.up()
    page.wait_for_timeout(400)
    report(page, "pan")
    for delta in [-240] * 12 + [240] * 12:
        page.mouse.wheel(0, delta)
        page.wait_for_timeout(60)
    page.wait_for_timeout(400)
    report(page, "zoom in and out")
    page.mouse.move(150, 600)
    for _ in range(40):
        page.mouse.wheel(0, 4000)
        page.wait_for_timeout(30)
    report(page, "scroll the list")
    page.keyboard.press("f")
    page.fill("#filter-low", "50")
    page.select_option("#filter-country", index=5)
    page.wait_for_timeout(300)
    page.click("#filters-clear")
    page.wait_for_timeout(300)
    report(page, "filter")
    page.click("[data-sort=confidence]")
    page.wait_for_timeout(300)
    report(page, "sort")
    page.fill("#search", "germany")
    page.wait_for_timeout(2500)
    report(page, "search")


def report(page: Page, what: str) -> None:
    tasks = sorted(page.evaluate("tasks.splice(0)"), reverse=True)
    longest = f"longest task {tasks[0]:.0f} ms" if tasks else "no task over 50 ms"
    print(f"{what}: {longest}, {len(tasks)} over 50 ms, {sum(t > 200 for t in tasks)} over 200 ms")


if __name__ == "__main__":
    main()
