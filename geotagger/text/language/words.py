"""Word model: how likely a word is in each language, by a list of known words and by its letters.

    P(word | language) = sum over known words with these letters of  f * P(read so)
                       + sum over its splits in two of  joined * f(first) * f(second)
                       + in compounding languages, the same for three parts
                       + (1 - share of known words in text) * P(length) * P(letters)

The lists have the commonest words with their frequency f, so a short common word ("og", "na") is
strong evidence. The letter model (`letters.py`) covers the words that the lists lack, and the
languages without a list. The recogniser loses diacritics (`på` as `pa`), hardly ever adds some, and
loses spaces; some languages write compounds as one word. `tools/build_data/languages` builds the
tables; the words in them are hashed.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from geotagger.data import read_arrays
from geotagger.text.language.letters import LetterModel, load_letter_model

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Rows = NDArray[np.float64]

READ_AS_IS = 0.9
"""Share of words that are recognised with exactly their diacritics."""
DIACRITICS_LOST = 0.1
"""Share of words with diacritics that lose them; capitals often have none to begin with."""
DIACRITICS_WRONG = 0.01
DIACRITICS_ADDED = 0.003
SPACE_LOST = 0.03
"""Share of spaces that the recogniser loses."""
COMPOUND = 0.2
"""The same where compounds are one word: about 0.1 of the words are in no list, half of them are
compounds, and their parts are nouns, which are twice as frequent among parts as among words."""
COMPOUNDING = frozenset({"af", "da", "de", "et", "fi", "hu", "is", "nb", "nl", "nn", "sv"})
"""Languages that write compounds as one word."""
MIN_SPLIT_LETTERS = 5
"""Fewest letters of a word to split in two."""
MIN_COMPOUND_PART_LETTERS = 3
LENGTH_PROBABILITY = 0.2
"""Probability of a word's length, about the same from 3 to 12 letters."""
NO_LIST = 0.5
"""Factor on the letters' probability in a language without a list. Other languages, whose lists
lack a name, must not lose it to languages that could not have it in a list."""

WORD = re.compile(
    r"(?:[^\W\d_]|(?<=[\u0900-\u097f])[\u0900-\u0903\u093a-\u094f\u0955-\u0957\u0962\u0963])+"
)
"""A word of letters, and of vowel signs in Devanagari."""

PLAIN = str.maketrans(
    {"ß": "ss", "ø": "o", "Ø": "o", "æ": "ae", "Æ": "ae", "ł": "l", "Ł": "l", "ı": "i"}  # noqa: RUF001
    | {"đ": "d", "Đ": "d", "ð": "d", "Ð": "d"}
)


def fold_text(text: str) -> str:
    """Return the words in lower case without diacritics, separated by single spaces."""
    text = text.translate(PLAIN)
    plain = unicodedata.normalize("NFKD", text).casefold()
    letters = "".join(c for c in plain if not unicodedata.combining(c))
    return " ".join(re.findall(r"[^\W_]+", letters))


@cache
def key_and_mark(word: str) -> tuple[int, int]:
    """Return a 32-bit hash of the folded word, and one of its diacritics.

    The hash of diacritics is 1 to 15, or 0 if the word has none.
    """
    word = unicodedata.normalize("NFC", word.casefold())
    plain = fold_text(word)
    mark = 1 + zlib.crc32(word.encode()) % 15 if word != plain else 0
    return zlib.crc32(plain.encode()), mark


