"""The language of the text, as evidence of the country.

The cue does not decide for one language but keeps all, so close ones (Danish, Norwegian) count:

    P(text | country) = sum over main languages L of  P(L | country) * product over lines
                        ((1 - d) * P(line | L) + d * sum over l of P(l | country) * P(line | l))

The main language, and the language of a line (a second language of the sign, English for tourists),
are both drawn from the languages on the country's signs: Unicode CLDR, by population and official
status (`tools/build_data/languages`), with a share of foreign text. A word may be a name or a
brand, drawn from the whole world, or may be misread. So one word is weak evidence and many are
strong. `language/words.py` gives the likelihood of words. Where the language belongs to a part of a
country, that part is a spot (`language/areas.py`). Scripts of a single language are the cue of
`scripts.py`.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from functools import cache, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from geotagger.text.country_profiles import country_profiles
from geotagger.text.language.areas import LanguageArea, factors_outside_areas, language_areas
from geotagger.text.language.letters import load_letter_model
from geotagger.text.language.words import WORD, load_word_model
from geotagger.text.language.writing_system import script_of
from geotagger.text.likelihood_ratios import likelihood_ratios
from geotagger.text.types import Cue, Spot

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geotagger.text.types import TextLine

    Rows = NDArray[np.float64]

SCRIPTS = frozenset({"Latn", "Cyrl", "Arab", "Deva"})
"""Scripts of several languages, whose words are told apart here."""
MODEL_OF = {"sr_Latn": "bs", "kk_Arab": "", "uz_Arab": "", "uz_Latn": ""}
"""Languages and scripts on signs that have another model than that of the language, or none."""
MAX_LINES = 12
"""Number of lines that count, the longest ones. A page of text is no surer than a dozen lines."""

NAME_SHARE = 0.3
"""Share of words that are names and brands, drawn from the whole world's languages."""
MISREAD_SHARE = 0.05
"""Share of words that are misread."""
STRAY_LETTER_SHARE = 0.4
"""The same for a word of one letter: part of a logo or arrow."""
RANDOM_LETTERS = 30.0
"""Misread words are random letters out of so many."""
ORNAMENT_LETTERS = 16.0
"""The same for misread ornament, which mostly has straight strokes (`I`, `H`, `A`)."""
LONGER_PROBABILITY = 0.6
"""Probability that one more letter follows. Without signs, most of what is read is short."""
OTHER_LANGUAGE_SHARE = 0.15
"""Share of lines that are not in the main language of the sign."""
NOISE_ODDS = 6.0
"""Odds that a single word is misread ornament. In photos without signs, most words are."""
OTHER_SCRIPT_MISREAD = 0.002
"""Latin letters and ornament are hardly ever misread as another script: this is the factor for
languages that do not use the script of a word, and the odds of ornament. Of 2,000 photos, 14 had
lines in such scripts and one had trees that were read so."""
FOREIGN_LETTER = 0.1
"""How often a letter of a misread word, in a script other than Latin, comes out as one that the
language does not have: most letters of such a word are read right, so `њ` speaks against Russian
even in a word that no model knows."""
NASAL_BEFORE = {"ङ": "कखगघ", "ञ": "चछजझ", "ण": "टठडढ", "न": "तथदध", "म": "पफबभ"}
"""Nasals of Devanagari, and the consonants of the same place of articulation."""
BINDU_LANGUAGES = frozenset({"hi", "mr"})
"""They write such a nasal as a dot, or in full: both आनंद and आनन्द are right, and signs have both
(the spelling rules of India's Central Hindi Directorate prefer the dot). Nepali writes it in full.
The letters of their models were counted in texts with dots."""
WRITTEN_IN_FULL = 0.3
"""Share of words with a nasal in full in these languages."""
ALIKE_IN_ARABIC = re.compile("[كکيیى](?=[ء-ۓ])|[یى]")
"""Letters of which a sign does not show whether they are those of Arabic or of Persian."""
TO_ARABIC, TO_PERSIAN = str.maketrans("کیى", "كيي"), str.maketrans("كيى", "کیی")
NOISE_ODDS_FALL = 0.3
"""Each further word multiplies the odds by this. Three of four such photos have only one word."""
MIN_RELATIVE_LIKELIHOOD = 1e-4
"""A language so much less likely than the best one on every line is not the main language."""
USUAL_QUANTILE = 0.1
MIN_EXTRA_RATIO = 0.5
"""Spots that add less are left out."""
MIN_RATIO = 1.5
"""There is no cue if no country is at least so much likelier than the world."""
MIN_NAMED_SHARE = 0.1
"""Share of the likelihood from which a language is named in the cue's meaning."""

