"""Parts of countries with a language of their own: Catalonia, Wales, South Tyrol, Quebec.

`data/language_areas.csv` holds rough circles and the share of the country's signs in the language
that stand there, from general knowledge, and the share of people, from the places table.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from geotagger.data import read_text
from geotagger.text.country_profiles import country_profiles
from geotagger.text.language.words import load_word_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.float64]

MIN_REST = 0.15
"""The circles are rough, and people move."""


@dataclass(frozen=True, slots=True)
class LanguageArea:
    """A part of a country with a language of its own; `country` and `language` are rows."""

    country: int
    language: int
    lat: float
    lon: float
    radius_km: float
    people: float
    signs: float
    """Shares of the country's people, and of its signs in the language."""

    @property
    def gain(self) -> float:
        """How many times commoner the language is there than in the country as a whole."""
        return self.signs / self.people


@cache
def language_areas() -> tuple[LanguageArea, ...]:
    text = read_text("language_areas.csv")
    languages, codes = load_word_model().languages, list(country_profiles())
    return tuple(
        LanguageArea(
            codes.index(row["country"]),
            languages.index(row["language"]),
            float(row["lat"]),
            float(row["lon"]),
            float(row["radius_km"]),
            float(row["share_of_people"]),
            float(row["share_of_language"]),
        )
        for row in csv.DictReader(text.splitlines())
    )


@cache
def elsewhere() -> Rows:
    """How many times commoner each language is in the country outside these areas, [C, L]."""
    people, signs = np.zeros((2, len(country_profiles()), len(load_word_model().languages)))
    for area in language_areas():
        people[area.country, area.language] += area.people
        signs[area.country, area.language] += area.signs
    rest: Rows = np.where(people > 0, np.maximum((1 - signs) / (1 - people), MIN_REST), 1.0)
    return rest
