"""Make docs/images/terminal.png, the picture of a run in a terminal.

    pip install -e '.[dev]'
    python tools/docs/terminal_picture.py [--chromium FILE]

Runs the commands, and takes a screenshot of their output set as a terminal window.
"""

from __future__ import annotations

import argparse
import html
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[2]
PICTURE = ROOT / "docs" / "images" / "terminal.png"
COMMANDS = (
    ("tag", "examples", "--report", "places.csv"),
    ("report", "places.csv", "--sort", "-confidence"),
    ("explain", "examples/sydney-opera-house.jpg"),
)
WIDTH_PX, SCALE = 1000, 2
PAGE = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; background: #f4f2ec; padding: 24px; width: {width}px; box-sizing: border-box }}
pre {{ margin: 0; padding: 18px 22px; border-radius: 8px; background: #1d2430; color: #d9dee6;
  font: 13px/1.5 "DejaVu Sans Mono", monospace; white-space: pre-wrap }}
b {{ color: #8fd3a8; font-weight: 600 }}
</style><pre>{text}</pre>"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--chromium", default=shutil.which("chromium") or "")
    chromium = parser.parse_args().chromium or None
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        shutil.copytree(ROOT / "examples", folder / "examples")
        text = "\n\n".join(output_of(command, folder) for command in COMMANDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page(
            viewport={"width": WIDTH_PX, "height": 100}, device_scale_factor=SCALE
        )
        tab.set_content(PAGE.format(width=WIDTH_PX, text=text))
        tab.screenshot(path=PICTURE, full_page=True)
        browser.close()


def output_of(command: tuple[str, ...], folder: Path) -> str:
    """The command and what it printed, as HTML."""
    done = subprocess.run(
        [sys.executable, "-m", "geotagger", *command],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    return f"<b>$ geotagger {' '.join(command)}</b>\n{html.escape(done.stdout.rstrip())}"


if __name__ == "__main__":
    main()
