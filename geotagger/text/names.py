"""Place names on signs: towns, districts, regions and countries.

The strength of a bare name comes from the gazetteer: how much likelier it is met at home than in
the world at large, against its frequency as a word. Here the words beside it, its letter case and
the confidence of the reading raise or lower that. The longest name wins over its parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from geotagger.text import Cue, Spot
from geotagger.text.gazetteer import Bearer, Gazetteer, load_gazetteer, normalise
from geotagger.text.neighbours import AFTER, BEFORE, GLUED, LINKS

if TYPE_CHECKING:
    from geotagger.text import Line

KIND = "place name"

MOST_WORDS = 5
MOST_LETTERS = 12
"""Longest name looked for in scripts without spaces."""
MOST_CUES = 8
LEAST_RATIO = 2.0
"""Weaker cues are not worth a mention."""
LEAST_CONFIDENCE, FULL_CONFIDENCE = 0.5, 0.9
LOWER_CASE = 0.1
"""A name in small letters among other words is seldom meant as a name."""
INFLECTED = 0.5
MISREAD = 0.2
POST_CODE = 5.0
MOST_ABROAD = 20.0

_TOKEN = re.compile(
    r"(?:[^\W_]|[\u0300-\u036f\u0900-\u0dff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff'’ʼ])+"
)
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
)
_POST_CODE = re.compile(r"\d{4,6}")
_DIGITS = str.maketrans("01589", "olsbg")


@dataclass(frozen=True, slots=True)
class _Token:
    raw: str
    normal: str
    line: int
    confidence: float
    is_alone: bool
    """Nothing else stands in its line."""


@dataclass(frozen=True, slots=True)
class _Match:
    """A name found: tokens first to last - 1, or a piece of one token."""

    first: int
    last: int
    words: str
    normal: str
    factor: float
    """What its form and the words beside it do to its strength."""


def find(lines: Sequence[Line], gazetteer: Gazetteer | None = None) -> list[Cue]:
    """The strongest place names in the lines, at most MOST_CUES, the strongest first."""
    gazetteer = gazetteer or load_gazetteer()
    tokens = list(_tokens(lines))
    cues: dict[str, Cue] = {}
    for match in _matches(tokens, gazetteer):
        cue = _cue(match, gazetteer.bearers(match.normal))
        if cue and (cue.meaning not in cues or _most(cue) > _most(cues[cue.meaning])):
            cues[cue.meaning] = cue
    return sorted(cues.values(), key=_most, reverse=True)[:MOST_CUES]


def _tokens(lines: Sequence[Line]) -> Iterator[_Token]:
    for number, line in enumerate(lines):
        found = _TOKEN.findall(line.text)
        for raw in found:
            normal = normalise(raw)
            if normal:
                yield _Token(raw, normal, number, line.confidence, len(found) == 1)


def _matches(tokens: Sequence[_Token], gazetteer: Gazetteer) -> list[_Match]:
    taken: set[int] = set()
    found: list[_Match] = []
    for size in range(min(MOST_WORDS, len(tokens)), 0, -1):
        for first in range(len(tokens) - size + 1):
            span = range(first, first + size)
            if taken.isdisjoint(span) and _is_phrase(tokens[first : first + size]):
                match = _match(tokens, first, first + size, gazetteer)
                if match:
                    found.append(match)
                    taken.update(span)
    for index, token in enumerate(tokens):
        if index not in taken and _UNSPACED.search(token.normal):
            found += _pieces(token, index, gazetteer)
    return found


def _is_phrase(tokens: Sequence[_Token]) -> bool:
    """In one line, or broken over two lines that hold nothing else."""
    lines = {token.line for token in tokens}
    if len(lines) == 1:
        return True
    return len(lines) == len(tokens) == 2 and all(token.is_alone for token in tokens)


def _match(tokens: Sequence[_Token], first: int, last: int, gazetteer: Gazetteer) -> _Match | None:
    span = tokens[first:last]
    if min(token.confidence for token in span) < LEAST_CONFIDENCE:
        return None
    for normal, factor in _forms(span):
        if normal in gazetteer:
            factor *= _certainty(span) * _letter_case(tokens, first, last)
            factor *= _beside(tokens, first, last)
            return _Match(first, last, " ".join(token.raw for token in span), normal, factor)
    return None


def _forms(span: Sequence[_Token]) -> Iterator[tuple[str, float]]:
    """The words as they stand, then without an ending, then with digits read as letters."""
    normal = " ".join(token.normal for token in span)
    if len(normal) < 2 or normal.isdigit():
        return
    yield normal, 1.0
    raw = span[-1].raw
    head = normal[: len(normal) - len(span[-1].normal)]
    if "'" in raw or "’" in raw:
        yield head + normalise(re.split("['’]", raw)[0]), INFLECTED
    if len(normal) >= 5 and normal.endswith("s"):
        yield normal[:-1], INFLECTED
    if len(normal) >= 5 and re.search("[а-я]$", normal):
        yield from _cyrillic_nominatives(normal)
    if re.search(r"\d", normal) and re.search(r"[a-z]", normal):
        yield normal.translate(_DIGITS), MISREAD


def _cyrillic_nominatives(normal: str) -> Iterator[tuple[str, float]]:
    stem, ending = normal[:-1], normal[-1]
    if ending in "ыиеу":
        yield stem + "а", INFLECTED
    if ending in "ауе":
        yield stem, INFLECTED
    if ending == "и":
        yield stem + "ь", INFLECTED


def _certainty(span: Sequence[_Token]) -> float:
    least = min(token.confidence for token in span)
    share = (least - LEAST_CONFIDENCE) / (FULL_CONFIDENCE - LEAST_CONFIDENCE)
    return float(min(max(share, 0.0), 1.0))


def _letter_case(tokens: Sequence[_Token], first: int, last: int) -> float:
    """Small letters are telling only where other words have capitals."""
    if any(token.raw != token.raw.lower() for token in tokens[first:last]):
        return 1.0
    if tokens[first].raw == tokens[first].raw.upper():
        return 1.0
    line = [token for token in tokens if token.line == tokens[first].line]
    return LOWER_CASE if len(line) > last - first else 1.0


def _beside(tokens: Sequence[_Token], first: int, last: int) -> float:
    """What the words before and after say; the one that lowers most, else the one that raises."""
    factors = [*_before(tokens, first), *_after(tokens, last)]
    lowering = [factor for factor in factors if factor < 1]
    return min(lowering) if lowering else max(factors, default=1.0)


def _before(tokens: Sequence[_Token], first: int) -> Iterator[float]:
    line = tokens[first].line
    index = first - 1
    while index >= 0 and tokens[index].line == line and tokens[index].normal in LINKS:
        index -= 1
    if index < 0:
        return
    token = tokens[index]
    if token.line != line and not (token.line == line - 1 and token.is_alone):
        return
    if token.normal in BEFORE:
        yield BEFORE[token.normal]
    if index == first - 1 and token.line == line and _POST_CODE.fullmatch(token.normal):
        yield POST_CODE


def _after(tokens: Sequence[_Token], last: int) -> Iterator[float]:
    if last >= len(tokens):
        return
    token = tokens[last]
    is_next = token.line == tokens[last - 1].line + 1 and token.is_alone
    if (token.line == tokens[last - 1].line or is_next) and token.normal in AFTER:
        yield AFTER[token.normal]


def _pieces(token: _Token, index: int, gazetteer: Gazetteer) -> Iterator[_Match]:
    """Names inside a run of letters without spaces, the longest first from the left."""
    text = token.normal
    start = 0
    while start < len(text) - 1:
        for end in range(min(start + MOST_LETTERS, len(text)), start + 1, -1):
            if text[start:end] in gazetteer:
                factor = _certainty([token]) * _glued(text[end:])
                yield _Match(index, index + 1, text[start:end], text[start:end], factor)
                start = end
                break
        else:
            start += 1


def _glued(rest: str) -> float:
    for factor, endings in GLUED:
        if rest.startswith(endings):
            return factor
    return 1.0


def _cue(match: _Match, bearers: Sequence[Bearer]) -> Cue | None:
    countries = {
        bearer.country: 1 + bearer.strength * match.factor
        for bearer in bearers
        if bearer.kind == "country"
    }
    spots = tuple(
        Spot(bearer.lat, bearer.lon, 1 + bearer.strength * match.factor, bearer.radius_km)
        for bearer in bearers
        if bearer.kind != "country"
    )
    for bearer in bearers:
        abroad = 1 + (min(bearer.abroad, MOST_ABROAD) - 1) * min(match.factor, 1.0)
        countries[bearer.country] = max(countries.get(bearer.country, 1.0), abroad)
    cue = Cue(
        kind=KIND,
        words=match.words,
        meaning=_meaning(bearers),
        countries={code: ratio for code, ratio in countries.items() if ratio > 1},
        spots=spots,
    )
    return cue if _most(cue) >= LEAST_RATIO else None


def _meaning(bearers: Sequence[Bearer]) -> str:
    first = bearers[0]
    named = first.name if first.kind == "country" else f"{first.name}, {first.country}"
    others = len(bearers) - 1
    return f"{named} (and {others} more)" if others else named


def _most(cue: Cue) -> float:
    return max([*cue.countries.values(), *(spot.ratio for spot in cue.spots)], default=1.0)
