"""Script of the text, as evidence of the country.

For scripts that one language, or few, write: Greek, Thai, Hangul, kana, Hebrew, Georgian, the
scripts of India. The rate of a script in a country is its share on the country's signs (Unicode
CLDR: languages by standing, their likely script; see `tools/build_data/languages.py`). Latin
letters say
nothing here. Cyrillic and Arabic letters that were read are left to `language.py`, which tells
their languages apart and knows that other countries do not write so; a line of which only the
script is known (`Line.script`) is this cue's. So no letter is counted twice.

Han characters: simplified, traditional or Japanese forms are told apart by the national character
sets GB 2312, Big5 and JIS X 0208 (a form that a set lacks is hardly written there); kana is
Japanese.

Windows, fences and rails are read as letters too, Han characters above all. How often was counted
on 1,276 photos of places, not of signs: 48 with one Han character, which is hardly ever there, 9
with two different ones, 1 with three, 1 with four, none of these read with confidence 0.8; and no
false letters of other scripts. Four photos had eight or more, and those were there.
"""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from geotagger.text.cues.ratios import countries, ratios
from geotagger.text.types import Cue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geotagger.text.types import Line

READ_AS_LANGUAGE = frozenset({"Latn", "Cyrl", "Arab"})
MIN_LETTERS = 2
MIN_HAN = 2
"""Different ones; a single one, repeated or not, is mostly a window misread."""
READ_SHARE = 0.08
"""Share of the photos of a country in which its letters can be read."""
HAN_MISREAD = 0.035
"""Photos anywhere with a Han character that is none ..."""
ONE_MORE, ONE_MORE_SURE = 0.22, 0.1
"""... and how many of them have one more, and one more that is read with confidence."""
SURE = 0.8
LETTERS_MISREAD = 0.0004
"""Photos anywhere with two letters of another script that are none; half a photo of the 1,276."""
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
    kept = [line for line in lines if line.legible]
    letters = Counter(script for line in kept for script in map(_script, line.text) if script)
    cues = []
    for script, count in letters.most_common():
        if script in READ_AS_LANGUAGE:
            continue
        of_script = [line for line in kept if any(_script(c) == script for c in line.text)]
        words = " ".join(line.text for line in of_script)
        if script == "Hani":
            if letters["Kana"] < MIN_LETTERS:
                cues += _han_cues(of_script, words)
        elif count >= MIN_LETTERS:
            misread = LETTERS_MISREAD * ONE_MORE ** (count - MIN_LETTERS)
            cues.append(_cue(script, words, misread))
    return cues + _unread(lines)


def script_of(word: str) -> str:
    """ISO 15924 code of most of the word's letters; "" where there are none."""
    found = Counter(filter(None, map(_script, word)))
    return found.most_common(1)[0][0] if found else ""


def _unread(lines: Sequence[Line]) -> list[Cue]:
    """Of lines whose letters could not be read."""
    scripts = Counter(
        line.script for line in lines if line.script and not line.text and line.legible
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


def _cue(script: str, words: str, misread: float = 0.0) -> Cue:
    named = _named(script_rates(SAME.get(script, script)), misread)
    return Cue("script", words, f"script {NAME.get(script, script)}", named)


def _named(rates: Mapping[str, float], misread: float) -> dict[str, float]:
    return ratios({code: READ_SHARE * rate for code, rate in rates.items()}, misread)


def _han_cues(lines: Sequence[Line], words: str) -> list[Cue]:
    """Han characters without kana: shares of the three traditions by the forms written."""
    sure = {c for line in lines if line.confidence >= SURE for c in line.text}
    han = {c for c in words if _script(c) == "Hani"}
    if len(han) < MIN_HAN:
        return []
    more_sure = min(len(han & sure), len(han) - 1)
    misread = HAN_MISREAD * ONE_MORE_SURE**more_sure * ONE_MORE ** (len(han) - 1 - more_sure)
    weights = {form: _form_likelihood(words, form) for form in CHARACTER_SETS}
    likely = [NAME[form] for form in weights if weights[form] == max(weights.values())]
    forms = f", {' or '.join(likely)} forms" if len(likely) < len(weights) else ""
    weights["Jpan"] *= 0.3  # share of Japanese signs of three letters and more without any kana
    rates: dict[str, float] = {}
    for form, weight in weights.items():
        for code, rate in script_rates(form).items():
            rates[code] = rates.get(code, 0.0) + weight / max(weights.values()) * rate
    return [Cue("script", words, f"script Han{forms}", _named(rates, misread))]


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
