"""What text cues need to know of each country: its photos, languages and currencies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from geotagger.data import read_json


@dataclass(frozen=True, slots=True)
class CountryProfile:
    """One country in `data/countries.json`; `tools/build_data/languages` names the sources."""

    photos: float
    """Share of the world's photos."""
    languages: Mapping[str, float]
    """Share on signs by language and script (`sr_Cyrl`)."""
    currencies: tuple[str, ...]
    """ISO 4217 codes of legal tender."""


@cache
def country_profiles() -> dict[str, CountryProfile]:
    """Return the profiles by ISO 3166-1 alpha-2 code."""
    table = read_json("countries.json")
    return {
        code: CountryProfile(row["photos"], row["languages"], tuple(row["currencies"]))
        for code, row in table.items()
    }
