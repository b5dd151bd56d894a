"""Place names in the words of a sign, and how the words around them change their strength.

The longest name wins over its parts: "Bad Homburg" is not Homburg.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from geotagger.text.gazetteer.context_words import (
    AFTER,
    BEFORE,
    BRAND,
    DISHES_AFTER,
    DISHES_BEFORE,
    GLUED,
    GLUED_BEFORE,
    LINKS,
    PLAIN_WORDS,
)
from geotagger.text.gazetteer.gazetteer import Gazetteer
from geotagger.text.gazetteer.ocr_repair import complete_cut_name, correct_misread_letter
from geotagger.text.gazetteer.persons import words_of_persons
from geotagger.text.gazetteer.tokens import MISREAD_FACTOR, NameVariant, Token, name_variants
from geotagger.text.gazetteer.travelling_names import travelling_names
from geotagger.text.language.words import load_word_model

MAX_WORDS, MAX_PHRASE_WORDS = 5, 8
MAX_LETTERS, MAX_SIGNS = 12, 24
"""Longest name to look for in scripts without spaces: in Chinese, Japanese and Korean, and in
others, whose letters have vowel signs of their own."""
MIN_SIGNS = 4
"""Shortest name to look for inside a longer run of such others."""
MAX_RUN = 100
"""Letters of a run that are searched."""
MIN_CONFIDENCE, FULL_CONFIDENCE = 0.5, 0.9
"""Confidence of a line at which its names begin to count, and from which they count in full."""
LOWER_CASE_FACTOR = 0.1
"""A word in small letters among other words is rarely meant as a name."""
MIXED_CASE_FACTOR = 0.01
"""A short word with capitals and then a small letter is misread Cyrillic: `MOBa` for Moscow."""
MIXED_CASE_LETTERS = 5
"""Most letters of such a word; longer names are found by their other letters."""
CONTEXT_WORD_FACTOR = 0.03
"""For a name that is itself a word like `park` or `terrace`, which is usual beside names: some five
hundred such words are a tenth of the words on signs, each 30 times as common there as in prose."""
PIECE_FACTOR = 0.5
"""In a script without spaces, a name among other letters may be part of another word."""
POSTCODE_FACTOR = 5.0
"""For a name after the digits of a postcode: an address, of this town or of a firm elsewhere."""
SHORT_LINE_WORDS = 2
"""A line of so few words may belong to the next one: "Willkommen in / X"."""

WEB = frozenset({"www", "http", "https"})
CONTEXT_WORDS = LINKS | BEFORE.keys() | AFTER.keys() | PLAIN_WORDS

_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
)
_GEORGIAN = re.compile("[\u10d0-\u10ff]")
_IDEOGRAPHIC = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
KM = frozenset(
    {
        "км", "كم", "كلم", "كيلومتر", "كيلو", "কি", "কিমি", "कि", "किमी", "กม", "ກມ", "គម", "χλμ",
        "km", "ק",
    }
)  # fmt: skip
_POSTCODE = re.compile(r"\d{4,6}")
_DISTANCE = re.compile(r"(\d{1,4})(?:км|كم|كلم|كيلومتر|کیلومتر|کلومیٹر|กม|ກມ|គម|কিমি|किमी|km)?")
"""A number of kilometres; the unit may be a word of its own."""


@dataclass(frozen=True, slots=True)
class NameMatch:
    """A place name: tokens first to last - 1, or a piece of one token."""

    first: int
    last: int
    words: str
    """As they are in the text."""
    normal: str
    """Form in the gazetteer."""
    factor: float
    """Factor on the name's strength from its form and the words around it."""
    context: float = 1.0
    """The part of the factor that comes from the words around it."""
    letter_case: float = 1.0
    """The part of the factor that comes from its letter case."""
    countries: frozenset[str] | None = None
    """Countries that use the form; None for all."""
    region_code: str = ""
    """What may be the code of a region after the name: `OR`."""
    away_km: float = 0.0
    """Distance to the place, if a direction sign gives it."""


def find_name_matches(tokens: Sequence[Token], gazetteer: Gazetteer) -> list[NameMatch]:
    """Find the place names among the words, the longest first."""
    taken = _words_of_phrases(tokens, gazetteer) | words_of_persons(tokens, gazetteer)
    matches: list[NameMatch] = []
    for size in range(min(MAX_WORDS, len(tokens)), 0, -1):
        for first in range(len(tokens) - size + 1):
            span = range(first, first + size)
            if taken.isdisjoint(span) and _is_phrase(tokens[first : first + size]):
                match = _match(tokens, first, first + size, gazetteer)
                if match:
                    matches.append(_without_official_word(match, tokens, gazetteer))
                    taken.update(span)
    for index, token in enumerate(tokens):
        if index not in taken and _UNSPACED.search(token.normal):
            matches += _names_in_run(token, index, gazetteer)
    return matches