class WordModel:
    """Word lists and letters of all languages.

    Attributes:
        languages: ISO 639-1 codes, [L].
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]], letters: LetterModel) -> None:
        """
        Args:
            arrays: those of `data/words.npz`.
            letters: model of the words that are in no list.
        """
        self.languages = letters.languages
        self._letters = letters
        steps = arrays["steps"].astype(np.uint64)  # bytes [4, keys] of the steps from key to key
        self._keys = np.cumsum(steps.T @ (np.uint64(256) ** np.arange(4, dtype=np.uint64)))
        ends = np.cumsum(arrays["counts"], dtype=np.int64)
        self._starts = ends - arrays["counts"]
        self._counts = arrays["counts"].astype(np.int64)
        index = [self.languages.index(code) for code in arrays["languages"].tolist()]
        self._language = np.array(index, np.intp)[arrays["language"]]
        self._mark = arrays["marks"]
        self._frequency = np.exp(-np.arange(256) / 8)
        self._nats8 = arrays["nats8"]
        known = np.bincount(
            self._language, self._frequency[self._nats8], minlength=len(self.languages)
        )
        self._unknown_share = np.where(known > 0, 1 - np.minimum(known, 0.99), NO_LIST)
        self._compounds = np.isin(np.array(self.languages), list(COMPOUNDING))
        self._joined = np.where(self._compounds, COMPOUND, SPACE_LOST)

    def log_likelihood(self, words: Sequence[str]) -> Rows:
        """Return ln P(word | language), float64 [len(words), L]."""
        by_letters = np.exp(self._letters.log_likelihood(words))
        total = self.frequencies(words) + self._unknown_share * LENGTH_PROBABILITY * by_letters
        self._add_splits_in_two(total, words)
        self._add_splits_in_three(total, words)
        result: Rows = np.log(total + 1e-300)
        return result

    def _add_splits_in_two(self, total: Rows, words: Sequence[str]) -> None:
        """Add two words without the space between them, or a compound of two parts."""
        splits = [
            (row, word[:at], word[at:])
            for row, word in enumerate(words)
            if len(word) >= MIN_SPLIT_LETTERS
            for at in range(1, len(word))
        ]
        if not splits:
            return
        rows, heads, tails = zip(*splits, strict=True)
        parts = self.frequencies([*heads, *tails])
        joined = parts[: len(rows)] * parts[len(rows) :]
        shorter = np.minimum([len(head) for head in heads], [len(tail) for tail in tails])
        may_be_compound = shorter >= MIN_COMPOUND_PART_LETTERS
        joined *= np.where(may_be_compound[:, None], self._joined, SPACE_LOST)
        np.add.at(total, np.array(rows), joined)

    def _add_splits_in_three(self, total: Rows, words: Sequence[str]) -> None:
        """Add compounds of three parts: Hunde-kot-tüten."""
        shortest = MIN_COMPOUND_PART_LETTERS
        cuts = [
            (row, first, second)
            for row, word in enumerate(words)
            for first in range(shortest, len(word) - 2 * shortest + 1)
            for second in range(first + shortest, len(word) - shortest + 1)
        ]
        if not cuts:
            return
        parts = [
            part
            for row, first, second in cuts
            for part in (words[row][:first], words[row][first:second], words[row][second:])
        ]
        different, index = np.unique(np.array(parts), return_inverse=True)
        frequencies = self.frequencies(different.tolist())[index].reshape(len(cuts), 3, -1)
        joined = frequencies.prod(axis=1) * np.where(self._compounds, self._joined, 0.0) ** 2
        np.add.at(total, np.array([row for row, _, _ in cuts]), joined)

    def frequencies(self, words: Sequence[str]) -> Rows:
        """Return P(a known word, recognised as this | language), float64 [len(words), L]."""
        pairs = np.array([key_and_mark(word) for word in words], np.uint64).reshape(-1, 2)
        at = np.minimum(np.searchsorted(self._keys, pairs[:, 0]), len(self._keys) - 1)
        known = np.flatnonzero(self._keys[at] == pairs[:, 0])
        counts = self._counts[at[known]]
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        entry = np.repeat(self._starts[at[known]], counts) + within
        row = np.repeat(known, counts)
        recognised, written = pairs[row, 1], self._mark[entry]
        probability = np.select(
            [recognised == written, recognised == 0, written == 0],
            [READ_AS_IS, DIACRITICS_LOST, DIACRITICS_ADDED],
            DIACRITICS_WRONG,
        )
        result = np.zeros((len(words), len(self.languages)))
        value = probability * self._frequency[self._nats8[entry]]
        np.add.at(result, (row, self._language[entry]), value)
        return result


@cache
def load_word_model() -> WordModel:
    """Return the model of the package. Loading takes about 0.4 s and 30 MB."""
    return WordModel(read_arrays("words.npz"), load_letter_model())
