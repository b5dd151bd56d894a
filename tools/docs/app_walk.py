"""Walk through `geotagger app` in a browser as a person would: from an empty home folder to places
in EXIF, through a pause and a server that is killed, and back to the same bytes.

    pip install -e '.[dev]'
    python tools/docs/app_walk.py [--chromium FILE] [--home FOLDER]

takes the pictures of docs/guide/app.md. They show the home folder: `--home /home/anna` makes one
with the name of a person's, and removes it at the end; it must not exist before. The browser test
of the app walks the same way. Photos and track are drawn; the pages, the run, what is written and
what ExifTool reads are real.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
from PIL import ExifTags, Image
from playwright.sync_api import Browser, Page, sync_playwright

from tools.docs.screenshots import IMAGES, STOPS, find, landscape

EXAMPLES = Path(__file__).parents[2] / "examples"
SUMMER_TIME = timezone(timedelta(hours=2))
SIZE = {"width": 1280, "height": 800}
MAX_WAIT_MS = 600_000
"""How long the browser may take to start, and a run to end, on a busy machine."""
Shoot = Callable[[Page, str], None]
"""Takes a picture of the page, under a name."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    parser.add_argument("--home", type=Path, help="the home folder to make, show and remove")
    options = parser.parse_args()
    IMAGES.mkdir(parents=True, exist_ok=True)
    with new_home(options.home) as home, sync_playwright() as api:
        browser = api.chromium.launch(
            executable_path=options.chromium, args=["--no-sandbox"], timeout=MAX_WAIT_MS
        )
        walk(browser, make_home(home, photos=200), shoot, rows=33)
        browser.close()


def shoot(page: Page, name: str) -> None:
    page.mouse.move(640, 5)
    page.wait_for_timeout(1500)
    page.screenshot(path=IMAGES / f"app-{name}.png")


def walk(browser: Browser, home: Path, shoot: Shoot, rows: int = 0) -> None:
    """From the first start to restored photos; raises if something is not as it should be.

    Args:
        browser: opens the pages.
        home: of `make_home`.
        shoot: takes the pictures.
        rows: the run goes on until there are so many, before it is paused and killed.
    """
    before = hashes(home)
    asked: list[str] = []
    with AppProcess(home) as app:
        own = [app.address.partition("/?")[0]]
        page = opened(browser, app.address, asked)
        choose(page)
        shoot(page, "start")
        run(page, rows)
        shoot(page, "running")
        if rows:
            page.keyboard.press("Space")
        page.wait_for_selector("#run-stage:text-is('Paused')")
        app.kill()
        page.wait_for_selector("#lost:not([hidden])")
        page.close()
    assert hashes(home) == before, "a run changes no photo"
    with AppProcess(home) as app:
        own.append(app.address.partition("/?")[0])
        page = opened(browser, app.address, asked)
        go_on(page)
        shoot(page, "done")
        review(page)
        shoot(page, "review")
        compare(page)
        shoot(page, "compare")
        write(page, shoot)
        written = {path for path, sha256 in hashes(home).items() if sha256 != before[path]}
        check_tags(written)
        page.emulate_media(color_scheme="dark")
        shoot(page, "dark")
        page.set_viewport_size({"width": 390, "height": 780})
        shoot(page, "narrow")
        page.set_viewport_size(SIZE)
        restore(page)
        assert hashes(home) == before, "every photo has the bytes that it had before"
        page.close()
    strange = [url for url in asked if not url.startswith((*own, "data:", "blob:"))]
    assert not strange, f"requests that left this computer: {strange}"


# the home folder


@contextmanager
def new_home(chosen: Path | None) -> Iterator[Path]:
    """An empty home folder, removed at the end; without a choice it is a temporary one.

    Raises:
        FileExistsError: the chosen folder exists already.
    """
    if chosen is None:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
        return
    chosen.mkdir()
    try:
        yield chosen
    finally:
        shutil.rmtree(chosen)


