"""An entry of the gazetteer, and the spellings of a name."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field

from geotagger.text.gazetteer.gazetteer import normalise

OWN = {"town": 0.1, "district": 0.05, "region": 0.05, "country": 0.02}
"""Share of photos with text that show the name of their own place. Towns: 11 of 63 photos of signs,
halved because those photos were taken of signs on purpose."""
FAME = 0.1
"""Mentions far from a place, beyond those in word lists, relative to those at the place."""
SUFFIXES = {
    "CJK": re.compile("(特別区|自治区|自治州|自治縣|自治县|[市县縣県区區町村都府省州郡乡鄉镇鎮])$"),
    "HANGUL": re.compile("(특별자치시|특별자치도|특별시|광역시|[시군구읍면동도])$"),
    "MYANMAR": re.compile("မြို့$"),
    "KHMER": re.compile("^(ក្រុង|ស្រុក|ខេត្ត|ភូមិ)\\s*"),
    "LAO": re.compile("^(ເມືອງ|ແຂວງ|ບ້ານ|ມ\\.)\\s*"),
    "THAI": re.compile("^(เทศบาลนคร|เทศบาลเมือง|เทศบาลตำบล|อำเภอ|ตำบล|จังหวัด)\\s*"),
    "BENGALI": re.compile(" (জেলা|জিলা|টাউন)$"),
    "DEVANAGARI": re.compile(" (उप)?(महा)?नगरपालिका$"),
    "ETHIOPIC": re.compile(" ከተማ$"),
    "CYRILLIC": re.compile(" (хот|шаары|қаласы|шаҳри)$"),
}
"""Generic parts of place names, also in `geotagger.text.gazetteer.context_words`."""
UMLAUTS = str.maketrans(
    {
        "ä": "ae",
        "ö": "oe",
        "ü": "ue",
        "å": "aa",
        "Ä": "Ae",
        "Ö": "Oe",
        "Ü": "Ue",
        "Å": "Aa",
        "ø": "oe",
    }
)


@dataclass(slots=True)
class GazetteerEntry:
    """A place and its names."""

    name: str
    kind: str
    country: str
    lat: float
    lon: float
    radius_km: float
    share: float = 1.0
    """Share of the photos near the row of the places table that are taken in this place."""
    people: float = 0.0
    known_people: float = 0.0
    """People of a town that is as often written about: more than `people` for a famous one."""
    fame: float = 0.0
    """Share of photos elsewhere that name the place, beyond the word lists."""
    names: dict[str, float] = field(default_factory=dict)
    """Normalised name -> share of the local signs that use it."""

    def __post_init__(self) -> None:
        self.known_people = max(self.known_people, self.people)


def spellings(name: str) -> list[str]:
    """The normalised name without its generic part.

    Also with ä as ae, and in Persian with a space or nothing where a part of the word ends.
    """
    ending = SUFFIXES.get(script_of(name))
    stem = ending.sub("", name) if ending else name
    found = [normalise(stem if len(stem) >= 2 else name)]
    if "\u200c" in name and script_of(name) == "ARABIC":
        found += [normalise(name.replace("\u200c", between)) for between in (" ", "")]
    if any(letter in name for letter in "äöüåÄÖÜÅø"):
        found.append(normalise(name.translate(UMLAUTS)))
    return [name for name in found if name]


def script_of(name: str) -> str:
    """First word of the Unicode name of the first letter: LATIN, CYRILLIC, CJK, ..."""
    for letter in name:
        if letter.isalpha():
            return unicodedata.name(letter, "?").split()[0]
    return ""


def likeness(name: str, other: str) -> float:
    """Dice coefficient of the letter pairs of two names, 0 to 1."""
    if name == other:
        return 1.0
    pairs, others = Counter(itertools.pairwise(name)), Counter(itertools.pairwise(other))
    return 2 * sum((pairs & others).values()) / max(len(name) + len(other) - 2, 1) * 0.99
