"""words.npz: the commonest words of each language."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import defaultdict
from pathlib import Path

import numpy as np
import wordfreq

from geotagger.text.cues.languages import AS_PRINTED
from geotagger.text.language.letters import load_letter_model
from geotagger.text.language.words import key_and_mark
from tools.build_data.languages.ngrams import MODELLED

MIN_FREQUENCY = 10**-5.9
"""Minimum frequency of words: at 10^-5.5, Russian would lack the word for chemist's."""
LIST_OF = {"tl": "fil", "hr": "sh", "bs": "sh", "sr": "sh", "nn": "nb", "af": "nl"}
"""The list that is used for a language, where it has another name."""
SHARED_WITH = {"hr": "sr", "sr": "hr", "nn": "nb", "af": "nl"}
"""Languages that share a list: each word is divided by the letter models of the two."""
NO_LIST_NEEDED = frozenset({"hi", "mr"})
CYRILLIC = {"lj": "љ", "nj": "њ", "dž": "џ"} | dict(
    zip("abvgdđežzijklmnoprstćufhcčš", "абвгдђежзијклмнопрстћуфхцчш", strict=True)
)


def words_of(language: str) -> dict[str, float]:
    """The commonest words and their share of all words in texts."""
    source = LIST_OF.get(language, language)
    if source not in wordfreq.available_languages("best") or language in NO_LIST_NEEDED:
        return {}
    frequencies: dict[str, float] = defaultdict(float)
    for text, frequency in wordfreq.get_frequency_dict(source).items():
        for word in re.findall(r"[^\W\d_]+", unicodedata.normalize("NFC", text)):
            frequencies[word.translate(AS_PRINTED)] += frequency
    common = sorted(word for word, value in frequencies.items() if value >= MIN_FREQUENCY)
    if language in SHARED_WITH:
        share = letters_share(common, language, SHARED_WITH[language])
    else:
        share = [0.5] * len(common)
    written = map(in_cyrillic, common) if language == "sr" else common
    return {
        new: 2 * part * frequencies[word]
        for word, new, part in zip(common, written, share, strict=True)
    }


def letters_share(words: list[str], language: str, other: str) -> list[float]:
    """Share of the first of two languages in each word, by their letter models."""
    letters = load_letter_model()
    logs = [
        letters.log_likelihood([in_cyrillic(word) for word in words] if code == "sr" else words)[
            :, letters.languages.index(code)
        ]
        for code in (language, other)
    ]
    share: list[float] = (1 / (1 + np.exp(np.clip(logs[1] - logs[0], -20, 20)))).tolist()
    return share


def in_cyrillic(word: str) -> str:
    for latin, cyrillic in CYRILLIC.items():
        word = word.replace(latin, cyrillic)
    return word


def write_words(path: Path) -> None:
    """Write each folded word with its languages, and its diacritics and frequency in each."""
    lists = {language: words for language in MODELLED if (words := words_of(language))}
    entries: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for index, words in enumerate(lists.values()):
        for word, frequency in words.items():
            key, mark = key_and_mark(word)
            nats8 = 2 * min(max(round(-math.log(frequency) * 4), 0), 127)
            entries[key].append((index, mark, nats8))
    keys = np.array(sorted(entries), np.int64)
    flat = np.array([entry for key in keys.tolist() for entry in sorted(entries[key])], np.uint8)
    steps = np.diff(keys, prepend=0)
    np.savez_compressed(
        path,
        languages=np.array(list(lists)),
        steps=np.array([steps >> shift & 255 for shift in (0, 8, 16, 24)], np.uint8),
        counts=np.array([len(entries[key]) for key in keys.tolist()], np.uint8),
        language=flat[:, 0],
        marks=flat[:, 1],
        nats8=flat[:, 2],
    )
