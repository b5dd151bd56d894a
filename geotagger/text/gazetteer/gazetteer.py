"""The gazetteer: which places have a name, and how strong the name is as evidence of each.

For each name and each of its places the data have two likelihood ratios, both against the world:

    strength = P(name on a sign | photo taken there) / P(name on a sign | anywhere in the world)
    abroad   = P(name on a sign | elsewhere in that country) / P(name on a sign | anywhere)

`tools/build_data/names` computes them from word frequencies and builds `data/names.npz`. Names are
stored as 48-bit hashes of their normalised form. With half a million names, a false hit happens
once in 500 million look-ups.
"""

# ruff: noqa: RUF001, RUF002  letters of other scripts look like Latin ones, on purpose

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from geotagger.data import read_arrays

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

KINDS = ("town", "district", "region", "country")

LOG_STEP = 0.1
"""Ratios are stored as bytes: a byte is the natural logarithm in steps of this size ..."""
LOG_LEAST = -3.0
"""... above this value."""

PEOPLE_STEP = 0.1
"""Numbers of people are stored as natural logarithms in steps of this size."""

_MARKS = re.compile(
    "[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0640\u064b-\u065f\u0670\u093c]"
)
"""Diacritics, points of vowels, kashida, and the nukta, which Hindi signs often lack."""
_LETTERS = str.maketrans(
    {
        "ø": "o",
        "æ": "ae",
        "œ": "oe",
        "đ": "d",
        "ð": "d",
        "ł": "l",
        "ı": "i",
        "þ": "th",
        "ə": "e",
        "ħ": "h",
        **dict(zip("қҡғґңҳһҷөүұє", "ккггнххчоууе", strict=True)),
        **dict.fromkeys("أإآٱ", "ا"),
        **dict.fromkeys("ىیےېۍێ", "ي"),
        **dict.fromkeys("کڪ", "ك"),
        **dict.fromkeys("ةەہھۃ", "ه"),
        "ۆ": "و",
        "ڕ": "ر",
        "ڵ": "ل",
        "ګ": "گ",
        "ँ": "ं",
        "ຼ": "ລ",
        **dict(zip("ሐሑሒሓሔሕሖኀኁኂኃኄኅኆ", "ሀሁሂሀሄህሆሀሁሂሀሄህሆ", strict=True)),
        **dict(zip("ሃሠሡሢሣሤሥሦዐዑዒዓዔዕዖኣ", "ሀሰሱሲሳሴስሶአኡኢአኤእኦአ", strict=True)),
        **dict(zip("ፀፁፂፃፄፅፆ", "ጸጹጺጻጼጽጾ", strict=True)),
    }
)
"""Letters that people, keyboards and recognisers write for each other."""
_CHILLU = dict(zip("ണനരലളക", "ൺൻർൽൾൿ", strict=True))
_SEQUENCES = (
    (re.compile("ङ्(?=[क-घ])|ञ्(?=[च-झ])|ण्(?=[ट-ढ])|न्(?=[त-ध])|म्(?=[प-भ])"), "ं"),
    (re.compile("եւ"), "եվ"),
    (re.compile("เเ"), "แ"),
    (re.compile("([ണനരലളക])്\u200d"), lambda match: _CHILLU[match[1]]),
)
"""Nasals before consonants (चण्डीगढ़, चंडीगढ़); Armenian `և`, whose capitals are `ԵՎ`; the Thai vowel
written as two; Malayalam letters without a vowel in their older spelling."""
_SILENT = re.compile("['’‘ʼʻ`´ʹʿʾ׳״\u200b\u200c\u200d]")
_SEPARATORS = re.compile(
    r"(?:[^\w\u0900-\u0963\u0966-\u0dff\u0e00-\u0eff\u0f00-\u1049\u1050-\u109f\u1780-\u17d3]|_)+"
)


