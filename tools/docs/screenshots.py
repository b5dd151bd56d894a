"""Draw photos, report on them, explain one, and take the pictures of docs/guide/review.md and the
README.

    pip install -e '.[dev]'
    python tools/docs/screenshots.py [--chromium FILE]

Landscapes and places are made up; the pages are the real ones.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageDraw, ImageFilter, ImageFont
from playwright.sync_api import Browser, Page, sync_playwright

from geotagger.geography.places import load_places
from geotagger.reports.formats.registry import open_report
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
from geotagger.vision.bundle.bundle import find_bundle, load_card

IMAGES = Path(__file__).parents[2] / "docs" / "images"
STOPS = (
    ("Lisbon", "PT", 9),
    ("Porto", "PT", 5),
    ("Salamanca", "ES", 3),
    ("Toledo", "ES", 4),
    ("Toulouse", "FR", 6),
    ("Lyon", "FR", 5),
    ("Bern", "CH", 3),
    ("Como", "IT", 4),
    ("Verona", "IT", 6),
    ("Ljubljana", "SI", 5),
    ("Zadar", "HR", 4),
    ("Sarajevo", "BA", 3),
    ("Athens", "GR", 4),
    ("Istanbul", "TR", 8),
    ("Tbilisi", "GE", 5),
    ("Reykjavík", "IS", 3),
)
"""Town, country, how many photos."""
SIGN = (("LEKÁRNA", 50), ("Otevřeno Po-Pá, tel. 541 211 387", 25))
"""A pharmacy in Czechia: what it is, when it is open, and a number of Brno's."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    options = parser.parse_args()
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        report("journey.html", "journey.csv")
        with sync_playwright() as api:
            browser = api.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
            the_map(browser)
            the_review(browser)
            the_belief(browser)
            browser.close()


def report(*names: str) -> None:
    random = np.random.default_rng(7)
    reports = [open_report(Path(name)) for name in names]
    number = 0
    for stop, (town, code, photos) in enumerate(STOPS):
        for _ in range(photos):
            outcome = guess(stop, number, find(town, code), random)
            for each in reports:
                each.add(outcome)
            number += 1
    for each in reports:
        each.close()


def find(town: str, code: str) -> Place:
    places = load_places()
    rows = [r for r, name in enumerate(places.city_names) if name == town]
    return next(place for place in map(places.place, rows) if place.country_code == code)


def guess(stop: int, number: int, place: Place, random: np.random.Generator) -> Outcome:
    """A prediction as they are: mostly right, some wide, a few unsure."""
    path = Path("journey") / f"{stop + 1:02} {place.city}" / f"DSC_{4310 + 7 * number}.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    landscape(random).save(path, quality=82)
    level = (Level.CITY, Level.REGION, Level.CITY, Level.COUNTRY, Level.CITY, Level.NONE)[
        number % 6
    ]
    ranges = {
        Level.CITY: ((0.7, 0.98), (4, 24)),
        Level.REGION: ((0.55, 0.9), (30, 90)),
        Level.COUNTRY: ((0.5, 0.8), (150, 500)),
        Level.NONE: ((0.05, 0.2), (1500, 6000)),
    }
    share, radius_km = (float(random.uniform(*ends)) for ends in ranges[level])
    others = [find(*STOPS[(stop + step) % len(STOPS)][:2]) for step in (1, 3, 6)]
    left = 1 - share
    shares = [share, 0.5 * left, 0.25 * left, 0.1 * left]
    candidates = [Candidate(p, p.point, s) for p, s in zip([place, *others], shares, strict=True)]
    sign = f'sign: "{place.city}" -> {place.city}, {place.country_code}' if number % 3 == 0 else ""
    elsewhere = next(other.country for other in others if other.country != place.country)
    seen = f"picture looks like {place.country} {100 * share:.0f} %, {elsewhere} {50 * left:.0f} %"
    evidence = tuple(
        SourceNote(source, text) for source, text in (("vision", seen), ("text", sign)) if text
    )
    spread = random.normal(0, 0.05 if level is Level.CITY else 0.4, 2).tolist()
    point = Point(place.point.lat + spread[0], place.point.lon + spread[1])
    gps = Point(place.point.lat + 0.03, place.point.lon - 0.02) if number % 8 == 0 else None
    return Outcome(
        Photo(path, Path("journey")),
        Status.UNSURE if level is Level.NONE else Status.PREDICTED,
        PhotoMetadata(
            gps, taken_at=f"2024-06-{1 + stop:02}T{9 + number % 11:02}:{7 * number % 60:02}:12"
        ),
        Prediction(point, place, level, share, radius_km, tuple(candidates), (), evidence),
        hashlib.sha256(path.read_bytes()).hexdigest(),
        load_card(find_bundle("starter")).model_id,
    )


def landscape(random: np.random.Generator) -> Image.Image:
    """Sky, sun, hills, sometimes water and houses."""
    wide, high = 960, 640
    hour = random.uniform(0, 1)
    top = np.array([60 + 90 * hour, 120 + 30 * hour, 190 - 50 * hour])
    low = np.array([225, 215 - 40 * hour, 200 - 70 * hour])
    fade = np.linspace(0, 1, high)[:, None, None]
    sky = np.broadcast_to(top * (1 - fade) + low * fade, (high, wide, 3))
    image = Image.fromarray(sky.astype(np.uint8))
    draw = ImageDraw.Draw(image)
    x, y = random.uniform(100, 860), random.uniform(90, 260)
    draw.ellipse([x - 34, y - 34, x + 34, y + 34], fill=(255, 240, 205))
    image = image.filter(ImageFilter.GaussianBlur(3))
    draw = ImageDraw.Draw(image)
    hue = random.uniform(-25, 25, 3)
    for layer in range(4):
        across = np.linspace(0, wide, 60)
        waves = sum(
            random.uniform(10, 60)
            / (k + 1)
            * np.sin(across / wide * (k + 1) * 5 + random.uniform(0, 6))
            for k in range(4)
        )
        ridge = 300 + 75 * layer + waves
        shade = np.clip(np.array([120, 140, 130]) * (1 - 0.2 * layer) + hue, 0, 255)
        corners = [(0, high), *zip(across.tolist(), ridge.tolist(), strict=True), (wide, high)]
        draw.polygon(corners, fill=tuple(shade.astype(int).tolist()))
    if random.random() < 0.6:
        for _ in range(int(random.integers(5, 16))):
            house(draw, random)
    return image


