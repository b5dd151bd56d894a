"""Letter model: how likely a word is in each language, by its letters.

A chain of letter n-grams (n up to 5), interpolated. A known longer n-gram takes most of the weight;
an unknown one passes a share of the shorter one's probability on ("stupid backoff", Brants et al.
2007). `tools/build_data/languages` builds the tables. Words are in lower case.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from geotagger.data import read_arrays

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

MAX_N = 5
LOWER_ORDER_WEIGHT = 0.15
"""Weight of the shorter n-gram where the longer one is known."""
BACKOFF = 0.5
"""Factor on the shorter n-gram's probability where the longer one is unknown."""
UNKNOWN_LETTER_PROBABILITY = 1e-6
"""Of a letter that the language does not have."""
MIXING = np.array([0x9E3779B97F4A7C15 * (2 * i + 1) ** 3 % 2**64 | 1 for i in range(5)], np.uint64)


class LetterModel:
    """Letter n-grams of all languages.

    Attributes:
        languages: ISO 639-1 codes, [L].
    """

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """
        Args:
            arrays: those of `data/languages.npz`.
        """
        self.languages: tuple[str, ...] = tuple(arrays["languages"].tolist())
        hashes = _hashes(arrays["ngrams"])
        order = np.argsort(hashes)
        ends = np.cumsum(arrays["counts"], dtype=np.int64)
        self._hashes = hashes[order]
        self._starts = (ends - arrays["counts"])[order].astype(np.int32)
        self._counts = arrays["counts"][order]
        self._language = arrays["language"]
        self._probability = np.exp(-np.arange(256, dtype=np.float32) / 16)
        self._nats16 = arrays["nats16"]

    def log_likelihood(self, words: Sequence[str]) -> NDArray[np.float64]:
        """Return ln P(word | language), float64 [len(words), L]."""
        result = np.zeros((len(words), len(self.languages)))
        lengths = [len(word) for word in words]
        if not sum(lengths):
            return result
        ngrams = [
            word[max(end - n, 0) : end] if end >= n else ""
            for n in range(1, MAX_N + 1)
            for word in words
            for end in range(1, len(word) + 1)
        ]
        by_order = self._probabilities(ngrams).reshape(MAX_N, sum(lengths), -1)
        exists = np.array([bool(ngram) for ngram in ngrams]).reshape(MAX_N, -1, 1)
        p = by_order[0] + np.float32(UNKNOWN_LETTER_PROBABILITY)
        for longer, has_ngram in zip(by_order[1:], exists[1:], strict=True):
            interpolated = LOWER_ORDER_WEIGHT * p + (1 - LOWER_ORDER_WEIGHT) * longer
            mixed = np.where(longer > 0, interpolated, BACKOFF * p)
            p = np.where(has_ngram, mixed, p)
        not_empty = np.flatnonzero(lengths)
        starts = (np.cumsum(lengths) - np.array(lengths))[not_empty].astype(np.intp)
        result[not_empty] = np.add.reduceat(np.log(p), starts, axis=0)
        return result

    def knows(self, letter: str) -> NDArray[np.bool_]:
        """Whether each language has a letter, [L]."""
        known: NDArray[np.bool_] = self._probabilities([letter])[0] > 0
        return known

    def _probabilities(self, ngrams: Sequence[str]) -> NDArray[np.float32]:
        """P(last letter | the others) in each language, float32 [n, L]; 0 if unknown."""
        hashes = _hashes(np.array(ngrams, f"U{MAX_N}"))
        rows = np.minimum(np.searchsorted(self._hashes, hashes), len(self._hashes) - 1)
        known = np.flatnonzero(self._hashes[rows] == hashes)
        counts = self._counts[rows[known]].astype(np.int64)
        ends = np.cumsum(counts)
        within = np.arange(counts.sum()) - np.repeat(ends - counts, counts)
        entries = np.repeat(self._starts[rows[known]], counts) + within
        table = np.zeros((len(ngrams), len(self.languages)), np.float32)
        probability = self._probability[self._nats16[entries]]
        table[np.repeat(known, counts), self._language[entries]] = probability
        return table


def _hashes(ngrams: NDArray[np.str_]) -> NDArray[np.uint64]:
    """A 64-bit hash of each; a million n-grams are not expected to collide."""
    codes = np.ascontiguousarray(ngrams).view(np.uint32).reshape(len(ngrams), MAX_N)
    mixed = (codes.astype(np.uint64) + np.uint64(1)) * MIXING
    mixed ^= mixed >> np.uint64(29)
    hashes: NDArray[np.uint64] = (mixed * MIXING[::-1]).sum(axis=1, dtype=np.uint64)
    return hashes


@cache
def load_letter_model() -> LetterModel:
    """Return the model of the package. Loading takes about 0.2 s and 12 MB."""
    return LetterModel(read_arrays("languages.npz"))
