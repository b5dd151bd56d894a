"""How likely a word is in each language, by its letters.

A chain of letter n-grams (n up to 5), interpolated: a known longer n-gram takes most of the weight,
an unknown one passes a share of the shorter one's probability on ("stupid backoff", Brants et al.
2007). Tables from `tools/build_data/languages`. Words are taken in lower case.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from geotagger.data import read_arrays

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

LONGEST = 5
LOWER_ORDER = 0.15
UNKNOWN = 0.5
FLOOR = 1e-6
"""Probability of a letter that the language does not have."""
MIXING = np.array([0x9E3779B97F4A7C15 * (2 * i + 1) ** 3 % 2**64 | 1 for i in range(5)], np.uint64)


class LetterModel:
    """languages: ISO 639-1 codes, [L]."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.languages: tuple[str, ...] = tuple(arrays["languages"].tolist())
        keys = _keys(arrays["ngrams"])
        order = np.argsort(keys)
        ends = np.cumsum(arrays["counts"], dtype=np.int64)
        self._keys = keys[order]
        self._starts = (ends - arrays["counts"])[order].astype(np.int32)
        self._counts = arrays["counts"][order]
        self._language = arrays["language"]
        self._p = np.exp(-np.arange(256, dtype=np.float32) / 16)
        self._nats16 = arrays["nats16"]

    def log_likelihood(self, words: Sequence[str]) -> NDArray[np.float64]:
        """ln P(word | language), float64 [len(words), L]."""
        result = np.zeros((len(words), len(self.languages)))
        lengths = [len(word) for word in words]
        if not sum(lengths):
            return result
        ngrams = [
            word[max(end - n, 0) : end] if end >= n else ""
            for n in range(1, LONGEST + 1)
            for word in words
            for end in range(1, len(word) + 1)
        ]
        known = self._probabilities(ngrams).reshape(LONGEST, sum(lengths), -1)
        p = known[0] + np.float32(FLOOR)
        exists = np.array([bool(ngram) for ngram in ngrams]).reshape(LONGEST, -1, 1)
        for longer, there in zip(known[1:], exists[1:], strict=True):
            mixed = np.where(longer > 0, LOWER_ORDER * p + (1 - LOWER_ORDER) * longer, UNKNOWN * p)
            p = np.where(there, mixed, p)
        filled = np.flatnonzero(lengths)
        starts = (np.cumsum(lengths) - np.array(lengths))[filled].astype(np.intp)
        result[filled] = np.add.reduceat(np.log(p), starts, axis=0)
        return result

    def _probabilities(self, ngrams: Sequence[str]) -> NDArray[np.float32]:
        """P(last letter | the others) in each language, float32 [n, L]; 0 where unknown."""
        keys = _keys(np.array(ngrams, f"U{LONGEST}"))
        rows = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        found = np.flatnonzero(self._keys[rows] == keys)
        counts = self._counts[rows[found]].astype(np.int64)
        ends = np.cumsum(counts)
        within = np.arange(counts.sum()) - np.repeat(ends - counts, counts)
        entries = np.repeat(self._starts[rows[found]], counts) + within
        table = np.zeros((len(ngrams), len(self.languages)), np.float32)
        table[np.repeat(found, counts), self._language[entries]] = self._p[self._nats16[entries]]
        return table


def _keys(ngrams: NDArray[np.str_]) -> NDArray[np.uint64]:
    """A 64-bit hash of each; among a million n-grams two alike are not expected."""
    codes = np.ascontiguousarray(ngrams).view(np.uint32).reshape(len(ngrams), LONGEST)
    mixed = (codes.astype(np.uint64) + np.uint64(1)) * MIXING
    mixed ^= mixed >> np.uint64(29)
    keys: NDArray[np.uint64] = (mixed * MIXING[::-1]).sum(axis=1, dtype=np.uint64)
    return keys


@cache
def load_letter_model() -> LetterModel:
    """The tables of the package. Takes about 0.2 s and 12 MB."""
    return LetterModel(read_arrays("languages.npz"))
