"""The script (writing system) of the text, as evidence of the country.

This cue is for scripts that one language or few languages use: Greek, Thai, Hangul, kana, Hebrew,
Georgian, the scripts of India. The rate of a script in a country is its share on the country's
signs (Unicode CLDR: languages by official status, and their likely script; see
`tools/build_data/languages`). Latin letters are no evidence here. Cyrillic, Arabic and Devanagari
letters that were recognised are left to `languages.py`, which tells their languages apart and knows
that other countries do not use these scripts. If only the script of such a line is known
(`TextLine.script`), the line counts here. So no letter counts twice.

Han characters: the national character sets GB 2312, Big5 and JIS X 0208 tell simplified,
traditional and Japanese forms apart (a form that a set lacks is hardly used there). Kana is
Japanese.

The recogniser also reads windows, fences and rails as letters, mostly as Han characters. The rates
were counted on 1,276 photos of places without signs: 48 with one Han character, 9 with two
different ones, 1 with three, 1 with four, none with a confidence of 0.8 or more; and no false
letters of other scripts. Four photos had eight or more Han characters, and those were real.
"""

from __future__ import annotations

from collections import Counter
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from geotagger.text.country_profiles import country_profiles
from geotagger.text.language.writing_system import script_of_letter
from geotagger.text.likelihood_ratios import likelihood_ratios
from geotagger.text.types import Cue

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from geotagger.text.types import TextLine

READ_AS_LANGUAGE = frozenset({"Latn", "Cyrl", "Arab", "Deva"})
MIN_LETTERS = 2
MIN_HAN = 2
"""Least number of different Han characters. A single one, even repeated, is mostly a misread
window."""
READABLE_SHARE = 0.08
"""Share of a country's photos in which letters of its script can be read."""
HAN_MISREAD = 0.035
"""Share of photos anywhere with a false Han character."""
FURTHER_MISREAD = 0.22
"""Each further false letter multiplies that share by this factor ..."""
FURTHER_SURE_MISREAD = 0.1
"""... or by this one, if a Han character was read with confidence."""
SURE_CONFIDENCE = 0.8
LETTERS_MISREAD = 0.0004
"""Share of photos anywhere with two false letters of another script: half a photo of the 1,276."""
MISSING_FORM = 0.05
"""Share of characters that are not in the country's character set: another tradition, or
misread."""
MAX_MISSING_FORMS = 6
"""Further missing characters say no more."""
JAPANESE_WITHOUT_KANA = 0.3
"""Share of Japanese signs of three or more letters that have no kana."""

SCRIPT_NAMES = {
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
    "Guru": "Gurmukhi",
    "Gujr": "Gujarati",
    "Orya": "Odia",
    "Taml": "Tamil",
    "Telu": "Telugu",
    "Knda": "Kannada",
    "Mlym": "Malayalam",
    "Sinh": "Sinhala",
    "Thai": "Thai",
    "Laoo": "Lao",
    "Khmr": "Khmer",
    "Mymr": "Burmese",
    "Tibt": "Tibetan",
    "Mong": "Mongolian",
    "Thaa": "Thaana",
    "Tfng": "Tifinagh",
    "Hani": "Han",
}
CLDR_SCRIPTS = {"Hang": "Kore", "Kana": "Jpan", "Hira": "Jpan", "Hrkt": "Jpan", "Bopo": "Hant"}
"""Script of the letters -> script as CLDR gives it for the language."""
CHARACTER_SETS = {"Hans": "gb2312", "Hant": "big5", "Jpan": "shift_jis"}
"""Tradition of Han characters -> Python's codec of its national character set."""