def make_home(home: Path, photos: int) -> Path:
    """A home folder with photos of a journey, its track, the example photos, and a broken file."""
    random = np.random.default_rng(7)
    fixes = []
    for number in range(photos):
        day, hour = divmod(number * len(STOPS), photos)
        place = find(*STOPS[day][:2]).point
        at = datetime(2024, 6, 1 + day, 9, tzinfo=SUMMER_TIME) + timedelta(hours=11) * hour / photos
        lat, lon = place.lat + random.normal(0, 0.012), place.lon + random.normal(0, 0.012)
        fixes.append((at.astimezone(UTC), lat, lon))
        draw(home / "Photos" / "Journey" / f"DSC_{4310 + 7 * number}.jpg", at, random)
    (home / "Photos" / "Journey" / "DSC_9999.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut off")
    for example in sorted(EXAMPLES.glob("*.jpg")):
        (home / "Photos" / "Landmarks").mkdir(exist_ok=True)
        shutil.copyfile(example, home / "Photos" / "Landmarks" / example.name)
    (home / "Tracks").mkdir()
    (home / "Tracks" / "journey.gpx").write_text(gpx(sorted(fixes)), "utf-8")
    return home


def draw(path: Path, at: datetime, random: np.random.Generator) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[ExifTags.Base.Model] = "DSC"
    ifd = exif.get_ifd(ExifTags.IFD.Exif)
    ifd[ExifTags.Base.DateTimeOriginal] = f"{at:%Y:%m:%d %H:%M:%S}"
    ifd[ExifTags.Base.OffsetTimeOriginal] = "+02:00"
    landscape(random).save(path, quality=82, exif=exif)


def gpx(fixes: Sequence[tuple[datetime, float, float]]) -> str:
    """A track that stays a quarter of an hour around each fix."""
    points = "".join(
        f'<trkpt lat="{lat:.6f}" lon="{lon:.6f}">'
        f"<time>{at + shift:%Y-%m-%dT%H:%M:%SZ}</time></trkpt>"
        for at, lat, lon in fixes
        for shift in (timedelta(minutes=-8), timedelta(0), timedelta(minutes=8))
    )
    return (
        '<gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>'
        f"{points}</trkseg></trk></gpx>"
    )


def hashes(home: Path) -> dict[Path, str]:
    """SHA-256 of every photo."""
    photos = sorted((home / "Photos").rglob("*.*"))
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in photos}


# the program


