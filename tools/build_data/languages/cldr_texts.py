"""Words of languages in the texts of Unicode CLDR: names of things, countries, units and times.

It has languages that lingua lacks, and whole words of Devanagari, of which lingua's models lack the
vowel signs.
"""

from __future__ import annotations

import math
import re
import unicodedata
import xml.etree.ElementTree as ET
from collections import Counter, defaultdict
from pathlib import Path

from geotagger.text.canonical import canonical_text
from geotagger.text.language.words import WORD
from geotagger.text.language.writing_system import script_of

FOLDERS = ("main", "annotations")
SCRIPT_AND_FILE = {
    "ckb": ("Arab", "ckb"),
    "hi": ("Deva", "hi"),
    "ky": ("Cyrl", "ky"),
    "mr": ("Deva", "mr"),
    "ne": ("Deva", "ne"),
    "ps": ("Arab", "ps"),
    "tg": ("Cyrl", "tg"),
    "uz": ("Cyrl", "uz_Cyrl"),
}
"""Language -> its script on signs, and the name of its files."""
DISCOUNT = 0.5
"""Taken off each count of an n-gram, for those that the texts lack."""
MAX_N = 5


def words(folder: Path, language: str) -> Counter[str]:
    """The number of different texts that have each word.

    Args:
        folder: with the folder `common` of CLDR.
        language: one of SCRIPT_AND_FILE.
    """
    script, file = SCRIPT_AND_FILE[language]
    texts: set[str] = set()
    for part in FOLDERS:
        path = folder / "common" / part / f"{file}.xml"
        if path.exists():
            texts |= {text for element in ET.parse(path).iter() for text in _texts(element)}
    return Counter(
        word
        for text in sorted(texts)
        for word in set(WORD.findall(text.lower()))
        if len(word) > 1 and script_of(word) == script
    )


def _texts(element: ET.Element) -> list[str]:
    text = canonical_text(unicodedata.normalize("NFC", element.text or ""))
    return [re.sub(r"\{[^}]*\}|'[^']*'", " ", part).strip() for part in text.split("|")]


def ngram_tables(words_of_language: Counter[str]) -> list[dict[str, float]]:
    """[n] -> n-gram -> probability of its last letter given the others; [0] is empty.

    A word counts with the square root of its number: `kilometre` is in fifty units.
    """
    tables: list[dict[str, float]] = [{}]
    for n in range(1, MAX_N + 1):
        counts: dict[str, float] = defaultdict(float)
        for word, number in words_of_language.items():
            for start in range(len(word) - n + 1):
                counts[word[start : start + n]] += math.sqrt(number)
        before: dict[str, float] = defaultdict(float)
        for ngram, count in counts.items():
            before[ngram[:-1]] += count
        discount = DISCOUNT if n > 1 else 0.0
        tables.append(
            {ngram: (count - discount) / before[ngram[:-1]] for ngram, count in counts.items()}
        )
    return tables