def find(lines: Sequence[TextLine]) -> list[Cue]:
    """Return one cue for each script, most letters first; then one for each unreadable script."""
    legible = [line for line in lines if line.legible]
    scripts = (script_of_letter(letter) for line in legible for letter in line.text)
    letters = Counter(filter(None, scripts))
    cues = []
    for script, count in letters.most_common():
        if script in READ_AS_LANGUAGE:
            continue
        of_script = [line for line in legible if script in map(script_of_letter, line.text)]
        words = " ".join(line.text for line in of_script)
        if script == "Hani":
            if letters["Kana"] < MIN_LETTERS:
                cues += _han_cues(of_script, words)
        elif count >= MIN_LETTERS:
            misread = LETTERS_MISREAD * FURTHER_MISREAD ** (count - MIN_LETTERS)
            cues.append(_script_cue(script, words, misread))
    return cues + _unreadable_cues(lines)


def _unreadable_cues(lines: Sequence[TextLine]) -> list[Cue]:
    """Cues of lines whose script is known, but not their letters."""
    scripts = dict.fromkeys(
        line.script for line in lines if line.script and not line.text and line.legible
    )
    cues = []
    for script in scripts:
        if script == "Hani":
            rates = _sum_of_rates(dict.fromkeys(CHARACTER_SETS, 1.0))
            cues.append(Cue("script", "", "script Han", likelihood_ratios(rates)))
        elif script != "Latn" and script_rates(CLDR_SCRIPTS.get(script, script)):
            cues.append(_script_cue(script, ""))
    return cues


def _script_cue(script: str, words: str, misread: float = 0.0) -> Cue:
    countries = _ratios(script_rates(CLDR_SCRIPTS.get(script, script)), misread)
    return Cue("script", words, f"script {SCRIPT_NAMES.get(script, script)}", countries)


def _ratios(rates: Mapping[str, float], misread: float) -> dict[str, float]:
    readable = {code: READABLE_SHARE * rate for code, rate in rates.items()}
    return likelihood_ratios(readable, misread)


def _han_cues(lines: Sequence[TextLine], words: str) -> list[Cue]:
    """Cue of Han characters without kana; the forms of the characters weigh the traditions."""
    sure = {c for line in lines if line.confidence >= SURE_CONFIDENCE for c in line.text}
    han = {c for c in words if script_of_letter(c) == "Hani"}
    if len(han) < MIN_HAN:
        return []
    further_sure = min(len(han & sure), len(han) - 1)
    further_unsure = len(han) - 1 - further_sure
    misread = HAN_MISREAD * FURTHER_SURE_MISREAD**further_sure * FURTHER_MISREAD**further_unsure
    weights = {form: _form_likelihood(words, form) for form in CHARACTER_SETS}
    likely = [SCRIPT_NAMES[form] for form in weights if weights[form] == max(weights.values())]
    forms = f", {' or '.join(likely)} forms" if len(likely) < len(weights) else ""
    weights["Jpan"] *= JAPANESE_WITHOUT_KANA
    most = max(weights.values())
    rates = _sum_of_rates({form: weight / most for form, weight in weights.items()})
    return [Cue("script", words, f"script Han{forms}", _ratios(rates, misread))]


def _sum_of_rates(weights: Mapping[str, float]) -> dict[str, float]:
    """Rate by country of several scripts together, each with its weight."""
    rates: dict[str, float] = {}
    for script, weight in weights.items():
        for code, rate in script_rates(script).items():
            rates[code] = rates.get(code, 0.0) + weight * rate
    return rates


def _form_likelihood(words: str, form: str) -> float:
    """Likelihood of the Han characters in a tradition, by those that its character set lacks."""
    han = [c for c in words if script_of_letter(c) == "Hani"]
    missing = sum(not _is_in_set(c, CHARACTER_SETS[form]) for c in han)
    return float(MISSING_FORM ** min(missing, MAX_MISSING_FORMS))


@lru_cache(maxsize=20_000)
def _is_in_set(character: str, character_set: str) -> bool:
    try:
        character.encode(character_set)
    except UnicodeEncodeError:
        return False
    return True


@cache
def script_rates(script: str) -> Mapping[str, float]:
    """Return the script's share on the signs of each country, by country code."""
    rates: dict[str, float] = {}
    for code, profile in country_profiles().items():
        rate = sum(v for key, v in profile.languages.items() if key.endswith("_" + script))
        if rate:
            rates[code] = rate
    return rates
