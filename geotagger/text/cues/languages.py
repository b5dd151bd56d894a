"""Language of the text, as evidence of the country.

Not one answer but all languages at once, so that close ones (Danish, Norwegian) stay alive:

    P(text | country) = sum over main languages L of  P(L | country) * product over lines
                        ((1 - d) * P(line | L) + d * sum over l of P(l | country) * P(line | l))

The main language and the language of a line (second language of a sign, English for tourists) are
both drawn from what is on the country's signs: Unicode CLDR, by population and standing
(`tools/build_data/languages`), with a share of foreign text. A word may be a name or a brand,
drawn
from the whole world, or be read wrongly; so one word says little and many say much. Words by lists
and letters: `words.py`. Where the language of a part of a country is read, that part is a spot
(`language_areas.py`). Scripts that one language alone writes are the cue of `scripts.py`.
"""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from geotagger.text.country_profiles import country_profiles
from geotagger.text.language.areas import LanguageArea, elsewhere, language_areas
from geotagger.text.language.words import load_word_model
from geotagger.text.language.writing_system import script_of
from geotagger.text.likelihood_ratios import likelihood_ratios
from geotagger.text.types import Cue, Spot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from geotagger.text.types import TextLine

    Rows = NDArray[np.float64]

SCRIPTS = frozenset({"Latn", "Cyrl", "Arab"})
MAX_LINES = 12
"""The longest ones; a page of text is no more certain than a dozen lines."""

NAME_SHARE = 0.3
"""Share of words that are names and brands, drawn from the whole world's languages."""
MISREAD_SHARE = 0.05
STRAY_LETTER_SHARE = 0.4
"""The same for a word of one letter: part of a logo or arrow."""
LETTERS = 30.0
"""A misread word is letters at random; so many kinds of them, as the common ones are read most."""
NOISE_LETTERS = 16.0
"""The same for ornament, mostly of straight strokes (`I`, `H`, `A`)."""
LONGER = 0.6
"""Chance that one more letter follows; on photos that are not of signs, most readings are short."""
OTHER_LANGUAGE_SHARE = 0.15
"""Share of lines that are not in the main language of the sign."""
NOISE_ODDS = 6.0
"""Odds that a lone word is misread ornament: on photos that are not of signs, most is ..."""
NOISE_ODDS_FALL = 0.3
"""... with each further word the odds fall so: three of four such photos have but one."""
HOPELESS = 1e-4
"""A language so much less likely than the best on every line is not the main one."""
USUAL_QUANTILE = 0.1
MIN_EXTRA = 0.5
"""Less than that a spot is not worth its name."""
QUIET = 1.5
"""The cue is silent if no country is at least so much likelier than the world."""

WORD = re.compile(r"[^\W\d_]+")
SIDE_BY_SIDE = re.compile(r" ?[/|•·] ?")
"""What parts the languages of a sign on one line: "Eingang / Ingresso"."""
NO_WORD = re.compile(r"\S*(?:www\.|://|@|\.(?:com|org|net|de|co)\b)\S*", re.IGNORECASE)


AS_PRINTED = str.maketrans({"ё": "е", "\u0307": None})  # noqa: RUF001
"""Russian papers print no dots; lower case of a Turkish capital leaves a loose one."""


def find(lines: Sequence[TextLine]) -> list[Cue]:
    """At most one cue, for all lines together."""
    parts = [replace(line, text=text) for line in lines for text in SIDE_BY_SIDE.split(line.text)]
    kept = [(line, words) for line in parts if (words := _words(line))]
    kept = sorted(kept, key=lambda pair: -sum(map(len, pair[1])))[:MAX_LINES]
    if not kept:
        return []
    every = load_word_model().log_likelihood([word for _, words in kept for word in words])
    ends = np.cumsum([len(words) for _, words in kept])
    scored = [
        _line_log_likelihood(words, of_word, line.confidence)
        for (line, words), of_word in zip(kept, np.split(every, ends[:-1]), strict=True)
    ]
    mass, log_scale = _mixed(np.stack([of_line for of_line, _ in scored]))
    by_country = (mass * elsewhere()).sum(axis=1)
    odds = NOISE_ODDS * NOISE_ODDS_FALL ** (ends[-1] - 1)
    noise = odds * math.exp(min(sum(random for _, random in scored) - log_scale, 50.0))
    every_country = likelihood_ratios(
        dict(zip(country_profiles(), by_country.tolist(), strict=True)), noise
    )
    usual = _usual(every_country)
    named = {code: r / usual for code, r in every_country.items() if r > 1.05 * usual}
    if max(named.values(), default=1.0) < QUIET:
        return []
    likeliest = max(every_country, key=lambda code: every_country[code])
    scale = every_country[likeliest] / by_country.max() / usual
    text = " / ".join(line.text for line, _ in kept[:3])
    return [Cue("language", text, f"language {_meant(mass)}", named, _spots(mass * scale))]