SEPARATOR = re.compile(r" ?[/|•·] ?")
"""Between the languages of a sign on one line: "Eingang / Ingresso"."""
WEB_ADDRESS = re.compile(r"\S*(?:www\.|://|@|\.(?:com|org|net|de|co)\b)\S*", re.IGNORECASE)

_NASAL = re.compile("|".join(f"{nasal}\u094d(?=[{some}])" for nasal, some in NASAL_BEFORE.items()))

AS_PRINTED = str.maketrans({"ё": "е", "\u0307": None})  # noqa: RUF001
"""Russian papers print no dots. Lower case of a Turkish capital leaves a dot behind."""


def find(lines: Sequence[TextLine]) -> list[Cue]:
    """Return at most one cue, for all lines together."""
    longest = _longest_lines(lines)
    if not longest:
        return []
    of_words = _words_log_likelihood([word for _, words in longest for word in words])
    ends = np.cumsum([len(words) for _, words in longest])
    of_lines = [
        _line_log_likelihood(words, of_word, line.confidence)
        for (line, words), of_word in zip(longest, np.split(of_words, ends[:-1]), strict=True)
    ]
    likelihood, log_scale = _likelihood_by_country(np.stack([line for line, _ in of_lines]))
    of_country = (likelihood * factors_outside_areas()).sum(axis=1)
    log_noise = sum(noise for _, noise in of_lines)
    is_latin = all(script_of(word) == "Latn" for _, words in longest for word in words)
    odds = (NOISE_ODDS if is_latin else OTHER_SCRIPT_MISREAD) * NOISE_ODDS_FALL ** (ends[-1] - 1)
    noise = odds * math.exp(min(log_noise - log_scale, 50.0))
    ratios = likelihood_ratios(
        dict(zip(country_profiles(), of_country.tolist(), strict=True)), noise
    )
    usual = _usual_ratio(ratios)
    countries = {code: ratio / usual for code, ratio in ratios.items() if ratio > 1.05 * usual}
    if max(countries.values(), default=1.0) < MIN_RATIO:
        return []
    scale = max(ratios.values()) / of_country.max() / usual
    quoted = " / ".join(line.text for line, _ in longest[:3])
    scripts = {script_of(word) for _, words in longest for word in words}
    meaning = f"language {_likely_languages(likelihood, scripts)}"
    return [Cue("language", quoted, meaning, countries, _spots(likelihood * scale))]


def _longest_lines(lines: Sequence[TextLine]) -> list[tuple[TextLine, list[str]]]:
    """The lines with the most letters, and their words; one line for each language of a line."""
    parts = [replace(line, text=text) for line in lines for text in SEPARATOR.split(line.text)]
    with_words = [(line, words) for line in parts if (words := _words(line))]
    return sorted(with_words, key=lambda pair: -sum(map(len, pair[1])))[:MAX_LINES]


def _likely_languages(likelihood: Rows, scripts: Set[str]) -> str:
    """Codes of the likeliest languages in the world's photos; likelihood: [C, L].

    Only languages that are written in one of the scripts: a foreign name may be on a sign in any
    language, but tells none.
    """
    photos = np.array([profile.photos for profile in country_profiles().values()])
    written = [bool(scripts & used) for used in _scripts_of_languages()]
    by_language = photos @ likelihood * written
    languages = load_word_model().languages
    best = np.argsort(-by_language)[:3]
    minimum = MIN_NAMED_SHARE * by_language.sum()
    named = [languages[i] for i in best if by_language[i] >= minimum]
    return " or ".join(named or [languages[best[0]]])


