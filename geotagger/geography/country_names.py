"""The one table of what people call countries, and the one rule for a country's continent."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from geotagger.geography.places import load_places

if TYPE_CHECKING:
    from geotagger.geography.places import Places

ALIASES = {
    "burma": "MM",
    "czech republic": "CZ",
    "el": "GR",
    "england": "GB",
    "great britain": "GB",
    "holland": "NL",
    "ivory coast": "CI",
    "korea": "KR",
    "macedonia": "MK",
    "republic of korea": "KR",
    "russian federation": "RU",
    "scotland": "GB",
    "swaziland": "SZ",
    "turkey": "TR",
    "uk": "GB",
    "united states of america": "US",
    "usa": "US",
    "wales": "GB",
}
"""ISO 3166-1 alpha-2 codes of names that the places table does not use. EL is the European Union's
code for Greece."""


@cache
def codes_by_name() -> dict[str, str]:
    """ISO 3166-1 alpha-2 code of every country, by its code, its name and its aliases, casefolded.

    A name of the places table wins over an alias.
    """
    places = load_places()
    named = zip(places.country_names, places.country_codes, strict=True)
    return {
        **ALIASES,
        **{name.casefold(): code for name, code in named},
        **{code.casefold(): code for code in places.country_codes},
    }


def continent_of_country(places: Places, country: int) -> str:
    """The continent of a country's largest town, which is the country's; empty without towns.

    France and the United States have places on several continents, Russia has most of its places in
    Asia and most of its people in Europe.

    Args:
        places: the places table.
        country: an index into `places.country_codes`.
    """
    rows = np.flatnonzero(places.country == country)
    if not len(rows):
        return ""
    largest = rows[places.population[rows].argmax()]
    return places.continent_names[int(places.continent[largest])]
