"""How likely a word is in each language: by a list of known words, and by its letters.

    P(word | language) = sum over known words with these letters of  f * P(read so)
                       + sum over its parts in two of  joined * f(first) * f(second)
                       + in languages of compounds, the same for three parts
                       + (1 - share of known words in text) * P(length) * P(letters)

The lists hold the commonest words with their frequency f, so a short common word ("og", "na") says
much; what they lack goes to the letters (`letters.py`), as do the languages without a list. Readers
lose marks (`på` as `pa`), hardly ever add some, and lose spaces; some languages write compounds as
one word. Tables from `tools/build_data/languages`; the words themselves are hashed.
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
MARKS_LOST = 0.1
"""Share of words with marks that are read without; capitals often have none to begin with."""
MARKS_WRONG = 0.01
MARKS_ADDED = 0.003
SPACE_LOST = 0.03
"""Share of spaces that readers lose."""
COMPOUND = 0.2
"""The same where compounds are one word: half of the words that no list has (about 0.1) are
compounds, and their parts are nouns, twice as frequent among parts as among words."""
COMPOUNDING = frozenset({"af", "da", "de", "et", "fi", "hu", "is", "nb", "nl", "nn", "sv"})
SHORTEST_SPLIT = 5
SHORTEST_COMPOUND_PART = 3
LENGTH_SHARE = 0.2
"""Probability of a word's length, about the same from 3 to 12 letters."""
NO_LIST = 0.5
"""What a language without a list keeps of its letters' probability: other languages, whose lists
lack a name, must not lose it to those that never had the chance to know it."""

PLAIN = str.maketrans(
    {"ß": "ss", "ø": "o", "Ø": "o", "æ": "ae", "Æ": "ae", "ł": "l", "Ł": "l", "ı": "i"}  # noqa: RUF001
    | {"đ": "d", "Đ": "d", "ð": "d", "Ð": "d"}
)


def fold_text(text: str) -> str:
    """Lower case, without marks, words parted by single spaces."""
    text = text.translate(PLAIN)
    plain = unicodedata.normalize("NFKD", text).casefold()
    return " ".join(
        re.findall(r"[^\W_]+", "".join(c for c in plain if not unicodedata.combining(c)))
    )


@cache
def key_and_mark(word: str) -> tuple[int, int]:
    """32-bit hash of the folded word, and one of its marks: 1 to 15, or 0 where it has none."""
    word = unicodedata.normalize("NFC", word.casefold())
    plain = fold_text(word)
    mark = 1 + zlib.crc32(word.encode()) % 15 if word != plain else 0
    return zlib.crc32(plain.encode()), mark


class WordModel:
    """languages: ISO 639-1 codes, [L]."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]], letters: LetterModel) -> None:
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
        """ln P(word | language), float64 [len(words), L]."""
        by_letters = np.exp(self._letters.log_likelihood(words))
        total = self.frequencies(words) + self._unknown_share * LENGTH_SHARE * by_letters
        splits = [
            (row, word[:at], word[at:])
            for row, word in enumerate(words)
            if len(word) >= SHORTEST_SPLIT
            for at in range(1, len(word))
        ]
        if splits:
            rows, heads, tails = zip(*splits, strict=True)
            parts = self.frequencies([*heads, *tails])
            joined = parts[: len(rows)] * parts[len(rows) :]
            shortest = np.minimum([len(h) for h in heads], [len(t) for t in tails])
            compound = shortest >= SHORTEST_COMPOUND_PART
            joined *= np.where(compound[:, None], self._joined, SPACE_LOST)
            np.add.at(total, np.array(rows), joined)
        self._add_threefold(total, words)
        result: Rows = np.log(total + 1e-300)
        return result

    def _add_threefold(self, total: Rows, words: Sequence[str]) -> None:
        """Compounds of three parts: Hunde-kot-tüten."""
        least = SHORTEST_COMPOUND_PART
        cuts = [
            (row, first, second)
            for row, word in enumerate(words)
            for first in range(least, len(word) - 2 * least + 1)
            for second in range(first + least, len(word) - least + 1)
        ]
        if not cuts:
            return
        parts = [
            part
            for row, first, second in cuts
            for part in (words[row][:first], words[row][first:second], words[row][second:])
        ]
        once, places = np.unique(np.array(parts), return_inverse=True)
        each = self.frequencies(once.tolist())[places].reshape(len(cuts), 3, -1)
        joined = each.prod(axis=1) * np.where(self._compounds, self._joined, 0.0) ** 2
        np.add.at(total, np.array([row for row, _, _ in cuts]), joined)

    def frequencies(self, words: Sequence[str]) -> Rows:
        """P(read as this, and a known word | language), float64 [len(words), L]."""
        pairs = np.array([key_and_mark(word) for word in words], np.uint64).reshape(-1, 2)
        at = np.minimum(np.searchsorted(self._keys, pairs[:, 0]), len(self._keys) - 1)
        found = np.flatnonzero(self._keys[at] == pairs[:, 0])
        counts = self._counts[at[found]]
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        entry = np.repeat(self._starts[at[found]], counts) + within
        row = np.repeat(found, counts)
        read, meant = pairs[row, 1], self._mark[entry]
        as_read = np.select(
            [read == meant, read == 0, meant == 0],
            [READ_AS_IS, MARKS_LOST, MARKS_ADDED],
            MARKS_WRONG,
        )
        result = np.zeros((len(words), len(self.languages)))
        value = as_read * self._frequency[self._nats8[entry]]
        np.add.at(result, (row, self._language[entry]), value)
        return result


@cache
def load_word_model() -> WordModel:
    """The tables of the package. Takes about 0.4 s and 30 MB."""
    return WordModel(read_arrays("words.npz"), load_letter_model())
