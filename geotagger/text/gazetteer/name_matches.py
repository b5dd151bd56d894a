"""Which words of a sign are place names, and what the words beside them do to their strength.

The longest name wins over its parts: "Bad Homburg" is not Homburg.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from geotagger.text.gazetteer.context_words import AFTER, BEFORE, GLUED, LINKS
from geotagger.text.gazetteer.gazetteer import Gazetteer
from geotagger.text.gazetteer.ocr_repair import complete_cut_name, correct_misread_letter
from geotagger.text.gazetteer.tokens import MISREAD, Token, name_variants
from geotagger.text.language.words import load_word_model

MAX_WORDS = 5
MAX_LETTERS = 12
"""Longest name looked for in scripts without spaces."""
MIN_CONFIDENCE, FULL_CONFIDENCE = 0.5, 0.9
LOWER_CASE = 0.1
"""A name in small letters among other words is seldom meant as a name."""
TELLING_WORD = 0.03
"""A name that is itself a word like `park` or `terrace`, which stands beside names: some five
hundred such words are a tenth of the words on signs, each 30 times as usual there as in prose."""
PIECE = 0.5
"""A name with more letters around it in a script without spaces may be part of another word."""
POST_CODE = 5.0
"""Digits of a postal code before a name: an address, of this town or of a firm elsewhere."""
FEW = 2
"""A line of so few words may belong to the next: "Willkommen in / X"."""

WEB = frozenset({"www", "http", "https"})
TELLING_WORDS = LINKS | BEFORE.keys() | AFTER.keys()

_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
)
_POST_CODE = re.compile(r"\d{4,6}")


@dataclass(frozen=True, slots=True)
class NameMatch:
    """A name found: tokens first to last - 1, or a piece of one token."""

    first: int
    last: int
    words: str
    normal: str
    factor: float
    """What its form and the words beside it do to its strength."""
    countries: frozenset[str] | None = None
    """Where the form is in use; None = everywhere."""
    code: str = ""
    """What may be the code of a region after the name: `OR`."""


def find_name_matches(tokens: Sequence[Token], gazetteer: Gazetteer) -> list[NameMatch]:
    taken: set[int] = set()
    found: list[NameMatch] = []
    for size in range(min(MAX_WORDS, len(tokens)), 0, -1):
        for first in range(len(tokens) - size + 1):
            span = range(first, first + size)
            if taken.isdisjoint(span) and _is_phrase(tokens[first : first + size]):
                match = _match(tokens, first, first + size, gazetteer)
                if match:
                    match = _without_official(match, tokens, gazetteer)
                    found.append(match)
                    taken.update(span)
    for index, token in enumerate(tokens):
        if index not in taken and _UNSPACED.search(token.normal):
            found += _pieces(token, index, gazetteer)
    return found


def _is_phrase(tokens: Sequence[Token]) -> bool:
    """In one line, or broken over two lines that hold nothing else."""
    lines = {token.line for token in tokens}
    if len(lines) == 1:
        return True
    return len(lines) == len(tokens) == 2 and all(token.in_line == 1 for token in tokens)


def _match(
    tokens: Sequence[Token], first: int, last: int, gazetteer: Gazetteer
) -> NameMatch | None:
    span = tokens[first:last]
    if min(token.confidence for token in span) < MIN_CONFIDENCE:
        return None
    is_last = last == len(tokens) or not _is_beside(span[-1], tokens[last])
    for normal, factor, countries in (
        *name_variants(span, is_last=is_last),
        *_mended(span, gazetteer),
    ):
        if normal in gazetteer:
            factor *= _certainty(span) * _letter_case(tokens, first, last)
            factor *= _beside(tokens, first, last)
            if all(word in TELLING_WORDS for word in normal.split()):
                factor *= TELLING_WORD
            words = " ".join(token.raw for token in span)
            code = _code(tokens, last)
            return NameMatch(first, last, words, normal, factor, countries, code)
    return None


def _mended(
    span: Sequence[Token], gazetteer: Gazetteer
) -> Iterator[tuple[str, float, frozenset[str] | None]]:
    """A big town's name that the picture's edge cuts off, or with one letter misread."""
    if len(span) > 1:
        return
    (token,) = span
    names = gazetteer.big_names
    for name in (
        complete_cut_name(token.normal, names, no_start=token.no_start, no_end=token.no_end),
        correct_misread_letter(token.normal, names),
    ):
        if name and not load_word_model().frequencies([token.normal]).any():
            yield name, MISREAD, None


def _without_official(match: NameMatch, tokens: Sequence[Token], gazetteer: Gazetteer) -> NameMatch:
    """Of "Uppsala kommun", which is a district's name too, the town with its official word."""
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
    if inner and _strongest(inner, gazetteer) > _strongest(match, gazetteer):
        return inner
    return match