def _spots(ratios: Rows) -> list[Spot]:
    """The parts of countries where a language of the text is at home; ratios: [C, L]."""
    return [
        Spot(area.lat, area.lon, 1 + extra, area.radius_km)
        for area in language_areas()
        if (extra := _extra_ratio(ratios, area)) > MIN_EXTRA_RATIO
    ]


def _extra_ratio(ratios: Rows, area: LanguageArea) -> float:
    """What the area adds to its country's ratio: no more than if all its signs had the language."""
    of_country = ratios[area.country, area.language]
    in_area = min(of_country * area.factor, ratios[:, area.language].max())
    outside = of_country * factors_outside_areas()[area.country, area.language]
    return float(in_area - outside)


def _words(line: TextLine) -> list[str]:
    """The line's words in lower case; none if it is only single letters."""
    if not line.legible:
        return []
    text = WEB_ADDRESS.sub(" ", unicodedata.normalize("NFC", line.text))
    words = [word.translate(AS_PRINTED) for word in WORD.findall(text.lower())]
    words = [w for w in words if script_of(w) in SCRIPTS and (len(set(w)) > 1 or len(w) == 1)]
    return words if any(len(word) > 1 for word in words) else []


def _words_log_likelihood(words: Sequence[str]) -> Rows:
    """ln P(word | language), [len(words), L], in either spelling of a nasal, and of the letters
    that Arabic and Persian write alike."""
    model = load_word_model()
    of_words = model.log_likelihood(words)
    for table in (TO_ARABIC, TO_PERSIAN):
        other = {
            row: spelt for row, word in enumerate(words) if (spelt := _spelt(word, table)) != word
        }
        if other:
            of_other = model.log_likelihood(list(other.values()))
            of_words[list(other)] = np.maximum(of_words[list(other)], of_other)
    dotted = {row: _with_bindu(word) for row, word in enumerate(words) if _NASAL.search(word)}
    if dotted:
        of_dotted = model.log_likelihood(list(dotted.values())) + math.log(WRITTEN_IN_FULL)
        columns = [model.languages.index(code) for code in sorted(BINDU_LANGUAGES)]
        cells = np.ix_(list(dotted), columns)
        of_words[cells] = np.maximum(of_words[cells], of_dotted[:, columns])
    return of_words


def _spelt(word: str, table: Mapping[int, int]) -> str:
    """The word with the letters that look alike in those of Arabic or of Persian."""
    return ALIKE_IN_ARABIC.sub(lambda letter: letter[0].translate(table), word)


def _with_bindu(word: str) -> str:
    return _NASAL.sub("\u0902", word)


def _line_log_likelihood(
    words: Sequence[str], of_word: Rows, confidence: float
) -> tuple[Rows, float]:
    """Likelihood of a line whose words may be names or misread.

    Args:
        words: of the line.
        of_word: ln P(word | language), [len(words), L].
        confidence: of the recogniser.

    Returns:
        ln P(line | language), [L], and ln P(line | misread ornament).
    """
    top = of_word.max(axis=1, keepdims=True)
    likelihood = np.exp(of_word - top)
    name = likelihood @ _languages_on_signs()[1]
    letters = np.array([len(word) for word in words])
    log_length = letters * np.log(LONGER_PROBABILITY) + np.log(
        (1 - LONGER_PROBABILITY) / LONGER_PROBABILITY
    )
    log_random = log_length - letters * np.log(RANDOM_LETTERS)
    random = np.exp(np.minimum(log_random - top[:, 0], 50))[:, None] * _misread_in(words)
    misread = np.where(letters > 1, MISREAD_SHARE, STRAY_LETTER_SHARE) + (1 - confidence) / 2
    named = (1 - misread) * NAME_SHARE * name
    mixed = ((1 - misread) * (1 - NAME_SHARE))[:, None] * likelihood + named[:, None]
    mixed += misread[:, None] * random
    is_latin = np.array([script_of(word) == "Latn" for word in words])
    ornament = np.where(is_latin, ORNAMENT_LETTERS, RANDOM_LETTERS)
    log_ornament = (log_length - letters * np.log(ornament)).sum()
    return np.log(mixed).sum(axis=0) + top.sum(), float(log_ornament)