def _meant(mass: Rows) -> str:
    by_language = np.array([country.photos for country in country_profiles().values()]) @ mass
    languages = load_word_model().languages
    best = np.argsort(-by_language)[:3]
    meant = [languages[i] for i in best if by_language[i] >= 0.1 * by_language.sum()]
    return " or ".join(meant or [languages[best[0]]])


def _spots(mass: Rows) -> list[Spot]:
    """The parts of countries where a language is at home. mass: ratios [C, L]."""
    return [
        Spot(area.lat, area.lon, 1 + extra, area.radius_km)
        for area in language_areas()
        if (extra := _extra(mass, area)) > MIN_EXTRA
    ]


def _extra(mass: Rows, area: LanguageArea) -> float:
    """No more than in a country where all signs are in the language."""
    at = area.country, area.language
    there = min(mass[at] * area.gain, mass[:, area.language].max())
    return float(there - mass[at] * elsewhere()[at])


def _words(line: TextLine) -> list[str]:
    if not line.legible:
        return []
    text = NO_WORD.sub(" ", unicodedata.normalize("NFC", line.text))
    words = [word.translate(AS_PRINTED) for word in WORD.findall(text.lower())]
    words = [w for w in words if script_of(w) in SCRIPTS and (len(set(w)) > 1 or len(w) == 1)]
    return words if any(len(word) > 1 for word in words) else []


def _line_log_likelihood(
    words: Sequence[str], of_word: Rows, confidence: float
) -> tuple[Rows, float]:
    """ln P(line | language) [L], and ln P(line | noise); each word may be a name or misread.

    of_word: ln P(word | language), [words, L].
    """
    top = of_word.max(axis=1, keepdims=True)
    likelihood = np.exp(of_word - top)
    name = likelihood @ _signs()[1]
    sizes = np.array([len(word) for word in words])
    log_length = sizes * np.log(LONGER) + np.log((1 - LONGER) / LONGER)
    log_random = log_length - sizes * np.log(LETTERS)
    random = np.exp(np.minimum(log_random - top[:, 0], 50))
    misread = np.where(sizes > 1, MISREAD_SHARE, STRAY_LETTER_SHARE) + (1 - confidence) / 2
    other = (1 - misread) * NAME_SHARE * name + misread * random
    mixed = ((1 - misread) * (1 - NAME_SHARE))[:, None] * likelihood + other[:, None]
    return np.log(mixed).sum(axis=0) + top.sum(), float(
        (log_length - sizes * np.log(NOISE_LETTERS)).sum()
    )


def _mixed(by_line: Rows) -> tuple[Rows, float]:
    """P(text, main language | country) [C, L] over that of the likeliest country, and its ln."""
    share, _ = _signs()
    tops = by_line.max(axis=1, keepdims=True)
    likelihood = np.exp(by_line - tops)  # [lines, L]
    second = likelihood @ share.T  # [lines, C]
    alive = np.flatnonzero(likelihood.max(axis=0) > HOPELESS)
    total = np.log(share[:, alive] + 1e-12)  # [C, alive]
    for line, other in zip(likelihood[:, alive], second, strict=True):
        total = total + np.log(
            (1 - OTHER_LANGUAGE_SHARE) * line + OTHER_LANGUAGE_SHARE * other[:, None]
        )
    top = total.max()
    mass = np.zeros(share.shape)
    mass[:, alive] = np.exp(total - top)
    most = mass.sum(axis=1).max()
    return mass / most, float(top + tops.sum() + math.log(most))


def _usual(strengths: dict[str, float]) -> float:
    """What nearly every country has (English): a low quantile over the photos."""
    photos = 0.0
    for code in sorted(strengths, key=lambda code: strengths[code]):
        photos += country_profiles()[code].photos
        if photos > USUAL_QUANTILE:
            return strengths[code]
    return 1.0


@cache
def _signs() -> tuple[Rows, Rows]:
    """Share of each language on signs [C, L], in the order of `country_profiles()`; the world's
    [L].

    Languages that no model knows are left out.
    """
    languages = load_word_model().languages
    share = np.zeros((len(country_profiles()), len(languages)))
    for row, country in zip(share, country_profiles().values(), strict=True):
        for key, value in country.languages.items():
            language = "bs" if key == "sr_Latn" else key.partition("_")[0]
            if language in languages and key.partition("_")[2] in SCRIPTS:
                row[languages.index(language)] += value
    photos = np.array([country.photos for country in country_profiles().values()])
    world = photos @ share / photos.sum()
    return share, world / world.sum()
