"""Pictures whose text is no evidence of where they were taken; see `scenes.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from training.synthetic.lettering import Colour, SignPlate, render_line
from training.synthetic.studio import Scene, Studio, hang_panel

if TYPE_CHECKING:
    from numpy.typing import NDArray

NAMES = ("Anna Berg", "J. Smith", "Luca Moretti", "Mehmet Kaya", "Marie Dubois", "K. Tanaka",
         "Petra Novak", "Diego Ruiz", "Sofia Almeida", "Tom O'Neill")  # fmt: skip
AGENCIES = ("alamy", "shutterstock", "gettyimages", "Adobe Stock", "123RF", "depositphotos",
            "dreamstime", "iStock")  # fmt: skip
SUFFIXES = ("com", "net", "de", "fr", "it", "es", "co.uk", "com.br", "pl", "se")
CHANNELS = ("CNN", "BBC NEWS", "AL JAZEERA", "SKY NEWS", "euronews", "France 24", "BREAKING NEWS")
DISHES = ("Pizza Margherita", "Spaghetti Carbonara", "Tom Yam Goong", "Paella Valenciana",
          "Wiener Schnitzel", "Chicken Tikka", "Sushi mix", "Moussaka", "Tacos al pastor",
          "Falafel", "Pad Thai", "Gnocchi al pesto", "Crème brûlée", "Tiramisù", "Caesar salad",
          "Soupe à l'oignon", "Döner Teller", "Bibimbap", "Lasagne", "Espresso")  # fmt: skip
SLOGANS = (("I ♥ NY",), ("HARD ROCK CAFE", "PARIS"), ("UNIVERSITY OF", "OXFORD"),
           ("Fly Emirates",), ("PROPERTY OF", "CHICAGO"), ("Planet Hollywood", "LAS VEGAS"),
           ("SURF CLUB", "MALIBU"), ("LONDON", "EST. 1974"), ("NEW YORK", "YANKEES"),
           ("MILANO", "FASHION"), ("BERLIN",), ("TOKYO", "東京"))  # fmt: skip
WHITE: Colour = (255, 255, 255)


def non_evidence(studio: Studio) -> Scene:
    """Draws a random one of SCENES."""
    return SCENES[studio.rng.integers(len(SCENES))](studio)


def date_stamp(studio: Studio) -> Scene:
    """A date in the corner of a street scene."""
    rng, sign = studio.rng, studio.sign()
    year, month, day = rng.integers(1994, 2020), rng.integers(1, 13), rng.integers(1, 29)
    hour, minute = rng.integers(0, 24), rng.integers(0, 60)
    text = str(
        rng.choice(
            [
                f"'{year % 100:02d} {month} {day}",
                f"{year}/{month:02d}/{day:02d}",
                f"{year}.{month:02d}.{day:02d} {hour:02d}:{minute:02d}",
                f"{day:02d}/{month:02d}/{year}",
                f"{month:02d}-{day:02d}-{year}",
                f"{year}/{month:02d}/{day:02d} {hour:02d}:{minute:02d}",
            ]
        )
    )
    colour = ((255, 150, 20), (255, 205, 40), (255, 90, 30))[rng.integers(3)]
    pixels = put(studio, studio.street(sign), text, (0.96, 0.95), 0.035, colour)
    return Scene(pixels, "date stamp", sign, text)


def agency(studio: Studio) -> Scene:
    """Watermarks of a photo agency over a street scene."""
    rng, sign = studio.rng, studio.sign()
    name = str(rng.choice(AGENCIES))
    pixels = studio.street(sign)
    for across in (0.3, 0.65, 0.98):
        for down in (0.2, 0.5, 0.8):
            pixels = put(studio, pixels, name, (across, down), 0.04, WHITE, 0.5)
    return Scene(pixels, "agency", sign, name)


def credit(studio: Studio) -> Scene:
    """The credit of a photographer over a street scene."""
    rng, sign = studio.rng, studio.sign()
    name, year = str(rng.choice(NAMES)), rng.integers(2005, 2025)
    site = f"www.{name.lower().replace(' ', '').replace('.', '')}.{rng.choice(SUFFIXES)}"
    text = str(
        rng.choice([f"© {name} {year}", f"Photo: {name}", site, f"{name} Photography", f"© {site}"])
    )
    corner = ((0.97, 0.97), (0.3, 0.97), (0.6, 0.97))[rng.integers(3)]
    pixels = put(studio, studio.street(sign), text, corner, 0.026, WHITE, rng.uniform(0.6, 1))
    return Scene(pixels, "credit", sign, text)


def news(studio: Studio) -> Scene:
    """A television frame with a headline about another place."""
    rng, sign = studio.rng, studio.sign()
    other = studio.elsewhere(sign, latin=True)
    headline = f"{rng.choice(['PROTESTS IN', 'FLOODS HIT', 'ELECTION IN'])} {other.town.upper()}"
    pixels = studio.street(sign)
    while pixels.shape[0] > pixels.shape[1]:
        pixels = studio.street(sign)
    pixels[int(0.8 * len(pixels)) : int(0.93 * len(pixels))] = (20, 30, 90)
    channel = str(rng.choice(CHANNELS))
    pixels = put(studio, pixels, channel, (0.3, 0.78), 0.04, WHITE)
    pixels = put(studio, pixels, headline, (0.8, 0.89), 0.06, WHITE)
    return Scene(pixels, "news", sign, f"{channel} / {headline}")


def screenshot(studio: Studio) -> Scene:
    """A chat with messages about another place."""
    rng, place = studio.rng, studio.sign()
    other = studio.elsewhere(place)
    width, height = ((1080, 2340), (1170, 2532), (750, 1334), (1080, 1920))[rng.integers(4)]
    page = np.full((height, width, 3), 245, np.uint8)
    rows = [(f"{rng.integers(1, 13)}:{rng.integers(10, 60)}", 0.13, 0.03)]
    rows += [(f"{rng.integers(5, 100)}%", 0.95, 0.03), (str(rng.choice(NAMES)), 0.6, 0.1)]
    spoken = [*other.lines, other.town, "See you there", "Where are you now?"]
    rows += [(text, 0.75, 0.2 + 0.09 * row) for row, text in enumerate(spoken)]
    rows += [("Type a message", 0.45, 0.95), ("Today", 0.55, 0.15)]
    for text, right, down in rows:
        page = put(studio, page, text, (right, down), 0.016, (30, 30, 30))
    return Scene(page, "screenshot", place, " / ".join(other.lines))


def page(studio: Studio) -> Scene:
    """A printed page with words from another place."""
    rng, place = studio.rng, studio.sign()
    other = studio.elsewhere(place, latin=True)
    words = [word for line in other.lines for word in line.split()] + [other.town, "und", "the"]
    lines = [" ".join(rng.choice(words, 7)) for _ in range(int(rng.integers(16, 34)))]
    leaf = sheet(studio, lines, 34)
    pixels = hang_panel(studio.background(), leaf, 0.95, rng)
    return Scene(studio.photograph(pixels), "page", place, " / ".join(lines))


def menu(studio: Studio) -> Scene:
    """A menu with dishes of many countries."""
    rng, place = studio.rng, studio.sign()
    dishes = rng.choice(DISHES, int(rng.integers(6, 12)), replace=False)
    prices = [f"{rng.integers(3, 30)}{rng.choice(['.50', ',90', '.00'])} €" for _ in dishes]
    leaf = sheet(studio, list(dishes), 44, prices)
    pixels = hang_panel(studio.background(), leaf, rng.uniform(0.6, 0.95), rng)
    return Scene(studio.photograph(pixels), "menu", place, " / ".join(dishes))


def shirt(studio: Studio) -> Scene:
    """A shirt with a slogan that names another place."""
    rng, place = studio.rng, studio.sign()
    lines = SLOGANS[rng.integers(len(SLOGANS))]
    ground = tuple(int(shade) for shade in rng.integers(0, 256, 3))
    ink = WHITE if sum(ground) < 380 else (20, 20, 20)
    cloth = SignPlate(ground, ink).draw(lines, studio.fonts, rng)  # type: ignore[arg-type]
    pixels = hang_panel(
        studio.background(), np.pad(cloth, ((60, 260), (60, 60), (0, 0)), "edge"), 0.4, rng
    )
    return Scene(studio.photograph(pixels), "shirt", place, " / ".join(lines))


def map_of_far(studio: Studio) -> Scene:
    """A map with towns of other places."""
    rng, place = studio.rng, studio.sign()
    towns = [studio.elsewhere(place, latin=True).town for _ in range(22)]
    chart = np.full((1100, 1500, 4), (238, 234, 222, 255), np.uint8)
    pixels = chart[:, :, :3]
    for town in towns:
        spot = (rng.uniform(0.2, 0.95), rng.uniform(0.05, 0.9))
        pixels = put(studio, pixels, town, spot, 0.025, (50, 50, 60))
    hint = str(rng.choice(["Map data ©2023 Google", "© OpenStreetMap contributors", "1 : 50 000"]))
    pixels = put(studio, pixels, hint, (0.97, 0.98), 0.022, (60, 60, 60))
    chart = np.dstack([pixels, chart[:, :, 3]])
    seen = hang_panel(studio.background(), chart, 0.9, rng)
    return Scene(studio.photograph(seen), "map", place, " / ".join([*towns, hint]))


def mirrored(studio: Studio) -> Scene:
    """A street scene in mirror image."""
    sign = studio.sign()
    pixels = np.ascontiguousarray(studio.street(sign)[:, ::-1])
    return Scene(pixels, "mirrored", sign, " / ".join(sign.lines))


def put(
    studio: Studio,
    pixels: NDArray[np.uint8],
    text: str,
    corner: tuple[float, float],
    height: float,
    ink: Colour,
    alpha: float = 1.0,
) -> NDArray[np.uint8]:
    """Writes level text over a picture.

    Args:
        studio: Has fonts and random numbers.
        pixels: RGB uint8 [h, w, 3].
        text: The text.
        corner: Its lower right corner (x, y), as shares of the sides.
        height: The size of its letters, as a share of the height.
        ink: The colour.
        alpha: The opacity.
    """
    tall, wide = pixels.shape[:2]
    size = max(8, round(height * tall))
    row = render_line(text, studio.fonts.pick(text, studio.rng), size, ink, alpha)
    row = row[:, : wide - 2]
    left = max(0, round(corner[0] * wide) - row.shape[1])
    top = min(max(0, round(corner[1] * tall) - row.shape[0]), tall - row.shape[0])
    image = Image.fromarray(pixels).convert("RGBA")
    image.alpha_composite(Image.fromarray(row), (left, top))
    return np.array(image.convert("RGB"))


def sheet(
    studio: Studio, lines: Sequence[str], size_px: int, ends: Sequence[str] = ()
) -> NDArray[np.uint8]:
    """Returns a page as RGBA uint8: lines at one edge, prices or the like at the other."""
    face = studio.fonts.pick("".join([*lines, *ends]), studio.rng)
    rows = [render_line(line, face, size_px, (30, 30, 35)) for line in lines]
    tails = [render_line(end, face, size_px, (30, 30, 35)) for end in ends]
    width = max(row.shape[1] for row in rows) + max((t.shape[1] + 150 for t in tails), default=0)
    step = round(1.6 * size_px)
    leaf = Image.new("RGBA", (width + 120, step * len(rows) + 120), (244, 240, 230, 255))
    for number, row in enumerate(rows):
        leaf.alpha_composite(Image.fromarray(row), (60, 60 + number * step))
    for number, tail in enumerate(tails):
        leaf.alpha_composite(
            Image.fromarray(tail), (60 + width - tail.shape[1], 60 + number * step)
        )
    return np.asarray(leaf)


SCENES: tuple[Callable[[Studio], Scene], ...] = (
    date_stamp,
    agency,
    credit,
    news,
    screenshot,
    page,
    menu,
    shirt,
    map_of_far,
    mirrored,
)
