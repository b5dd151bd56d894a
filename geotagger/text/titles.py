"""Text whose language travels: titles, names of persons, dishes and good wishes.

A sign is in the language of its place. A book, a record, a T-shirt or a jar is taken along. Without
any other cue (a place, an office, a telephone number) their language alone must not name a country.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from geotagger.text.gazetteer.context_words import AFTER, BEFORE
from geotagger.text.gazetteer.gazetteer import load_gazetteer
from geotagger.text.gazetteer.persons import load_person_names, words_of_persons
from geotagger.text.gazetteer.tokens import Token, tokenize
from geotagger.text.gazetteer.travelling_names import travelling_names

if TYPE_CHECKING:
    from geotagger.text.types import TextLine

NAMES_WEIGHT = 0.05
"""Probability that a text of nothing but persons and goods belongs to the place."""
TITLE_WEIGHT = 0.15
"""The same of a title, or of a person's name with a few other words."""
TWO_WORDS_WEIGHT = 0.4
"""The same of two words that may be a title, but as well the name of a shop or on a door."""
MAX_LINES, MAX_WORDS = 4, 9
"""A longer text is no cover and no label."""
MAX_PERSON_WORDS = 3
SMALL_WORD_LETTERS = 3
"""Words with so few letters may be small in titles: `ve`, `de`, `la`."""
MAX_PHRASE_WORDS = 8


def language_weight(lines: Sequence[TextLine]) -> float:
    """Probability that the language of the lines is that of the place, of a text without other
    cues: 1 unless it looks like a title."""
    tokens = list(tokenize([line for line in lines if line.legible]))
    if not tokens or len(tokens) > MAX_WORDS or tokens[-1].line - tokens[0].line >= MAX_LINES:
        return 1.0
    named = words_of_persons(tokens, load_gazetteer()) | _words_that_travel(tokens)
    by_line = [
        [index for index, token in enumerate(tokens) if token.line == line]
        for line in sorted({token.line for token in tokens})
    ]
    for line in by_line:
        if _may_be_person([tokens[index] for index in line]):
            named.update(line)
    if len(named) == len(tokens):
        return NAMES_WEIGHT
    if any(named.issuperset(line) for line in by_line):
        return TITLE_WEIGHT
    if not _is_title(tokens):
        return 1.0
    return TITLE_WEIGHT if len(tokens) > 2 else TWO_WORDS_WEIGHT


def _may_be_person(line: Sequence[Token]) -> bool:
    """Whether a line is a given name and one or two other words: `Orhan Pamuk`, where the surname
    is the word for cotton."""
    return (
        2 <= len(line) <= MAX_PERSON_WORDS
        and load_person_names().given(line[0].normal) > 0
        and all(_is_name_like(token) for token in line)
    )


def _is_name_like(token: Token) -> bool:
    return token.raw[0].isupper() and token.normal not in BEFORE and token.normal not in AFTER


def _words_that_travel(tokens: Sequence[Token]) -> set[int]:
    """Indices of the words of goods, dishes and phrases."""
    return {
        index
        for size in range(1, MAX_PHRASE_WORDS + 1)
        for first in range(len(tokens) - size + 1)
        if " ".join(token.normal for token in tokens[first : first + size]) in travelling_names()
        for index in range(first, first + size)
    }


def _is_title(tokens: Sequence[Token]) -> bool:
    """Whether all words but small ones begin with a capital, are not all in capitals, and are none
    that stand on signs next to names: `Via`, `Hôtel`, `Welcome`."""
    words = [
        token.raw
        for token in tokens
        if len(token.raw) > SMALL_WORD_LETTERS or token.raw[0].isupper()
    ]
    return (
        len(words) > 1
        and tokens[0].line == tokens[-1].line
        and not any(token.normal.isdigit() for token in tokens)
        and not any(token.normal in BEFORE or token.normal in AFTER for token in tokens)
        and all(word[0].isupper() and word != word.upper() for word in words)
    )
