"""Names of persons among the words: `Hermann Hesse` is a writer, not the region around Frankfurt.

`data/persons.npz` has given names and surnames with the people who have each, hashed
(`tools/build_data/persons.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from geotagger.data import read_arrays
from geotagger.text.gazetteer.context_words import AFTER, BEFORE
from geotagger.text.gazetteer.gazetteer import Gazetteer, name_hash, normalise
from geotagger.text.language.words import load_word_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from geotagger.text.gazetteer.tokens import Token

LOG_STEP = 0.1
"""Numbers of people are stored as natural logarithms in steps of this size."""
PARTICLES = frozenset(
    {
        "al", "bin", "da", "de", "del", "della", "den", "der", "di", "do", "dos", "du", "el", "ibn",
        "la", "le", "ten", "ter", "van", "von",
    }
)  # fmt: skip
"""Words between a given name and a surname."""
MAX_WORDS = 6
"""Of a person."""
MAX_SURNAME_TOWN = 150_000
"""A word that is in no list of surnames is one after a given name if the town with its name has
fewer people: `Julio Cortázar`, but not `Café Anna Leipzig`."""
MIN_BEARERS_SHARE = 0.05
"""A given name with fewer bearers, relative to the people of its largest town, is more likely the
town: `Sydney`."""
MIN_PLACE_PEOPLE = 3_000
"""A place whose whole name is that of a person counts if it has more people: `Charlotte Amalie`."""
COMMON_WORD = 2e-5
"""Frequency of a common word; after such a town's name it is none of a person: `Sydney Park`."""

_INITIAL = re.compile(r"[A-Z]")
_CODE = re.compile(r"[A-Z]{2,3}")


def name_key(normalised: str) -> int:
    """32 bits of the name's hash."""
    return name_hash(normalised) >> 16


class PersonNames:
    """Given names and surnames; immutable."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """
        Args:
            arrays: those of `data/persons.npz`.
        """
        self._keys = arrays["keys"]
        self._given = arrays["given"]
        self._surname = arrays["surname"]

    def given(self, normalised: str) -> float:
        """People who have the given name; 0 for none."""
        return self._bearers(self._given, normalised)

    def surname(self, normalised: str) -> float:
        """People who have the surname; 0 for none."""
        return self._bearers(self._surname, normalised)

    def _bearers(self, logs: NDArray[np.uint8], normalised: str) -> float:
        key = np.uint32(name_key(normalised))
        index = int(np.searchsorted(self._keys, key))
        if index == len(self._keys) or self._keys[index] != key or not logs[index]:
            return 0.0
        return float(np.exp(LOG_STEP * int(logs[index])))


@cache
def load_person_names() -> PersonNames:
    """Return the names of the package; they are read once."""
    return PersonNames(read_arrays("persons.npz"))


def words_of_persons(tokens: Sequence[Token], gazetteer: Gazetteer) -> set[int]:
    """Indices of the words that are a person's given name with a surname."""
    found: set[int] = set()
    for first in range(len(tokens) - 1):
        if first not in found and _is_given_name(tokens, first):
            found.update(_person(tokens, first, gazetteer))
    return found


def _is_given_name(tokens: Sequence[Token], index: int) -> bool:
    token = tokens[index]
    return (
        token.raw[0].isupper()
        and token.normal not in BEFORE
        and load_person_names().given(token.normal) > 0
        and not (index and BEFORE.get(tokens[index - 1].normal, 0) > 1)
    )


def _person(tokens: Sequence[Token], first: int, gazetteer: Gazetteer) -> range:
    """The words of a person whose given name is the first; none if no surname follows."""
    none = range(first, first)
    last = None
    for index in range(first + 1, min(first + MAX_WORDS, len(tokens))):
        if not _continues(tokens[index - 1], tokens[index]):
            break
        token = tokens[index]
        if token.normal in PARTICLES or _INITIAL.fullmatch(token.raw):
            continue
        if not _is_surname(tokens, first, index, gazetteer, is_first=last is None):
            break
        last = index
    if last is None or _is_place(tokens, first, last, gazetteer):
        return none
    return range(first, last + 1)


def _continues(token: Token, following: Token) -> bool:
    """Whether the words are in one line, or alone on two lines, one below the other."""
    alone = token.line_words == following.line_words == 1
    return following.line == token.line or (alone and following.line == token.line + 1)


def _is_surname(
    tokens: Sequence[Token], first: int, index: int, gazetteer: Gazetteer, *, is_first: bool
) -> bool:
    """Whether the word may be a surname, or a further given name, of the person.

    Args:
        tokens: all words.
        first: index of the given name.
        index: index of the word.
        gazetteer: to tell towns.
        is_first: whether no surname has been found yet.
    """
    token, normal = tokens[index], tokens[index].normal
    is_code = _CODE.fullmatch(token.raw) and tokens[index - 1].raw != tokens[index - 1].raw.upper()
    if not token.raw[0].isupper() or is_code or normal in AFTER or normal in BEFORE:
        return False
    persons = load_person_names()
    is_listed = persons.surname(normal) > 0 or persons.given(normal) > 0
    frequency = float(load_word_model().frequencies([normal]).max())
    if persons.given(tokens[first].normal) < MIN_BEARERS_SHARE * _people(
        tokens[first].normal, gazetteer
    ):
        return is_listed and frequency < COMMON_WORD
    if is_listed:
        return True
    if normal in gazetteer:
        return is_first and _people(normal, gazetteer, usual=True) < MAX_SURNAME_TOWN
    return frequency == 0


def _people(name: str, gazetteer: Gazetteer, *, usual: bool = False) -> float:
    """People of the largest place that has the name, or is usually called so; 0 without one."""
    entries = gazetteer.lookup(name)
    return max(
        (entry.people for entry in entries if not usual or normalise(entry.name) == name),
        default=0.0,
    )


def _is_place(tokens: Sequence[Token], first: int, last: int, gazetteer: Gazetteer) -> bool:
    """Whether the given name begins a longer name of a larger place: `Victoria Falls`."""
    names = (
        " ".join(token.normal for token in tokens[first : end + 1])
        for end in range(first + 1, last + 1)
    )
    return any(_people(name, gazetteer) > MIN_PLACE_PEOPLE for name in names)