def normalise(text: str) -> str:
    """Return the form of a name by which it is looked up.

    Lower case, no diacritics, no apostrophes, single spaces: "L’Haÿ-les-Roses" becomes
    "lhay les roses". Vowel signs of Thai and of the scripts of India are letters and stay.
    """
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    text = text.translate(_LETTERS)
    if not text.isascii():
        for pattern, replacement in _SEQUENCES:
            text = pattern.sub(replacement, text)
    text = _SILENT.sub("", _MARKS.sub("", text))
    return _SEPARATORS.sub(" ", unicodedata.normalize("NFC", text)).strip()


def name_hash(normalised: str) -> int:
    """Return 48 bits of BLAKE2b."""
    return int.from_bytes(hashlib.blake2b(normalised.encode(), digest_size=6).digest(), "big")


@dataclass(frozen=True, slots=True)
class GazetteerEntry:
    """A place that has the name that was looked up."""

    name: str
    """Its usual name: "Köln"."""
    kind: str
    """One of KINDS."""
    country: str
    """ISO 3166-1 alpha-2 code."""
    lat: float
    """Degrees."""
    lon: float
    """Degrees."""
    radius_km: float
    """Size of the place."""
    strength: float
    """Likelihood ratio in the place; see the module."""
    abroad: float
    """Likelihood ratio elsewhere in its country."""
    people: float
    """People of a town, more for a famous one (`known_people` in `tools/build_data/names`), or of a
    region; 1 for a district."""


class Gazetteer:
    """Names and the places that have them; immutable."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """
        Args:
            arrays: those of `data/names.npz`. A link is a pair of a name and a place.
        """
        buckets = np.repeat(np.arange(1 << 16, dtype=np.uint64), arrays["bucket_sizes"])
        self._hashes = (buckets << np.uint64(32)) | arrays["hashes"]
        self._link_ends = np.cumsum(arrays["bearer_counts"], dtype=np.int64)
        self._place_of_link = arrays["bearers"]
        self._strengths = arrays["strengths"]
        self._abroad = arrays["abroad"]
        self._lat = arrays["lat"]
        self._lon = arrays["lon"]
        self._radius_km = arrays["radius_km"]
        self._country = arrays["country"]
        self._kind = arrays["kind"]
        self._people = arrays["people"]
        self._codes: list[str] = arrays["codes"].tobytes().decode().split("\n")
        self._names = arrays["names"].tobytes()
        self._name_ends = np.flatnonzero(arrays["names"] == ord("\n"))
        self.big_names = frozenset(arrays["big_names"].tobytes().decode().split())
        """Usual names, of one word, of towns with at least 50,000 people."""

    def __len__(self) -> int:
        """Return the number of different names."""
        return len(self._hashes)

    def __contains__(self, normalised: str) -> bool:
        return self._index(normalised) is not None

    def lookup(self, normalised: str) -> list[GazetteerEntry]:
        """Return the places that have a name, the strongest first; none for an unknown name."""
        index = self._index(normalised)
        if index is None:
            return []
        start = int(self._link_ends[index - 1]) if index else 0
        return [self._entry(link) for link in range(start, int(self._link_ends[index]))]

    def _index(self, normalised: str) -> int | None:
        wanted = np.uint64(name_hash(normalised))
        index = int(np.searchsorted(self._hashes, wanted))
        return index if index < len(self._hashes) and self._hashes[index] == wanted else None

    def _entry(self, link: int) -> GazetteerEntry:
        place = int(self._place_of_link[link])
        start = int(self._name_ends[place - 1]) + 1 if place else 0
        return GazetteerEntry(
            name=self._names[start : int(self._name_ends[place])].decode(),
            kind=KINDS[self._kind[place]],
            country=self._codes[self._country[place]],
            lat=float(self._lat[place]) * 180 / 65535 - 90,
            lon=float(self._lon[place]) * 360 / 65535 - 180,
            radius_km=float(self._radius_km[place]),
            strength=_ratio(self._strengths[link]),
            abroad=_ratio(self._abroad[link]),
            people=float(np.exp(int(self._people[place]) * PEOPLE_STEP)),
        )


def _ratio(code: np.uint8) -> float:
    return float(np.exp(int(code) * LOG_STEP + LOG_LEAST))


@cache
def load_gazetteer() -> Gazetteer:
    """Return the gazetteer of the package; it is read once."""
    return Gazetteer(read_arrays("names.npz"))