def _words_of_phrases(tokens: Sequence[Token], gazetteer: Gazetteer) -> set[int]:
    """Indices of the words of common phrases, brands and titles that are no name of a place."""
    return {
        index
        for size in range(2, MAX_PHRASE_WORDS + 1)
        for first in range(len(tokens) - size + 1)
        if (phrase := " ".join(token.normal for token in tokens[first : first + size]))
        in travelling_names()
        and phrase not in gazetteer
        for index in range(first, first + size)
    }


def _is_phrase(tokens: Sequence[Token]) -> bool:
    """Whether the words are in one line, or on two lines that have no other words."""
    lines = {token.line for token in tokens}
    if len(lines) == 1:
        return True
    return len(lines) == len(tokens) == 2 and all(token.line_words == 1 for token in tokens)


def _match(
    tokens: Sequence[Token], first: int, last: int, gazetteer: Gazetteer
) -> NameMatch | None:
    """Return the match if the tokens first to last - 1 are a name."""
    span = tokens[first:last]
    if min(token.confidence for token in span) < MIN_CONFIDENCE:
        return None
    ends_line = last == len(tokens) or not _is_next_word(span[-1], tokens[last])
    for variant in (*name_variants(span, ends_line=ends_line), *_repaired(span, gazetteer)):
        if _has_people(variant, gazetteer):
            case = _case_factor(tokens, first, last)
            context = _context_factor(tokens, first, last)
            if variant.min_people and context < 1:
                continue  # streets and hotels have names of persons in the genitive
            words = variant.normal.split()
            if context <= 1 and PLAIN_WORDS.issuperset(words):
                return None
            factor = variant.factor * _confidence_factor(span) * case * context
            if CONTEXT_WORDS.issuperset(words):
                factor *= CONTEXT_WORD_FACTOR
            return NameMatch(
                first,
                last,
                words=" ".join(token.raw for token in span),
                normal=variant.normal,
                factor=factor,
                context=context,
                letter_case=case,
                countries=variant.countries,
                region_code=_region_code(tokens, last),
                away_km=_away_km(tokens, last, variant.normal),
            )
    return None


def _has_people(variant: NameVariant, gazetteer: Gazetteer) -> bool:
    """Whether the form is a name of a place that is as large as the form needs."""
    if not variant.min_people:
        return variant.normal in gazetteer
    return any(entry.people >= variant.min_people for entry in gazetteer.lookup(variant.normal))


def _away_km(tokens: Sequence[Token], last: int, normal: str) -> float:
    """The number that ends the line after a name in another script than Latin: `Минск 25`."""
    line = [token for token in tokens[last:] if token.line == tokens[last - 1].line]
    if normal.isascii() or not 0 < len(line) <= 2 or (len(line) == 2 and line[1].normal not in KM):
        return 0.0
    match = _DISTANCE.fullmatch(line[0].normal)
    return float(match[1]) if match else 0.0


def _repaired(span: Sequence[Token], gazetteer: Gazetteer) -> Iterator[NameVariant]:
    """A big town's name that the picture's edge cuts, or with one misread letter."""
    if len(span) > 1:
        return
    (token,) = span
    names = gazetteer.big_names
    for name in (
        complete_cut_name(
            token.normal, names, start_is_cut=token.start_is_cut, end_is_cut=token.end_is_cut
        ),
        correct_misread_letter(token.normal, names),
    ):
        if name and not load_word_model().frequencies([token.normal]).any():
            yield NameVariant(name, MISREAD_FACTOR, None)


def _without_official_word(
    match: NameMatch, tokens: Sequence[Token], gazetteer: Gazetteer
) -> NameMatch:
    """Prefer the town with its official word where both together are a name of a district too.

    So "Uppsala kommun" is Uppsala, and `kommun` raises its strength.
    """
    first, last = match.first, match.last
    while last - first > 1 and (
        tokens[first].normal in LINKS or BEFORE.get(tokens[first].normal, 0) > 1
    ):
        first += 1
    while last - first > 1 and AFTER.get(tokens[last - 1].normal, 0) > 1:
        last -= 1
    if last - first == match.last - match.first:
        return match
    inner = _match(tokens, first, last, gazetteer)
    if inner and _max_strength(inner, gazetteer) > _max_strength(match, gazetteer):
        return inner
    return match


def _max_strength(match: NameMatch, gazetteer: Gazetteer) -> float:
    strengths = (entry.strength for entry in gazetteer.lookup(match.normal))
    return match.factor * max(strengths, default=0.0)


