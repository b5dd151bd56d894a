"""Names that are rather plain words: `week` is an old spelling of Wick, `turkey` is a dinner.

The gazetteer has all names that a place ever had. Those that nobody uses on signs today cannot be
told from others by the name alone, but by how common they are as words, and how little they are
like the usual name.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from geotagger.geography.places import load_places
from geotagger.geography.sphere import haversine_km
from geotagger.text.gazetteer.context_words import OFFICIAL
from geotagger.text.gazetteer.gazetteer import GazetteerEntry, normalise
from geotagger.text.gazetteer.name_matches import NameMatch
from geotagger.text.language.words import load_word_model

MIN_ALIAS_LETTERS = 6
"""Shorter words are too easily a brand or misread letters to be another name of a place."""
MIN_PLAIN_RATIO = 17.0
"""Weakest cue of a usual name that is a plain word: `sale` is not Salé."""
MIN_SMALL_TOWN_RATIO = 100.0
"""The same for a small town: `beer`, `spring`, `paint`."""
FAMILIAR, MOST_FAMILIAR = 0.02, 0.06
"""Share of a language's words that names a town inhabited by all of its speakers, and the largest
one. Köln, Stockholm and Paris have 0.01 to 0.02. A usual name has the benefit of the doubt."""
MILLION_SPEAKERS = {
    "de": 100, "en": 1000, "es": 500, "fr": 150, "id": 200, "it": 65,
    "nl": 25, "pl": 40, "pt": 240, "ro": 24, "ru": 200, "sv": 10, "tr": 80,
}  # fmt: skip
"""Languages that are on signs and labels far from home, with the people who speak them."""
CITY_PEOPLE, MIN_CITY_FREQUENCY = 200_000, 1e-5
"""People of a large town, and how common its name is in a language that uses it: Wien, Lefkoşa."""
SMALL_TOWN_PEOPLE = 20_000
"""People of a place that is not in the places table."""
SAME_TOWN_KM, SAME_TOWN_DEGREES = 0.4, 0.004
"""A row of the places table so near is the same town: the points of names are rounded."""


def plausible_entries(entries: Sequence[GazetteerEntry], match: NameMatch) -> list[GazetteerEntry]:
    """The places that a word may mean, of those that have it as a name.

    Args:
        entries: the places.
        match: the name that was found. An official word next to it shows that it is one.
    """
    normal = match.normal
    is_rare = len(normal) >= MIN_ALIAS_LETTERS and not _is_known_word(normal)
    if is_rare or match.factor >= OFFICIAL or not normal.isascii():
        return list(entries)
    people: dict[
        tuple[str, str], int
    ] = {}  # a region has those of the city that it is called after
    for entry in entries:
        key = entry.name, entry.country
        people[key] = max(people.get(key, 0), _people(entry))
    return [
        entry
        for entry in entries
        if entry.kind == "country" or _is_plausible(entry, match, people[entry.name, entry.country])
    ]


def _is_plausible(entry: GazetteerEntry, match: NameMatch, people: int) -> bool:
    normal = match.normal
    usual = normalise(entry.name.partition("(")[0])
    if normal == usual:
        least = MIN_PLAIN_RATIO if people > SMALL_TOWN_PEOPLE else MIN_SMALL_TOWN_RATIO
        if entry.strength * match.factor >= least:
            return True
        return not _is_plain_word(normal, people, MOST_FAMILIAR)
    words, usual_words = set(normal.split()), set(usual.split())
    is_part = words < usual_words or usual_words < words
    if is_part:
        return not _is_plain_word(normal, people, MOST_FAMILIAR)
    is_city_name = (
        people >= CITY_PEOPLE
        and max(_word_frequency(normal), _word_frequency(match.words)) >= MIN_CITY_FREQUENCY
    )
    if (
        _first_sound(normal) != _first_sound(usual)
        and not is_city_name
        and (len(normal) < MIN_ALIAS_LETTERS or _is_known_word(normal))
    ):
        return False
    return not _is_plain_word(normal, people, MOST_FAMILIAR if is_city_name else FAMILIAR)


def _first_sound(normal: str) -> str:
    return {"c": "k", "q": "k", "w": "v"}.get(normal[0], normal[0])


def _is_known_word(normal: str) -> bool:
    """Whether a word list has every word of the name."""
    return _word_frequency(normal) > 0


@lru_cache(maxsize=4096)
def _word_frequency(words: str) -> float:
    """Frequency of the rarest of the words, each in the language that has it most."""
    return float(load_word_model().frequencies(words.split()).max(axis=1).min())


def _is_plain_word(normal: str, people: int, familiar: float) -> bool:
    """Whether the name is one word, commoner in a language than a town of its people makes it."""
    if " " in normal:
        return False
    return any(
        frequency > familiar * people / (MILLION_SPEAKERS[language] * 1e6)
        for language, frequency in _frequencies(normal).items()
    )


@lru_cache(maxsize=4096)
def _frequencies(normal: str) -> dict[str, float]:
    """Frequency of a word in each of the languages with many speakers that have it."""
    model = load_word_model()
    (frequencies,) = model.frequencies([normal])
    by_language = dict(zip(model.languages, frequencies.tolist(), strict=True))
    return {code: by_language[code] for code in MILLION_SPEAKERS if by_language[code] > 0}


@lru_cache(maxsize=65536)
def _people(entry: GazetteerEntry) -> int:
    """People of the place, by the row of the places table at its point."""
    places = load_places()
    rows = np.flatnonzero(abs(places.lat - entry.lat) < SAME_TOWN_DEGREES)
    km = haversine_km(entry.lat, entry.lon, places.lat[rows], places.lon[rows])
    here = rows[km <= SAME_TOWN_KM]
    return int(places.population[here].max(initial=0)) if len(here) else SMALL_TOWN_PEOPLE
