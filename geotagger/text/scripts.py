"""Script of the text, as evidence of the country.

For scripts that one language, or few, write: Greek, Thai, Hangul, kana, Hebrew, Georgian, the
scripts of India. The rate of a script in a country is its share on the country's signs (Unicode
CLDR: languages by standing, their likely script; see `tools/build_languages.py`). Latin letters say
nothing here. Cyrillic and Arabic letters that were read are left to `language.py`, which tells
their languages apart and knows that other countries do not write so; a line of which only the
script is known (`Line.script`) is this cue's. So no letter is counted twice.

Han characters: simplified, traditional or Japanese forms are told apart by the national character
sets GB 2312, Big5 and JIS X 0208 (a form that a set lacks is hardly written there); kana is
Japanese.
"""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from geotagger.text import Cue
from geotagger.text.ratios import countries, ratios

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geotagger.text import Line

MIN_CONFIDENCE = 0.5
READ_AS_LANGUAGE = frozenset({"Latn", "Cyrl", "Arab"})
MIN_LETTERS = 2
MIN_HAN = 3
"""Fewer Han characters are often windows, fences and rails misread."""
MISSING_FORM = 0.05
"""Share of characters outside the country's character set: other tradition, or misread."""
MAX_FORMS = 6
"""Characters after which the forms say no more."""

CODE_OF_NAME = {
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
NAME = {
    "Grek": "Greek",
    "Cyrl": "Cyrillic",
    "Arab": "Arabic",
    "Hebr": "Hebrew",
    "Hang": "Hangul",
    "Kore": "Hangul",
    "Kana": "kana",
    "Jpan": "Japanese",
    "Hans": "simplified Chinese",
    "Hant": "traditional Chinese",
    "Deva": "Devanagari",
    "Geor": "Georgian",
    "Armn": "Armenian",
    "Ethi": "Ethiopic",
    "Beng": "Bengali",
    "Taml": "Tamil",
    "Telu": "Telugu",
}
SAME = {"Hang": "Kore", "Kana": "Jpan", "Hira": "Jpan", "Hrkt": "Jpan", "Bopo": "Hant"}
CHARACTER_SETS = {"Hans": "gb2312", "Hant": "big5", "Jpan": "shift_jis"}


def find(lines: Sequence[Line]) -> list[Cue]:
    """One cue for each script, the most letters first."""
    texts = [line.text for line in lines if line.confidence >= MIN_CONFIDENCE]
    letters = Counter(script for text in texts for script in map(_script, text) if script)
    cues = []
    for script, count in letters.most_common():
        if script in READ_AS_LANGUAGE:
            continue
        words = " ".join(text for text in texts if any(_script(c) == script for c in text))
        if script == "Hani":
            if count >= MIN_HAN and not letters["Kana"] >= MIN_LETTERS:
                cues.append(_han_cue(words))
        elif count >= MIN_LETTERS:
            cues.append(_cue(script, words))
    return cues + _unread(lines)


def script_of(word: str) -> str:
    """ISO 15924 code of most of the word's letters; "" where there are none."""
    found = Counter(filter(None, map(_script, word)))
    return found.most_common(1)[0][0] if found else ""


def _unread(lines: Sequence[Line]) -> list[Cue]:
    """Of lines whose letters could not be read."""
    scripts = Counter(
        line.script
        for line in lines
        if line.script and not line.text and line.confidence >= MIN_CONFIDENCE
    )
    cues = []
    for script in scripts:
        if script == "Hani":
            rates: dict[str, float] = {}
            for form in CHARACTER_SETS:
                for code, rate in script_rates(form).items():
                    rates[code] = rates.get(code, 0.0) + rate
            cues.append(Cue("script", "", "script Han", ratios(rates)))
        elif script != "Latn" and script_rates(SAME.get(script, script)):
            cues.append(_cue(script, ""))
    return cues


def _cue(script: str, words: str) -> Cue:
    rates = script_rates(SAME.get(script, script))
    return Cue("script", words, f"script {NAME.get(script, script)}", ratios(rates))


def _han_cue(words: str) -> Cue:
    """Han characters without kana: shares of the three traditions by the forms written."""
    weights = {form: _form_likelihood(words, form) for form in CHARACTER_SETS}
    weights["Jpan"] *= 0.3  # share of Japanese signs of three letters and more without any kana
    rates: dict[str, float] = {}
    for form, weight in weights.items():
        for code, rate in script_rates(form).items():
            rates[code] = rates.get(code, 0.0) + weight * rate
    best = max(weights, key=lambda form: weights[form])
    return Cue("script", words, f"script Han, {NAME[best]} forms", ratios(rates))


def _form_likelihood(words: str, form: str) -> float:
    han = [c for c in words if _script(c) == "Hani"]
    missing = sum(not _in_set(c, CHARACTER_SETS[form]) for c in han)
    return math.exp(min(missing, MAX_FORMS) * math.log(MISSING_FORM))


@lru_cache(maxsize=20_000)
def _in_set(character: str, character_set: str) -> bool:
    try:
        character.encode(character_set)
    except UnicodeEncodeError:
        return False
    return True


@lru_cache(maxsize=20_000)
def _script(character: str) -> str:
    """ISO 15924 code of a letter by the first word of its Unicode name; "" for other characters."""
    if not character.isalpha():
        return ""
    name = unicodedata.name(character, "").removeprefix("FULLWIDTH ").removeprefix("HALFWIDTH ")
    if character in "ªºµ":
        return ""
    return CODE_OF_NAME.get(name.partition(" ")[0].partition("-")[0], "")


@cache
def script_rates(script: str) -> Mapping[str, float]:
    """Share of a script on the signs of each country."""
    rates: dict[str, float] = {}
    for code, country in countries().items():
        rate = sum(v for key, v in country.languages.items() if key.endswith("_" + script))
        if rate:
            rates[code] = rate
    return rates
