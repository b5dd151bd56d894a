"""Countries with their names in their own languages and in the major ones."""

# ruff: noqa: RUF001  letters of other scripts look like Latin ones, and are meant

from __future__ import annotations

import re

import babel
import babel.languages

from geotagger.text.gazetteer.gazetteer import normalise
from tools.build_data.names.entry import GazetteerEntry
from tools.build_data.names.languages import Languages

COUNTRY_FAME = 0.01
"""Share of photos that show the English name of another country: products, travel. Names in other
languages have a tenth of that."""
ENGLISH_NAME = 0.5
"""Share of the country names on a country's signs that are in English."""
MAJOR_LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "ru", "ar", "tr", "pl", "zh", "ja")


def countries(languages: Languages) -> list[GazetteerEntry]:
    """Countries by their names in their own languages and in the major ones."""
    found = []
    for code in languages.codes:
        local = [
            language
            for language, share in languages.official[code].items()
            if share > 5 and babel.core.localedata.exists(language)
        ]
        english = normalise(babel.Locale("en").territories[code])
        names = {english: ENGLISH_NAME}
        for language in (*MAJOR_LANGUAGES, *local):
            name = babel.Locale.parse(language).territories.get(code)
            if name:
                key = normalise(re.sub(r"\s*[(（].*", "", name))
                names[key] = max(names.get(key, 0.0), 1.0 if language in local else 0.1)
        found.append(
            GazetteerEntry(
                name=babel.Locale("en").territories[code],
                kind="country",
                country=code,
                people=languages.people[code],
                lat=0.0,
                lon=0.0,
                radius_km=0.0,
                fame=COUNTRY_FAME,
                names=names,
            )
        )
    return found
