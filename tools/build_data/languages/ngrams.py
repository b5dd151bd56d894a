"""languages.npz: probabilities of letter n-grams in each language."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import brotli
import numpy as np

from tools.build_data.languages import cldr_texts

if TYPE_CHECKING:
    from collections.abc import Mapping

MODELLED = (
    *("af", "ar", "az", "be", "bg", "bs", "ca", "cs", "cy", "da", "de", "en", "es", "et", "eu"),
    *("fa", "fi", "fr", "ga", "hi", "hr", "hu", "id", "is", "it", "kk", "lt", "lv", "mk", "mn"),
    *("mr", "ms", "nb", "nl", "nn", "pl", "pt", "ro", "ru", "sk", "sl", "so", "sq", "sr", "sv"),
    *("sw", "tl", "tr", "uk", "ur", "vi", "zu", "ckb", "ky", "ne", "ps", "tg", "uz"),
)
"""Languages with a letter model. A language that is alone in its script needs none."""
LOWER_ORDER = 0.15
"""Weight of the shorter n-gram where the longer one is known (see
geotagger/text/language/letters.py)."""
UNKNOWN = 0.5
PRUNE_NATS = 1e-5
"""An n-gram is kept if its removal would cost more than this per letter of text."""


def read_ngrams(folder: Path) -> list[dict[str, float]]:
    """[n] -> n-gram -> probability of its last letter given the others; [0] is empty."""
    tables: list[dict[str, float]] = [{}]
    for name in ("unigrams", "bigrams", "trigrams", "quadrigrams", "fivegrams"):
        packed = (folder / f"{name}.json.br").read_bytes()
        groups = json.loads(brotli.decompress(packed))["ngrams"]
        tables.append({g: float(Fraction(f)) for f, v in groups.items() for g in v.split(" ")})
    return tables


def pruned(tables: list[dict[str, float]]) -> dict[str, float]:
    """The n-grams that are frequent and differ from their shorter n-grams (Stolcke 1998)."""
    kept = {g: p for g, p in tables[1].items() if p > PRUNE_NATS}
    joint, smooth = tables[1], tables[1]
    for table in tables[2:]:
        next_joint, next_smooth = {}, {}
        for ngram, p in table.items():
            shorter = smooth.get(ngram[1:], 1e-7)
            value = LOWER_ORDER * shorter + (1 - LOWER_ORDER) * p
            weight = joint.get(ngram[:-1], 0.0) * p
            next_joint[ngram], next_smooth[ngram] = weight, value
            if weight * abs(math.log(value / (UNKNOWN * shorter))) > PRUNE_NATS:
                kept[ngram] = p
        joint, smooth = next_joint, next_smooth
    return kept


def write_languages(models: Path, cldr: Path, path: Path) -> None:
    entries: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for index, language in enumerate(MODELLED):
        if language in cldr_texts.SCRIPT_AND_FILE:
            tables = cldr_texts.ngram_tables(cldr_texts.words(cldr, language))
        else:
            tables = read_ngrams(models / language)
        for ngram, p in pruned(tables).items():
            entries[ngram].append((index, min(round(-math.log(p) * 16), 255)))
    write_ngrams(entries, path)


def write_ngrams(entries: Mapping[str, list[tuple[int, int]]], path: Path) -> None:
    ngrams = sorted(entries)
    counts = np.array([len(entries[ngram]) for ngram in ngrams], np.uint8)
    flat = np.array([pair for ngram in ngrams for pair in entries[ngram]], np.uint8)
    np.savez_compressed(
        path,
        languages=np.array(MODELLED),
        ngrams=np.array(ngrams, "U5"),
        counts=counts,
        language=flat[:, 0],
        nats16=flat[:, 1],
    )