def _region_code(tokens: Sequence[Token], last: int) -> str:
    """Return the two or three capitals right after the name, or ""."""
    if last < len(tokens) and tokens[last].line == tokens[last - 1].line:
        raw = tokens[last].raw
        if re.fullmatch("[A-Z]{2,3}", raw):
            return raw
    return ""


def _confidence_factor(span: Sequence[Token]) -> float:
    lowest = min(token.confidence for token in span)
    share = (lowest - MIN_CONFIDENCE) / (FULL_CONFIDENCE - MIN_CONFIDENCE)
    return float(min(max(share, 0.0), 1.0))


def _case_factor(tokens: Sequence[Token], first: int, last: int) -> float:
    """Small letters count against a name if other words have capitals, and in no web address."""
    span = tokens[first:last]
    if len(span) == 1 and _is_mixed_case(span[0].raw):
        return MIXED_CASE_FACTOR
    if _GEORGIAN.search(span[0].raw):  # its capitals are for whole lines
        return 1.0
    if any(token.raw != token.raw.lower() or token.raw == token.raw.upper() for token in span):
        return 1.0
    if any(token.line == span[0].line and token.normal in WEB for token in tokens):
        return 1.0
    has_capitals = any(token.raw != token.raw.lower() for token in tokens)
    return LOWER_CASE_FACTOR if has_capitals else 1.0


def _is_mixed_case(raw: str) -> bool:
    return len(raw) <= MIXED_CASE_LETTERS and bool(re.match("[A-Z]{2,}[a-z]+$", raw))


def _context_factor(tokens: Sequence[Token], first: int, last: int) -> float:
    """Factor of the words before and after: the lowest below 1, otherwise the highest."""
    factors = [*_factors_before(tokens, first), *_factors_after(tokens, last)]
    lowering = [factor for factor in factors if factor < 1]
    return min(lowering) if lowering else max(factors, default=1.0)


def _factors_before(tokens: Sequence[Token], first: int) -> Iterator[float]:
    line = tokens[first].line
    for index in range(first - 1, -1, -1):
        token = tokens[index]
        ends_previous_line = token.line == line - 1 and token.line_words <= SHORT_LINE_WORDS
        if token.line != line and not ends_previous_line:
            return
        if token.normal in BEFORE:
            yield BEFORE[token.normal]
        elif token.normal in DISHES_BEFORE:
            yield BRAND
        if index == first - 1 and token.line == line and _POSTCODE.fullmatch(token.normal):
            yield POSTCODE_FACTOR
        if token.normal not in LINKS:
            return


def _factors_after(tokens: Sequence[Token], last: int) -> Iterator[float]:
    if last >= len(tokens):
        return
    token = tokens[last]
    if not _is_next_word(tokens[last - 1], token):
        return
    if token.normal in AFTER:
        yield AFTER[token.normal]
    elif token.normal in DISHES_AFTER:
        yield BRAND


def _is_next_word(token: Token, following: Token) -> bool:
    """Whether the following word is in the same line, or in the next one if that is short."""
    starts_next_line = following.line == token.line + 1 and following.line_words <= SHORT_LINE_WORDS
    return following.line == token.line or starts_next_line


def _names_in_run(token: Token, index: int, gazetteer: Gazetteer) -> Iterator[NameMatch]:
    """Names in a run of letters without spaces, the longest first from the left."""
    text = token.normal[:MAX_RUN]
    is_ideographic = bool(_IDEOGRAPHIC.search(text))
    shortest, longest = (2, MAX_LETTERS) if is_ideographic else (MIN_SIGNS, MAX_SIGNS)
    start = 0
    while start <= len(text) - shortest:
        for end in range(min(start + longest, len(text)), start + shortest - 1, -1):
            if text[start:end] in gazetteer and _is_whole(text, start, end):
                context = _glued_factor(text[:start], text[end:])
                factor = _confidence_factor([token]) * context
                yield NameMatch(index, index + 1, text[start:end], text[start:end], factor, context)
                start = end
                break
        else:
            start += 1


def _is_whole(text: str, start: int, end: int) -> bool:
    """Whether neither end of a piece cuts a letter from its vowel sign."""
    return not any(
        at < len(text) and unicodedata.category(text[at]).startswith("M") for at in (start, end)
    )


def _glued_factor(before: str, after: str) -> float:
    """Factor of the letters around a name in a script without spaces."""
    factors = [
        next((factor for factor, endings in GLUED if after.startswith(endings)), 0.0),
        next((factor for factor, starts in GLUED_BEFORE if before.endswith(starts)), 0.0),
    ]
    found = [factor for factor in factors if factor]
    if not found:
        return PIECE_FACTOR if before or after else 1.0
    return min(found) if min(found) < 1 else max(found)
