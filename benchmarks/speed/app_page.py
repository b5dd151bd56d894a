"""Longest tasks of the app's page in a browser while rows arrive, and then as `page` does.

    python -m benchmarks.speed.app_page --rows 100000

The server is the real one, with the rows of an earlier run on towns without photos. A task over
50 ms is a long one (W3C, Long Tasks API). A loop of plain script, timed in the same page before and
after, says how busy the machine was.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from benchmarks.speed.app import write
from benchmarks.speed.page import WATCH, measure, report

LOOP = """(() => { const started = performance.now(); let sum = 0;
for (let i = 0; i < 2e7; i++) sum += i % 7;
return performance.now() - started + 0 * sum; })()"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder) / "photos"
        photos.mkdir()
        os.environ["GEOTAGGER_STATE"] = f"{folder}/state"
        write(photos, options.rows)
        command = [sys.executable, "-m", "geotagger", "app", "--no-browser", str(photos)]
        with (
            subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server,
            sync_playwright() as api,
        ):
            assert server.stderr
            address = server.stderr.readline().split()[1]
            browser = api.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.set_default_timeout(600_000)
            page.add_init_script(WATCH)
            arrive(page, address, options.rows)
            measure(page, address.partition("?")[0])
            page.keyboard.press("Escape")
            strip(page)
            print(f"a loop of plain script: {page.evaluate(LOOP):.0f} ms")
            browser.close()
            server.terminate()


def arrive(page: Page, address: str, rows: int) -> None:
    """Open the page while the server still loads the rows, until the page has all of them."""
    page.goto(address)
    page.wait_for_selector("body[data-ready]")
    print(f"a loop of plain script: {page.evaluate(LOOP):.0f} ms")
    page.evaluate("tasks.splice(0)")
    page.wait_for_function("(rows) => app?.columns.rows === rows", arg=rows)
    page.wait_for_timeout(1000)
    report(page, f"{rows} rows arrive")


def strip(page: Page) -> None:
    """Go through photos with their day and the large picture."""
    page.fill("#search", "")
    page.wait_for_timeout(1500)
    page.locator("#list").focus()
    page.keyboard.press("Home")
    page.evaluate("tasks.splice(0)")
    for key in "]]]}}}bjjj":
        page.keyboard.press(key)
        page.wait_for_timeout(150)
    page.wait_for_timeout(400)
    report(page, "days and large pictures")


if __name__ == "__main__":
    main()