class AppProcess:
    """`geotagger app` in a home folder."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def __enter__(self) -> AppProcess:
        kept = {name: value for name, value in os.environ.items() if name[:4] != "XDG_"}
        state = self.home / ".local" / "state" / "geotagger"
        here = {"HOME": str(self.home), "GEOTAGGER_STATE": str(state)}
        command = [sys.executable, "-m", "geotagger", "app", "--no-browser"]
        self.process = subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, cwd=self.home, env=kept | here
        )
        assert self.process.stderr
        line = self.process.stderr.readline()
        assert line.startswith("app: "), line + self.process.stderr.read()
        self.address = line.split()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()
        assert self.process.stderr
        self.process.stderr.close()

    def kill(self) -> None:
        """As `kill -9` does."""
        self.process.kill()
        self.process.wait()


def opened(browser: Browser, address: str, asked: list[str]) -> Page:
    page = browser.new_page(viewport=SIZE, reduced_motion="reduce", color_scheme="light")
    page.set_default_timeout(MAX_WAIT_MS)
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    page.wait_for_selector("body[data-ready]")
    return page


# the way


def choose(page: Page) -> None:
    """Folder and track, with the picker and the keyboard."""
    page.wait_for_selector("#welcome")
    page.keyboard.press("o")
    page.wait_for_selector("#picker li:has-text('Photos')")
    page.keyboard.type("photos")
    page.keyboard.press("Enter")
    page.wait_for_selector("#picker-path:has-text('Photos')")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#folders li:has-text('Photos')")
    page.locator("#tracks-browse").click()
    page.wait_for_selector("#picker li:has-text('Journey')")
    page.keyboard.press("Backspace")
    page.locator("#picker li:has-text('Tracks')").dblclick()
    page.wait_for_selector("#picker li:has-text('journey.gpx')")
    page.keyboard.press("Enter")
    page.wait_for_selector("#tracks li:has-text('journey.gpx')")
    page.get_by_label("the signs in the pictures").uncheck()  # the drawn photos have none
    page.wait_for_selector("#command:has-text('--no-read-text')")
    page.wait_for_selector("#survey:has-text('Without')")
    page.wait_for_function("() => desktop.state.survey && !desktop.state.survey.running")
    page.wait_for_function("() => !/measured/.test(document.querySelector('#models').textContent)")
    page.locator("#beginning .column").evaluate("(column) => (column.scrollTop = 0)")


PAUSE_AT_ONCE = """new MutationObserver((_, observer) => {
  if ($("#run-pause").disabled || $("#run-pause").hidden) return;
  observer.disconnect();
  $("#run-pause").click();
}).observe($("#run"), { subtree: true, attributes: true, childList: true })"""


def run(page: Page, rows: int) -> None:
    """Starts, and waits for some rows; for none, the run is paused before it can end."""
    if not rows:
        page.evaluate(PAUSE_AT_ONCE)
    page.keyboard.press("Control+Enter")
    page.wait_for_selector("#run-pause:enabled")
    page.wait_for_function("(rows) => app?.filters && app.columns.rows >= rows", arg=rows)


def go_on(page: Page) -> None:
    """After the kill: the rows that there were, and then the others."""
    page.wait_for_selector("#run-stage:text-is('Cut off')")
    with page.expect_navigation():
        page.get_by_role("button", name="Go on", exact=True).click()
    page.wait_for_selector("#run-stage:text-is('Done')")
    page.wait_for_function("() => app?.filters && app.columns.rows === desktop.state.rows")
    page.wait_for_selector("#legend li")


def review(page: Page) -> None:
    """Approves, rejects, and moves one photo to a typed place."""
    page.fill("#search", "Journey")
    page.wait_for_function("() => app.shown.length && app.shown.length < app.columns.rows")
    page.locator("#search").blur()
    page.locator(".row").first.click()
    for key, state in (("a", 1), ("a", 1), ("r", 3), ("a", 1)):
        page.wait_for_selector("#details .decide")
        chosen = page.evaluate("app.chosen")
        page.keyboard.press(key)
        decided(page, chosen, state)
    chosen = page.evaluate("app.chosen")
    page.keyboard.press("p")
    page.keyboard.type("sintra")
    page.wait_for_selector(".found li:first-child button:has-text('Sintra')")
    page.keyboard.press("Enter")
    page.wait_for_selector(".proposal:has-text('Sintra')")
    page.locator("#list").focus()
    page.keyboard.press("a")
    decided(page, chosen, 2)


SHOWS_NEXT = """async (before) => {
  const { path } = await app.store.row(app.chosen);
  return app.chosen !== before && $("#details h2")?.textContent === fileName(path);
}"""


def decided(page: Page, photo: int, state: int) -> None:
    """The photo has this state, and the next one is shown."""
    page.wait_for_function("([id, state]) => app.columns.state[id] === state", arg=[photo, state])
    page.wait_for_function(SHOWS_NEXT, arg=photo)


def compare(page: Page) -> None:
    """Two photos, side by side."""
    page.keyboard.press("v")
    page.keyboard.press("j")
    page.wait_for_selector(".large.two")
    page.wait_for_selector("#message", state="hidden")  # it asked for the second one


def write(page: Page, shoot: Shoot) -> None:
    """Dry run, then write what was approved."""
    page.keyboard.press("Escape")
    page.keyboard.press("w")
    page.get_by_role("dialog", name="Write into 4 photos?").wait_for()
    page.get_by_role("button", name="Dry run").click()
    page.get_by_role("dialog", name="What would be written").wait_for()
    shoot(page, "write")
    page.get_by_role("button", name="Write into the photos: 4 photos").click()
    page.get_by_role("dialog", name="Written").wait_for()
    page.keyboard.press("Escape")


def check_tags(written: set[Path]) -> None:
    """What ExifTool reads in the photos that were approved, and in no other."""
    assert len(written) == 4, sorted(written)
    for path in sorted(written):
        tags = exiftool(path)
        assert "GPSLatitude" in tags, path
        assert "geotagger" in tags["GPSAreaInformation"], path
    moved = [path for path in written if "CORRECTED" in exiftool(path)["GPSAreaInformation"]]
    assert len(moved) == 1
    assert abs(exiftool(moved[0])["GPSLatitude"] - 38.8) < 0.1, "Sintra"


def exiftool(path: Path) -> dict[str, Any]:
    command = ["exiftool", "-json", "-n", str(path)]
    tags: dict[str, Any] = json.loads(subprocess.check_output(command))[0]
    return tags


def restore(page: Page) -> None:
    """Takes the writing back."""
    page.get_by_role("button", name="Undo writing").click()
    page.get_by_role("button", name="Restore 4 photos").click()
    page.get_by_role("dialog", name="Restored").wait_for()
    page.keyboard.press("Escape")


if __name__ == "__main__":
    main()