def _misread_in(words: Sequence[str]) -> Rows:
    """How often a misread word gets its letters, by language, [len(words), L]."""
    return np.stack([_misread_as(script_of(word), frozenset(word)) for word in words])


def _misread_as(script: str, letters: Set[str]) -> NDArray[np.float64]:
    used = np.array([script in scripts for scripts in _scripts_of_languages()])
    if script == "Latn":
        return np.where(used, 1.0, OTHER_SCRIPT_MISREAD)
    foreign = sum(_lacks(letter) for letter in letters)
    return np.where(used, FOREIGN_LETTER**foreign, OTHER_SCRIPT_MISREAD)


@lru_cache(maxsize=4096)
def _lacks(letter: str) -> NDArray[np.float64]:
    """Whether each language lacks a letter, 0 or 1, [L]; none does if the letter is unknown."""
    known = load_letter_model().knows(letter)
    return np.where(known.any() & ~known, 1.0, 0.0)


@cache
def _scripts_of_languages() -> Sequence[frozenset[str]]:
    """The scripts that each language of the word model is written in. All languages use Latin."""
    scripts: dict[str, set[str]] = {code: {"Latn"} for code in load_word_model().languages}
    for profile in country_profiles().values():
        for key in profile.languages:
            code = MODEL_OF.get(key, key.partition("_")[0])
            if code in scripts:
                scripts[code].add(key.partition("_")[2])
    return [frozenset(used) for used in scripts.values()]


def _likelihood_by_country(of_lines: Rows) -> tuple[Rows, float]:
    """Likelihood of the text with each main language in each country.

    Args:
        of_lines: ln P(line | language), [lines, L].

    Returns:
        P(text, main language | country), [C, L], divided by P(text | likeliest country); and the
        natural logarithm of that divisor.
    """
    share, _ = _languages_on_signs()
    tops = of_lines.max(axis=1, keepdims=True)
    likelihood = np.exp(of_lines - tops)  # [lines, L]
    other_language = likelihood @ share.T  # [lines, C]
    possible = np.flatnonzero(likelihood.max(axis=0) > MIN_RELATIVE_LIKELIHOOD)
    total = np.log(share[:, possible] + 1e-12)  # [C, possible]
    for line, other in zip(likelihood[:, possible], other_language, strict=True):
        total = total + np.log(
            (1 - OTHER_LANGUAGE_SHARE) * line + OTHER_LANGUAGE_SHARE * other[:, None]
        )
    top = total.max()
    result = np.zeros(share.shape)
    result[:, possible] = np.exp(total - top)
    highest = result.sum(axis=1).max()
    return result / highest, float(top + tops.sum() + math.log(highest))


def _usual_ratio(ratios: Mapping[str, float]) -> float:
    """The ratio that nearly every country has (English): a low quantile over the photos."""
    photos = 0.0
    for code in sorted(ratios, key=lambda code: ratios[code]):
        photos += country_profiles()[code].photos
        if photos > USUAL_QUANTILE:
            return ratios[code]
    return 1.0


@cache
def _languages_on_signs() -> tuple[Rows, Rows]:
    """Share of each language on signs, by country [C, L] and in the world [L].

    Countries are in the order of `country_profiles()`. Languages that the word model does not have
    are left out.
    """
    languages = load_word_model().languages
    share = np.zeros((len(country_profiles()), len(languages)))
    for row, profile in zip(share, country_profiles().values(), strict=True):
        for key, value in profile.languages.items():
            language = MODEL_OF.get(key, key.partition("_")[0])
            if language in languages and key.partition("_")[2] in SCRIPTS:
                row[languages.index(language)] += value
    photos = np.array([profile.photos for profile in country_profiles().values()])
    world = photos @ share / photos.sum()
    return share, world / world.sum()