def _strongest(match: NameMatch, gazetteer: Gazetteer) -> float:
    strengths = (entry.strength for entry in gazetteer.lookup(match.normal))
    return match.factor * max(strengths, default=0.0)


def _code(tokens: Sequence[Token], last: int) -> str:
    """Two or three capitals right after the name."""
    if last < len(tokens) and tokens[last].line == tokens[last - 1].line:
        raw = tokens[last].raw
        if re.fullmatch("[A-Z]{2,3}", raw):
            return raw
    return ""


def _certainty(span: Sequence[Token]) -> float:
    least = min(token.confidence for token in span)
    share = (least - MIN_CONFIDENCE) / (FULL_CONFIDENCE - MIN_CONFIDENCE)
    return float(min(max(share, 0.0), 1.0))


def _letter_case(tokens: Sequence[Token], first: int, last: int) -> float:
    """Small letters are telling only where other words have capitals; web addresses have none."""
    span = tokens[first:last]
    if any(token.raw != token.raw.lower() or token.raw == token.raw.upper() for token in span):
        return 1.0
    if any(token.line == span[0].line and token.normal in WEB for token in tokens):
        return 1.0
    has_capitals = any(token.raw != token.raw.lower() for token in tokens)
    return LOWER_CASE if has_capitals else 1.0


def _beside(tokens: Sequence[Token], first: int, last: int) -> float:
    """What the words before and after say; the one that lowers most, else the one that raises."""
    factors = [*_before(tokens, first), *_after(tokens, last)]
    lowering = [factor for factor in factors if factor < 1]
    return min(lowering) if lowering else max(factors, default=1.0)


def _before(tokens: Sequence[Token], first: int) -> Iterator[float]:
    line = tokens[first].line
    for index in range(first - 1, -1, -1):
        token = tokens[index]
        if token.line != line and not (token.line == line - 1 and token.in_line <= FEW):
            return
        if token.normal in BEFORE:
            yield BEFORE[token.normal]
        if index == first - 1 and token.line == line and _POST_CODE.fullmatch(token.normal):
            yield POST_CODE
        if token.normal not in LINKS:
            return


def _after(tokens: Sequence[Token], last: int) -> Iterator[float]:
    if last >= len(tokens):
        return
    token = tokens[last]
    if _is_beside(tokens[last - 1], token) and token.normal in AFTER:
        yield AFTER[token.normal]


def _is_beside(token: Token, following: Token) -> bool:
    """In the same line, or in the next one if that is short."""
    is_next = following.line == token.line + 1 and following.in_line <= FEW
    return following.line == token.line or is_next


def _pieces(token: Token, index: int, gazetteer: Gazetteer) -> Iterator[NameMatch]:
    """Names inside a run of letters without spaces, the longest first from the left."""
    text = token.normal
    start = 0
    while start < len(text) - 1:
        for end in range(min(start + MAX_LETTERS, len(text)), start + 1, -1):
            if text[start:end] in gazetteer:
                factor = _certainty([token]) * _glued(text[:start], text[end:])
                yield NameMatch(index, index + 1, text[start:end], text[start:end], factor)
                start = end
                break
        else:
            start += 1


def _glued(before: str, after: str) -> float:
    for factor, endings in GLUED:
        if after.startswith(endings):
            return factor
    return PIECE if before or after else 1.0
