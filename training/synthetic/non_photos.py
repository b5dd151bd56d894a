"""Makes pictures that are not photos: python -m training.synthetic.non_photos OUT --pages FOLDER

HTML and SVG files are rendered by a browser (Chromium, through Playwright) in windows of phones and
desktops, dark and light. Half of the pages become JPEGs as messengers send them, half become scans:
rotated slightly, on grey paper, blurred, with noise. The files are named `screen_*`, `sent_*`,
`scan_*`, `drawing_*`.
"""

from __future__ import annotations

import io
from pathlib import Path

import click
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, Error, sync_playwright

WINDOWS = ((390, 844, 2), (412, 915, 2), (768, 1024, 1), (1280, 800, 1), (1920, 1080, 1))
"""Width and height in CSS pixels, device pixels in each."""
MAX_SCROLL_PX = 2000


@click.command(help=__doc__)
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option("--pages", required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--count", default=150, show_default=True)
@click.option("--chromium", default="/usr/bin/chromium", show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(out: Path, pages: Path, count: int, chromium: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    files = sorted(p for p in pages.rglob("*") if p.suffix in (".html", ".svg")) or [pages]
    chosen = rng.permutation(np.array(files, object))[:count]
    out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for number, page in enumerate(chosen):
            try:
                shot = Image.open(io.BytesIO(screenshot(browser, page, rng))).convert("RGB")
            except Error as error:
                click.echo(f"{page}: left out: {error}", err=True)
                continue
            kind = "drawing" if page.suffix == ".svg" else "screen"
            shot.save(out / f"{kind}_{number:04}.png")
            if kind == "screen" and number % 2:
                shrink(shot, rng).save(
                    out / f"sent_{number:04}.jpg", quality=int(rng.integers(50, 90))
                )
            elif kind == "screen":
                pixels = scan(np.asarray(shot), rng)
                quality = int(rng.integers(60, 92))
                Image.fromarray(pixels).save(out / f"scan_{number:04}.jpg", quality=quality)


def screenshot(browser: Browser, page: Path, rng: np.random.Generator) -> bytes:
    """Returns a window with the page as PNG."""
    width, height, scale = WINDOWS[rng.integers(len(WINDOWS))]
    scheme = "dark" if rng.random() < 0.4 else "light"
    context = browser.new_context(
        viewport={"width": width, "height": height},
        device_scale_factor=scale,
        color_scheme=scheme,
        offline=True,
    )
    try:
        tab = context.new_page()
        tab.goto(page.resolve().as_uri(), timeout=10_000)
        tab.mouse.wheel(0, int(rng.integers(0, MAX_SCROLL_PX)))
        return tab.screenshot()
    finally:
        context.close()


def shrink(shot: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Makes the picture smaller, as messengers do."""
    share = rng.uniform(0.4, 1)
    return shot.resize((round(shot.width * share), round(shot.height * share)), Image.LANCZOS)


def scan(pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Makes RGB pixels [h, w, 3] look like a scan of a print."""
    page = 255 - pixels if pixels.mean() < 110 else pixels
    height, width = page.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-1.5, 1.5), 1)
    page = cv2.warpAffine(page, turn, (width, height), borderValue=(250, 250, 250))
    if rng.random() < 0.5:
        page = cv2.cvtColor(cv2.cvtColor(page, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    paper = rng.uniform(205, 252) + rng.uniform(-6, 6, 3)
    blurred = cv2.GaussianBlur(page / 255.0 * paper, (0, 0), rng.uniform(0.5, 1.2))
    noisy = blurred + rng.normal(0, rng.uniform(0.5, 4), (height, width, 1))
    return noisy.clip(0, 255).astype(np.uint8)


if __name__ == "__main__":
    main()
