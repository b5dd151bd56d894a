"""Words of lines of text, and the forms in which a place name may appear there."""

# ruff: noqa: RUF001  letters of other scripts look like Latin ones, on purpose

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from geotagger.text.gazetteer.gazetteer import normalise
from geotagger.text.gazetteer.inflections import usual_forms

if TYPE_CHECKING:
    from geotagger.text.types import Corner, TextLine

INFLECTED_FACTOR = 0.5
"""Factor on a name's strength if an ending was removed: it may be another name."""
MIN_INFLECTED_PEOPLE = 15_000
"""Smaller places are not looked for in other cases: too many words would be their names."""
MISREAD_FACTOR = 0.2
"""The same if digits were read as letters."""
GENITIVE_COUNTRIES = frozenset(
    {"AT", "AX", "CH", "DE", "DK", "FI", "FO", "GL", "IS", "LI", "NO", "SE"}
)
"""Countries where a town's name often ends in -s before another word: "Stockholms stad"."""

ABBREVIATIONS = {
    "st": ("saint", "sankt"),
    "ste": ("sainte",),
    "sta": ("santa",),
    "sto": ("santo",),
    "mt": ("mount",),
    "ft": ("fort",),
}
EDGE_MARGIN = 0.01
"""A line within this share of the picture's side from an edge touches it."""

_TOKEN = re.compile(
    r"(?:[^\W_]|[\u0300-\u036f\u05b0-\u05bd\u064b-\u0655\u0900-\u0963\u0966-\u0dff\u0e00-\u0eff"
    r"\u0f71-\u0fbc\u1000-\u1049\u1050-\u109f\u1780-\u17d3'’ʼ\u200d])+"
)
_ELISION = re.compile(r"(?i)(?:d|l|dell|dall|nell|all|sull|s|n)['’](\w{3,})$")
"""Article or preposition before a vowel: "Mairie d'Abidjan"."""
_DIGITS_AS_LETTERS = tuple(str.maketrans("01589", letters) for letters in ("olsbg", "oisbg"))


@dataclass(frozen=True, slots=True)
class Token:
    """One word; in scripts without spaces, a whole run of letters."""

    raw: str
    """As it is in the line."""
    normal: str
    """Normalised; see `normalise`."""
    line: int
    """Index of its line."""
    confidence: float
    """Of its line."""
    line_words: int
    """Number of words in its line."""
    start_is_cut: bool = False
    """Whether the picture's edge may cut off letters before it."""
    end_is_cut: bool = False
    """Whether the picture's edge may cut off letters after it."""


class NameVariant(NamedTuple):
    """A form in which a name may be in the gazetteer."""

    normal: str
    """Normalised."""
    factor: float
    """Factor on the name's strength."""
    countries: frozenset[str] | None
    """Countries that use such forms; None for all."""
    min_people: float = 0.0
    """Fewest people of a place that is called so in this form."""


def tokenize(lines: Sequence[TextLine]) -> Iterator[Token]:
    """Split lines into words."""
    for number, line in enumerate(lines):
        raw_words = _TOKEN.findall(line.text)
        words = [(raw, normal) for raw in raw_words if (normal := normalise(raw))]
        first, second, third, fourth = line.box
        for index, (raw, normal) in enumerate(words):
            yield Token(
                raw,
                normal,
                number,
                line.confidence,
                len(raw_words),
                start_is_cut=index == 0 and _is_at_edge(first, fourth),
                end_is_cut=index == len(words) - 1 and _is_at_edge(second, third),
            )


def _is_at_edge(one: Corner, other: Corner) -> bool:
    """Whether this side of a box is on an edge of the picture."""
    return any(
        max(abs(one[axis] - edge), abs(other[axis] - edge)) < EDGE_MARGIN
        for axis in (0, 1)
        for edge in (0.0, 1.0)
    )


def name_variants(tokens: Sequence[Token], *, ends_line: bool = False) -> Iterator[NameVariant]:
    """Yield the words as they are, then without an ending, then with digits read as letters.

    Args:
        tokens: the words of one possible name.
        ends_line: whether no word follows; a genitive needs one.
    """
    first, last = tokens[0], tokens[-1]
    normal = " ".join(token.normal for token in tokens)
    if len(normal) < 2 or normal.isdigit():
        return
    yield NameVariant(normal, 1.0, None)
    after_first = normal[len(first.normal) :]
    for full in ABBREVIATIONS.get(first.normal, ()) if len(tokens) > 1 else ():
        yield NameVariant(full + after_first, 1.0, None)
    elision = _ELISION.match(first.raw)
    if elision:
        yield NameVariant(normalise(elision[1]) + after_first, 1.0, None)
    parts = re.split("['’]", last.raw)
    before_last = normal[: len(normal) - len(last.normal)]
    if len(parts) == 2 and not elision:
        yield NameVariant(before_last + normalise(parts[0]), INFLECTED_FACTOR, None)
    if len(normal) >= 5 and normal.endswith("s") and not ends_line:
        yield NameVariant(normal[:-1], INFLECTED_FACTOR, GENITIVE_COUNTRIES)
    for form in usual_forms(last.normal):
        yield NameVariant(before_last + form, INFLECTED_FACTOR, None, MIN_INFLECTED_PEOPLE)
    if re.search(r"\d", normal) and re.search(r"[a-z]", normal):
        for letters in _DIGITS_AS_LETTERS:
            yield NameVariant(normal.translate(letters), MISREAD_FACTOR, None)
