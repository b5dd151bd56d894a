"""Parts of countries with a language of their own: Catalonia, Wales, South Tyrol, Quebec.

`data/language_areas.csv` has rough circles, and the area's share of the country's signs in the
language (from general knowledge) and of its people (from the table of places).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from geotagger.data import read_table
from geotagger.text.country_profiles import country_profiles
from geotagger.text.language.words import load_word_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_REST_FACTOR = 0.15
"""Lowest factor outside the areas: the circles are rough, and people move."""


@dataclass(frozen=True, slots=True)
class LanguageArea:
    """A part of a country with a language of its own."""

    country: int
    """Row in `country_profiles()`."""
    language: int
    """Row in the languages of the word model."""
    lat: float
    """Degrees."""
    lon: float
    """Degrees."""
    radius_km: float
    people_share: float
    """Of the country's people."""
    signs_share: float
    """Of the country's signs in the language."""

    @property
    def factor(self) -> float:
        """How many times commoner the language is there than in the country as a whole."""
        return self.signs_share / self.people_share


@cache
def language_areas() -> tuple[LanguageArea, ...]:
    """Return the areas; they are read once."""
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
        for row in read_table("language_areas.csv")
    )


@cache
def factors_outside_areas() -> NDArray[np.float64]:
    """Return how many times commoner each language is in each country outside these areas.

    Returns:
        float64 [C, L]; 1 for a language without an area in the country.
    """
    people, signs = np.zeros((2, len(country_profiles()), len(load_word_model().languages)))
    for area in language_areas():
        people[area.country, area.language] += area.people_share
        signs[area.country, area.language] += area.signs_share
    factors: NDArray[np.float64] = np.where(
        people > 0, np.maximum((1 - signs) / (1 - people), MIN_REST_FACTOR), 1.0
    )
    return factors
