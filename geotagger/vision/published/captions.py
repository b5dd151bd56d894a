"""Captions of countries and their largest cities, as tables of caption heads."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import numpy as np

from geotagger.geography.named_places import NamedPlace, largest_cities
from geotagger.geography.places import load_places
from geotagger.vision.bundle.head_specs import CaptionHead
from geotagger.vision.bundle.label_tables import CAPTION_COLUMNS
from geotagger.vision.runtime.encoders import TextEncoder
from geotagger.vision.search_space import caption_label, caption_vectors

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from geotagger.geography.places import Places

STREET = (("A Street View photo in {country}.",), ("A Street View photo from {city}.",))
"""StreetCLIP's prompts (Haas et al. 2023)."""
PLAIN = (
    (
        "a photo taken in {country}.",
        "a street in {country}.",
        "a landscape in {country}.",
        "people in {country}.",
        "a building in {country}.",
    ),
    ("a photo taken in {city}, {country}.", "a street in {city}, {country}.", "a view of {city}."),
)
"""For towers that were not trained on such captions; the mean of several prompts is more stable."""

WITH_STATES = "US"
TEXT_GRAPH, TOKENIZER_FILE = "text.onnx", "tokenizer.json"
"""The text tower and its tokenizer, as files of a bundle."""


def write_captions(
    folder: Path,
    text: Path,
    output: str,
    scale: float,
    templates: tuple[Sequence[str], Sequence[str]],
    cities: int,
    states: bool,
    half: bool,
    threads: int,
) -> tuple[CaptionHead, CaptionHead]:
    """Writes tables and vectors of both heads.

    Args:
        folder: The folder of the bundle, which has the tokenizer.
        text: The text tower.
        output: The output of the image tower.
        scale: The factor of the cosines.
        templates: Prompts of countries, and of cities.
        cities: Cities of each country.
        states: Captions of US states instead of the US.
        half: Stores vectors in float16.
        threads: CPU threads.

    Returns:
        (head of countries, head of cities).
    """
    places = load_places()
    tower = TextEncoder(text, folder / TOKENIZER_FILE, threads)
    tables = (candidate_areas(places, states), candidate_towns(places, cities, states))
    heads = []
    for name, inner, table, wording in zip(
        ("countries", "cities"), (False, True), tables, templates, strict=True
    ):
        vectors = caption_vectors(tower, wording, [one.names(places) for one in table])
        np.save(folder / f"{name}.npy", vectors.astype(np.float16 if half else np.float32))
        _write_table(folder / f"{name}.csv", [caption_label(one, places, inner) for one in table])
        files = (f"{name}.npy", f"{name}.csv")
        heads.append(
            CaptionHead(name, output, *files, scale, TEXT_GRAPH, TOKENIZER_FILE, tuple(wording))
        )
    return heads[0], heads[1]


def candidate_areas(places: Places, states: bool) -> list[NamedPlace]:
    """Returns every country with towns; with `states`, the states of the US instead of the US."""
    candidates: dict[NamedPlace, None] = {}
    for number in np.unique(places.country[places.population > 0]).tolist():
        code = places.country_codes[number]
        if states and code == WITH_STATES:
            rows = (places.country == number) & (places.population > 0)
            names = (places.region_names[region] for region in np.unique(places.region[rows]))
            candidates |= {NamedPlace("", name, code, True): None for name in names if name}
        else:
            candidates[NamedPlace("", "", code)] = None
    return list(candidates)


def candidate_towns(places: Places, count: int, states: bool) -> list[NamedPlace]:
    """Returns the most populous `count` towns of each of these areas."""
    towns = []
    for number in np.unique(places.country[places.population > 0]).tolist():
        by_state = states and places.country_codes[number] == WITH_STATES
        towns += largest_cities(places, number, by_state, count)
    return list({caption_label(town, places, True).label: town for town in towns}.values())


def _write_table(file: Path, labels: Sequence[Any]) -> None:
    columns = [name for name in CAPTION_COLUMNS if name != "log_prior"]
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        for label in labels:
            values = (getattr(label, name) for name in columns)
            writer.writerow("" if value != value else value for value in values)  # NaN
