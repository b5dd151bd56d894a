"""The writing system (script) of letters and words, as an ISO 15924 code."""

from __future__ import annotations

import unicodedata
from collections import Counter
from functools import lru_cache

CODES_BY_UNICODE_NAME = {
    "LATIN": "Latn",
    "GREEK": "Grek",
    "CYRILLIC": "Cyrl",
    "ARABIC": "Arab",
    "HEBREW": "Hebr",
    "HANGUL": "Hang",
    "HIRAGANA": "Kana",
    "KATAKANA": "Kana",
    "CJK": "Hani",
    "BOPOMOFO": "Bopo",
    "THAI": "Thai",
    "LAO": "Laoo",
    "KHMER": "Khmr",
    "MYANMAR": "Mymr",
    "GEORGIAN": "Geor",
    "ARMENIAN": "Armn",
    "ETHIOPIC": "Ethi",
    "DEVANAGARI": "Deva",
    "BENGALI": "Beng",
    "GURMUKHI": "Guru",
    "GUJARATI": "Gujr",
    "ORIYA": "Orya",
    "TAMIL": "Taml",
    "TELUGU": "Telu",
    "KANNADA": "Knda",
    "MALAYALAM": "Mlym",
    "SINHALA": "Sinh",
    "TIBETAN": "Tibt",
    "MONGOLIAN": "Mong",
    "THAANA": "Thaa",
    "TIFINAGH": "Tfng",
}
"""First word of a letter's Unicode name -> code. Hiragana and katakana share one code."""
NO_LETTERS = frozenset("ªºµ")
"""Unicode counts these signs among the letters."""


def script_of(word: str) -> str:
    """Return the code of most of the word's letters, or "" if the word has no letters."""
    codes = Counter(filter(None, map(script_of_letter, word)))
    return codes.most_common(1)[0][0] if codes else ""


@lru_cache(maxsize=20_000)
def script_of_symbol(character: str) -> str:
    """Return the code of a letter, a mark or a digit that only one script has, else ""."""
    if unicodedata.category(character)[0] not in "LMN":
        return ""
    name = unicodedata.name(character, "").removeprefix("EXTENDED ")
    return CODES_BY_UNICODE_NAME.get(name.partition(" ")[0].partition("-")[0], "")


def script_of_letter(character: str) -> str:
    """Return the code of a letter, or "" for any other character."""
    if not character.isalpha() or character in NO_LETTERS:
        return ""
    name = unicodedata.name(character, "").removeprefix("FULLWIDTH ").removeprefix("HALFWIDTH ")
    return CODES_BY_UNICODE_NAME.get(name.partition(" ")[0].partition("-")[0], "")