def house(draw: ImageDraw.ImageDraw, random: np.random.Generator) -> None:
    x, y = random.uniform(0, 900), random.uniform(430, 600)
    wide, high = random.uniform(26, 70), random.uniform(30, 110)
    wall = tuple(int(v) for v in random.uniform([190, 170, 140], [245, 230, 210]))
    draw.rectangle([x, y - high, x + wide, y], fill=wall)
    roof = [(x - 5, y - high), (x + wide / 2, y - high - 22), (x + wide + 5, y - high)]
    draw.polygon(roof, fill=(166, 84, 60))
    for row in range(int(high // 26)):
        for column in range(int(wide // 20)):
            left, upper = x + 6 + 20 * column, y - high + 8 + 26 * row
            draw.rectangle([left, upper, left + 8, upper + 12], fill=(70, 80, 95))


def the_map(browser: Browser) -> None:
    page = opened(browser, Path("journey.html").resolve().as_uri(), "light", 1280, 800)
    choose(page, "Verona", 1)
    zoom_out(page)
    shoot(page, "map.png")
    page = opened(browser, Path("journey.html").resolve().as_uri(), "dark", 1280, 800)
    choose(page, "Istanbul", 2)
    page.keyboard.press("f")
    shoot(page, "map-dark.png")
    page = opened(browser, Path("journey.html").resolve().as_uri(), "light", 375, 700)
    shoot(page, "map-narrow.png")


def the_review(browser: Browser) -> None:
    command = [sys.executable, "-m", "geotagger", "review", "--no-browser", "journey.csv"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        page = opened(browser, process.stderr.readline().split()[1], "light", 1280, 800)
        choose(page, "Lisbon", 0)
        for key in ("a", "a", "n", "r", "a"):
            page.keyboard.press(key)
            page.wait_for_timeout(350)
        page.keyboard.press("3")
        page.wait_for_timeout(400)
        zoom_out(page)
        shoot(page, "review.png")
        process.terminate()


def the_belief(browser: Browser) -> None:
    """A drawn photo with a sign beside what `geotagger explain` says of it."""
    signpost("DSC_4711.jpg")
    command = [sys.executable, "-m", "geotagger", "explain", "DSC_4711.jpg", "--report", "why.html"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    page = browser.new_page(viewport={"width": 1100, "height": 800}, bypass_csp=True)
    page.goto(Path("why.html").resolve().as_uri())
    photo = base64.b64encode(Path("DSC_4711.jpg").read_bytes()).decode()
    page.evaluate(
        "photo => { const image = new Image(); image.src = 'data:image/jpeg;base64,' + photo;"
        " image.style = 'float: right; width: 270px; margin: 8px 0 0 24px; border-radius: 6px';"
        " document.body.querySelector('h1, h2, p').before(image); }",
        photo,
    )
    page.wait_for_timeout(500)
    below = page.locator("table").bounding_box()
    assert below
    clip = {"x": 60, "y": 0, "width": 980, "height": below["y"] + below["height"] + 24}
    page.screenshot(path=IMAGES / "belief.png", full_page=True, clip=clip)
    page.close()


def signpost(name: str) -> None:
    """A photo whose only telling things are a sign and the camera's clock."""
    image = landscape(np.random.default_rng(3))
    draw = ImageDraw.Draw(image)
    draw.rectangle([290, 470, 306, 640], fill=(90, 84, 78))
    draw.rounded_rectangle([130, 330, 640, 490], 8, fill=(20, 92, 60), outline="white", width=4)
    for line, (text, size) in enumerate(SIGN):
        font = ImageFont.truetype("DejaVuSans-Bold.ttf", size)
        draw.text((156, 346 + 72 * line), text, "white", font)
    exif = Image.Exif()
    exif[ExifTags.Base.Model] = "DSC"
    ifd = exif.get_ifd(ExifTags.IFD.Exif)
    ifd[ExifTags.Base.DateTimeOriginal] = "2024:06:14 12:10:05"
    ifd[ExifTags.Base.OffsetTimeOriginal] = "+02:00"
    image.save(name, quality=88, exif=exif)


def opened(browser: Browser, address: str, scheme: str, wide: int, high: int) -> Page:
    page = browser.new_page(viewport={"width": wide, "height": high}, color_scheme=scheme)
    page.goto(address)
    page.wait_for_selector("body[data-ready]")
    page.wait_for_timeout(500)
    return page


def choose(page: Page, town: str, number: int) -> None:
    page.fill("#search", town)
    page.wait_for_timeout(600)
    page.locator(".row").nth(number).click()
    page.fill("#search", "")
    page.wait_for_timeout(600)
    page.locator("#search").blur()
    page.mouse.move(640, 5)


def zoom_out(page: Page) -> None:
    for key in "c---":
        page.keyboard.press(key)
        page.wait_for_timeout(600)


def shoot(page: Page, name: str) -> None:
    page.wait_for_timeout(1500)
    page.screenshot(path=IMAGES / name)
    page.close()


if __name__ == "__main__":
    main()
