"""The languages and scripts on the signs of each country."""

from __future__ import annotations

from typing import TYPE_CHECKING

import babel
import babel.languages
import numpy as np
import wordfreq

from geotagger.geography.places import load_places

if TYPE_CHECKING:
    from numpy.typing import NDArray

ENGLISH_ABROAD = 0.2
"""Share of English words on signs where English is not a language of the country."""
LETTERS_OF_SCRIPT = {
    "Jpan": ("CJK", "HIRAGANA", "KATAKANA"),
    "Hans": ("CJK",),
    "Hant": ("CJK",),
    "Kore": ("HANGUL",),
    "Cyrl": ("CYRILLIC",),
    "Grek": ("GREEK",),
    "Arab": ("ARABIC",),
    "Hebr": ("HEBREW",),
    "Thai": ("THAI",),
    "Deva": ("DEVANAGARI",),
    "Beng": ("BENGALI",),
    "Taml": ("TAMIL",),
    "Telu": ("TELUGU",),
    "Knda": ("KANNADA",),
    "Mlym": ("MALAYALAM",),
    "Gujr": ("GUJARATI",),
    "Guru": ("GURMUKHI",),
    "Orya": ("ORIYA",),
    "Sinh": ("SINHALA",),
    "Mymr": ("MYANMAR",),
    "Khmr": ("KHMER",),
    "Laoo": ("LAO",),
    "Geor": ("GEORGIAN",),
    "Armn": ("ARMENIAN",),
    "Ethi": ("ETHIOPIC",),
    "Tibt": ("TIBETAN",),
}
ALSO_WRITTEN = {"BA": {"CYRILLIC"}, "ME": {"CYRILLIC"}, "UZ": {"CYRILLIC"}, "XK": {"CYRILLIC"}}
"""Scripts on the signs of a country besides those of its official languages."""
LISTS = frozenset(wordfreq.available_languages("best"))
WORDFREQ_CODES = {"no": "nb", "nn": "nb", "sr": "sh", "hr": "sh", "bs": "sh", "tl": "fil"}


class Languages:
    """The languages on the signs of each country."""

    def __init__(self) -> None:
        places = load_places()
        self.lists = sorted(LISTS)
        self.large = set(wordfreq.available_languages("large"))
        self.index = {language: i for i, language in enumerate([*self.lists, "?"])}
        self.codes = places.country_codes
        self.official = {code: official_languages(code) for code in self.codes}
        people = np.bincount(places.country, weights=places.population, minlength=len(self.codes))
        self.people = dict(zip(self.codes, people.tolist(), strict=True))
        self.speakers = self._speakers()
        prior = (people + 2000.0) ** 0.3
        self.mix = {code: self._mix(code) for code in self.codes}
        self.world = sum(
            (p * self.mix[code] for p, code in zip(prior / prior.sum(), self.codes, strict=True)),
            np.zeros(len(self.index)),
        )

    def _speakers(self) -> NDArray[np.float64]:
        """People by language."""
        speakers = np.full(len(self.index), 1e6)
        for code, tongues in self.official.items():
            for language, percent in tongues.items():
                column = self.index.get(list_of(language), self.index["?"])
                speakers[column] += self.people[code] * percent / 100
        return speakers

    def _mix(self, code: str) -> NDArray[np.float64]:
        """Share of each language in the words on the country's signs."""
        mix = np.zeros(len(self.index))
        for language, share in self.official[code].items():
            mix[self.index.get(list_of(language), self.index["?"])] += share
        mix /= max(mix.sum(), 1e-9)
        english = np.zeros(len(self.index))
        english[self.index["en"]] = 1.0
        return mix * (1 - ENGLISH_ABROAD) + english * ENGLISH_ABROAD


def official_languages(country: str) -> dict[str, float]:
    """Official languages of a country with the percentage of people who speak them (CLDR)."""
    known = babel.languages.get_territory_language_info(country)
    official = {
        language: info["population_percent"]
        * (0.3 if "regional" in info["official_status"] else 1.0)
        for language, info in known.items()
        if info["official_status"] and info["population_percent"] > 0
    }
    return official or {language: info["population_percent"] for language, info in known.items()}


def list_of(language: str) -> str:
    base = language.split("_")[0]
    return WORDFREQ_CODES.get(base, base)


def scripts_of(country: str) -> set[str]:
    """Scripts other than Latin on the country's signs, mostly those of its official languages."""
    likely = babel.core.get_global("likely_subtags")
    found = set(ALSO_WRITTEN.get(country, ()))
    for language in official_languages(country):
        for part in (*language.split("_"), *likely.get(language, "").split("_")):
            found.update(LETTERS_OF_SCRIPT.get(part, ()))
    return found
