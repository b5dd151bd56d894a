"""Words that one country puts on its signs (`data/official_words.csv`, `data/stop_signs.csv`).

They are words of offices and traffic, and words that differ between countries of one language
(`car park` and `parking lot`, `aseos` and `baños`, `parkieren`, `dépanneur`). A word has the rate 1
in its countries, less in countries that use it less, and ELSEWHERE in all others. ELSEWHERE is not
smaller for a reason: the language cue has already told the word's language from the world's, so
this cue need only tell apart the countries of one language, which are of similar size.

Words are compared without case and diacritics, which the recogniser loses. The word of a stop sign
must be alone on its line, in capitals.

Words of other scripts are compared in the form of the gazetteer (`normalise`). A star stands for
any further letters, such as an inflection. Arabic words also count with an article or a preposition
before them; in scripts without spaces, and in Hangul, a word may be part of a longer one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from geotagger.data import read_table
from geotagger.text.country_profiles import country_profiles
from geotagger.text.cues.pattern_cue import PatternCue, first_cue, one_per_meaning, parse_rates
from geotagger.text.gazetteer.gazetteer import normalise
from geotagger.text.language.words import fold_text
from geotagger.text.language.writing_system import script_of
from geotagger.text.likelihood_ratios import likelihood_ratios
from geotagger.text.types import Cue

if TYPE_CHECKING:
    from geotagger.text.types import TextLine

KIND = "official word"
ELSEWHERE = 0.04
"""Rate of a word in countries that are not in its row."""
MAX_WORDS = 3
"""Further words of the same countries count as much as the first, up to this number."""
MAX_CUES = 6
FOREIGN_STOP_SIGNS = 0.1
SWISS_STRASSE = PatternCue(
    KIND,
    "-strasse without ß",
    re.compile(r"\b[A-ZÄÖÜ]?[a-zäöü]+strasse\b|\bStrasse\b"),
    {"CH": 1.0, "LI": 1.0, "DE": 0.05, "AT": 0.05, "LU": 0.05},
    accident_rate=ELSEWHERE,
    foreign_share=0.0,
)
"""Swiss spelling has no ß. Elsewhere the recogniser loses it; capitals and old signs lack it."""


LETTER = r"[^\W\d_]|[\u0900-\u0dff\u0f71-\u0fbc]"
"""Of scripts with spaces."""
OTHER_LETTERS = re.compile("[\u0370-\u1dff\uac00-\ud7a3]")
"""Of the scripts in the table besides Latin."""
JOINED_SCRIPTS = frozenset({"Hang", "Khmr", "Laoo", "Mymr", "Thai"})
ANY_ENDING = f"(?:{LETTER})*"
ARABIC_PREFIX = "(?:[وبفل]?ال|لل|[وبفل])?"


@dataclass(frozen=True, slots=True)
class WordGroup:
    """One row with words of other scripts than Latin."""

    pattern: re.Pattern[str]
    rates: Mapping[str, float]
    """By country code."""


@dataclass(frozen=True, slots=True)
class WordTable:
    """The words of `data/official_words.csv`; a group is one row."""

    pattern: re.Pattern[str]
    """Any word, the longest first."""
    groups: Mapping[str, Sequence[int]]
    """Groups by word."""
    rates: Sequence[Mapping[str, float]]
    """For each group, rate by country code."""


def find(lines: Sequence[TextLine]) -> list[Cue]:
    """Return one cue for each group with a word in the text, one for a stop sign, one for Swiss."""
    legible = [line for line in lines if line.legible]
    texts = [line.text for line in legible]
    spelling = one_per_meaning(cue for line in legible for cue in first_cue(line, [SWISS_STRASSE]))
    return _word_cues(texts) + _stop_sign(texts) + spelling


def _word_cues(texts: Sequence[str]) -> list[Cue]:
    """Cues of words and phrases, which may run over lines."""
    table = word_table()
    words_of_group: dict[int, list[str]] = {}
    for match in table.pattern.finditer(" ".join(map(fold_text, texts))):
        for group in table.groups[match[0]]:
            words_of_group.setdefault(group, []).append(match[0])
    cues = [_word_cue(table.rates[group], words) for group, words in words_of_group.items()]
    return [*cues, *_cues_of_other_scripts(texts)][:MAX_CUES]


def _cues_of_other_scripts(texts: Sequence[str]) -> Iterator[Cue]:
    """Cues of words in other scripts than Latin."""
    text = " ".join(normalise(text) for text in texts if OTHER_LETTERS.search(text))
    for group in word_groups() if text else ():
        words = [match[0] for match in group.pattern.finditer(text)]
        if words:
            yield _word_cue(group.rates, words)


def _word_cue(rates: Mapping[str, float], words: Sequence[str]) -> Cue:
    different = list(dict.fromkeys(words))
    countries = likelihood_ratios(rates, ELSEWHERE / min(len(different), MAX_WORDS), 0.0)
    main = [code for code, rate in rates.items() if rate == 1.0]
    return Cue(KIND, ", ".join(different), f"words of {', '.join(main[:4])}", countries)


def _stop_sign(texts: Sequence[str]) -> list[Cue]:
    for text in texts:
        rates = stop_signs().get(fold_text(text)) or stop_signs().get(text.strip())
        if rates and text == text.upper():
            countries = likelihood_ratios(rates, 0.0, FOREIGN_STOP_SIGNS)
            return [Cue(KIND, text, f"stop sign {text}", countries)]
    return []


@cache
def word_table() -> WordTable:
    """Read the words in Latin letters."""
    groups: dict[str, list[int]] = {}
    rates: list[Mapping[str, float]] = []
    for words, of_row in _rows():
        if words[0].isascii():
            for word in words:
                groups.setdefault(word, []).append(len(rates))
            rates.append(of_row)
    longest_first = sorted(groups, key=lambda word: (-len(word), word))
    pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, longest_first))})\b")
    return WordTable(pattern, groups, rates)


@cache
def word_groups() -> tuple[WordGroup, ...]:
    """Read the words in other letters; a group is one row."""
    return tuple(
        WordGroup(re.compile("|".join(map(_expression, words))), rates)
        for words, rates in _rows()
        if not words[0].isascii()
    )


def _rows() -> Iterator[tuple[list[str], dict[str, float]]]:
    """The words of each row, and their rates by country."""
    for row in read_table("official_words.csv"):
        rates = parse_rates(row["countries"])
        known = {code: rate for code, rate in rates.items() if code in country_profiles()}
        yield row["words"].split(";"), known


def _expression(word: str) -> str:
    """The regular expression of a word or phrase of another script."""
    script = script_of(word)
    if script in JOINED_SCRIPTS:
        return re.escape(normalise(word))
    tokens = (
        re.escape(normalise(token)) + ANY_ENDING * token.endswith("*") for token in word.split()
    )
    prefix = ARABIC_PREFIX if script == "Arab" else ""
    return rf"(?<!{LETTER}){prefix}{' '.join(tokens)}(?!{LETTER})"


@cache
def stop_signs() -> dict[str, dict[str, float]]:
    """Return the rates by country of each word on stop signs."""
    return {row["word"]: parse_rates(row["countries"]) for row in read_table("stop_signs.csv")}
