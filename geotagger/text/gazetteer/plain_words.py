"""Names that are rather plain words, persons or goods: `week` is an old spelling of Wick.

The gazetteer has all names that a place ever had. Those that nobody uses on signs today cannot be
told from others by the name alone, but by how common they are as words, and how little they are
like the usual name. Names that may as well be a word, a person or a product count only if the rest
of the text supports them (`text/support.py`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache

from geotagger.text.country_profiles import country_profiles
from geotagger.text.gazetteer.context_words import OFFICIAL
from geotagger.text.gazetteer.gazetteer import GazetteerEntry, normalise
from geotagger.text.gazetteer.name_matches import CONTEXT_WORDS, NameMatch
from geotagger.text.gazetteer.persons import load_person_names
from geotagger.text.gazetteer.tokens import ABBREVIATIONS
from geotagger.text.gazetteer.travelling_names import WORLD_BRAND, travelling_names
from geotagger.text.language.words import load_word_model
from geotagger.text.types import NeededSupport

MIN_ALIAS_LETTERS = 6
"""Shorter words are too easily a brand or misread letters to be another name of a place."""
MIN_PLAIN_RATIO = 17.0
"""Weakest cue of a usual name that is a plain word: `sale` is not Salé."""
MIN_SMALL_TOWN_RATIO = 100.0
"""The same for a small town: `beer`, `spring`, `paint`."""
FAMILIAR, MOST_FAMILIAR = 0.02, 0.06
"""Share of a language's words that names a town inhabited by all of its speakers, and the largest
one. Köln, Stockholm and Paris have 0.01 to 0.02. A usual name has the benefit of the doubt."""
FOREIGN_ALIKE, FOREIGN = 0.25, 0.1
"""Factors on these shares for a name in a language that is not spoken in the country of the town,
if it begins like the usual name (`Londres`), and if not (`Peking`)."""
MIN_SPOKEN = 0.16
"""Smallest share of a language on the signs of a country that speaks it; English for tourists has
0.15."""
MILLION_SPEAKERS = {
    "de": 100, "en": 1000, "es": 500, "fr": 150, "id": 200, "it": 65,
    "nl": 25, "pl": 40, "pt": 240, "ro": 24, "ru": 200, "sv": 10, "tr": 80,
}  # fmt: skip
"""Languages that are on signs and labels far from home, with the people who speak them."""
NATIVE_SPEAKERS = {"ar": 300, "bg": 7, "fa": 80, "mk": 2, "ru": 200, "sr": 8, "uk": 40, "ur": 100}
"""Millions of speakers of languages with a word list and other letters than Latin ones."""
CITY_PEOPLE, MIN_CITY_FREQUENCY = 200_000, 1e-6
"""People of a well-known town, and how common its name is in a language that uses it: Wien."""
SMALL_TOWN_PEOPLE = 20_000
"""Fewer people share their town's name with persons, novels and other small towns."""
LARGE_TOWN_PEOPLE = 150_000
"""The usual name of a town with so many people is no less likely the town than a product."""
COMMON_WORD = 1e-5
"""Frequency of a common word."""
ACRONYM_LETTERS = 3
"""A name with so few letters may be an acronym."""
BEARERS_SHARE = 1.0
"""A name that more persons have, relative to the people of the town, is rather a person's."""


def plausible_entries(entries: Sequence[GazetteerEntry], match: NameMatch) -> list[GazetteerEntry]:
    """The places that a word may mean, of those that have it as a name.

    Args:
        entries: the places.
        match: the name that was found. An official word next to it shows that it is one.
    """
    normal = match.normal
    if not normal.isascii() and match.context < OFFICIAL and _is_native_word(entries, match):
        return [entry for entry in entries if entry.kind != "district"]
    is_rare = len(normal) >= MIN_ALIAS_LETTERS and not _is_known_word(normal)
    if is_rare or match.context >= OFFICIAL or not normal.isascii():
        return list(entries)
    people = _people_by_name(entries)
    plausible = [
        entry
        for entry in entries
        if entry.kind == "country" or _is_plausible(entry, match, people[entry.name, entry.country])
    ]
    usual = [entry for entry in plausible if _usual(entry) == normal]
    if not any(entry.people >= LARGE_TOWN_PEOPLE for entry in usual):
        return plausible
    return [entry for entry in plausible if entry in usual or _is_part(normal, _usual(entry))]


def needed_support(entries: Sequence[GazetteerEntry], match: NameMatch) -> NeededSupport:
    """What the rest of the text must say for a name to count.

    Args:
        entries: the plausible places, at least one.
        match: the name that was found. An official word, a postcode or the code of a region next to
            it is support enough.
    """
    normal = match.normal
    if match.context >= OFFICIAL and match.letter_case < 1:
        return NeededSupport.ANY
    if match.context >= OFFICIAL or match.region_code:
        return NeededSupport.NONE
    if not normal.isascii():
        return _native_support(entries, match)
    if any(entry.kind == "country" for entry in entries):
        return NeededSupport.NONE
    by_name = _people_by_name(entries)
    usual = [entry for entry in entries if _is_usual(entry, normal)]
    cities = [entry for entry in entries if _is_city_name(entry, normal, by_name)]
    named = [*usual, *cities] or entries
    people = max(by_name[entry.name, entry.country] for entry in named)
    kind = travelling_names().get(normal, "")
    is_product = kind and (kind == WORLD_BRAND or people < LARGE_TOWN_PEOPLE)
    plain_in = _languages_of_plain_word(normal, people, MOST_FAMILIAR)
    if is_product or match.letter_case < 1 or any(plain_in & _spoken(entry) for entry in named):
        return NeededSupport.SURE
    if match.context < 1 or not (usual or cities or _is_rare_spelling(entries, normal)):
        return NeededSupport.ANY
    if len(normal) <= ACRONYM_LETTERS and people < LARGE_TOWN_PEOPLE:
        return NeededSupport.ANY
    if _is_person(normal, people) or _has_other_diacritics(match, usual):
        return NeededSupport.ANY
    is_ambiguous = len(named) > 1 and people < SMALL_TOWN_PEOPLE
    return NeededSupport.ANY if plain_in or is_ambiguous else NeededSupport.NONE


def _native_support(entries: Sequence[GazetteerEntry], match: NameMatch) -> NeededSupport:
    """What a name in other letters needs, which has no official word next to it."""
    if any(entry.kind == "country" for entry in entries):
        return NeededSupport.NONE
    if _is_native_word(entries, match):
        is_city = max(entry.people for entry in entries) >= LARGE_TOWN_PEOPLE
        return NeededSupport.ANY if is_city else NeededSupport.SURE
    return NeededSupport.NONE


def _is_native_word(entries: Sequence[GazetteerEntry], match: NameMatch) -> bool:
    """Whether a name in other letters is rather a word of signs, or a common one of a language."""
    words = match.normal.split()
    if all(word in CONTEXT_WORDS for word in words):
        return True
    if len(words) > 1:
        return False
    people = max(entry.people for entry in entries)
    model = load_word_model()
    (frequencies,) = model.frequencies([match.words.lower()])
    by_language = dict(zip(model.languages, frequencies.tolist(), strict=True))
    return any(
        by_language[language] > MOST_FAMILIAR * people / (millions * 1e6)
        for language, millions in NATIVE_SPEAKERS.items()
    )


def _is_rare_spelling(entries: Sequence[GazetteerEntry], normal: str) -> bool:
    """Whether it is no word, and begins like the usual name (`Samarqand`) or is that of a city."""
    return (
        len(normal) >= MIN_ALIAS_LETTERS
        and not _is_known_word(normal)
        and any(
            entry.people >= CITY_PEOPLE or _first_sound(normal) == _first_sound(_usual(entry))
            for entry in entries
        )
    )


def _people_by_name(entries: Sequence[GazetteerEntry]) -> Mapping[tuple[str, str], float]:
    """People by name and country: a region has those of the city that it is called after."""
    people: dict[tuple[str, str], float] = {}
    for entry in entries:
        key = entry.name, entry.country
        least = 0.0 if entry.kind == "town" else SMALL_TOWN_PEOPLE
        people[key] = max(people.get(key, least), entry.people)
    return people


def _usual(entry: GazetteerEntry) -> str:
    return normalise(entry.name.partition("(")[0])


def _is_usual(entry: GazetteerEntry, normal: str) -> bool:
    """Whether it is the usual name of the place, or that with an abbreviation: St. Pölten."""
    first, _, rest = normal.partition(" ")
    forms = {normal, *(f"{full} {rest}" for full in ABBREVIATIONS.get(first, ()))}
    return _usual(entry) in forms


def _is_plausible(entry: GazetteerEntry, match: NameMatch, people: float) -> bool:
    normal, usual = match.normal, _usual(entry)
    if normal == usual:
        least = MIN_PLAIN_RATIO if people > SMALL_TOWN_PEOPLE else MIN_SMALL_TOWN_RATIO
        if entry.strength * match.factor >= least:
            return True
        return not _is_plain_word(normal, people, MOST_FAMILIAR)
    if _is_part(normal, usual):
        return not _is_plain_word(normal, people, MOST_FAMILIAR)
    is_city_name = _is_city_name(entry, normal, {(entry.name, entry.country): people})
    if (
        _first_sound(normal) != _first_sound(usual)
        and not is_city_name
        and (len(normal) < MIN_ALIAS_LETTERS or _is_known_word(normal))
    ):
        return False
    return not _is_plain_word(normal, people, MOST_FAMILIAR if is_city_name else FAMILIAR)


def _is_part(normal: str, usual: str) -> bool:
    """Whether one name has all words of the other, and more."""
    words, usual_words = set(normal.split()), set(usual.split())
    return words < usual_words or usual_words < words


def _is_city_name(
    entry: GazetteerEntry, normal: str, people: Mapping[tuple[str, str], float]
) -> bool:
    """Whether a language has the name as that of a large town, and none as a plain word."""
    town_people = people[entry.name, entry.country]
    if town_people < CITY_PEOPLE or _word_frequency(normal) < MIN_CITY_FREQUENCY:
        return False
    is_alike = _first_sound(normal) == _first_sound(_usual(entry))
    foreign = FOREIGN_ALIKE if is_alike else FOREIGN
    spoken = _spoken(entry)
    return all(
        frequency
        <= FAMILIAR
        * (1.0 if language in spoken else foreign)
        * town_people
        / (MILLION_SPEAKERS[language] * 1e6)
        for language, frequency in _frequencies(normal).items()
    )


def _spoken(entry: GazetteerEntry) -> frozenset[str]:
    return _spoken_languages(entry.country)


@lru_cache(maxsize=512)
def _spoken_languages(country: str) -> frozenset[str]:
    shares = country_profiles()[country].languages
    return frozenset(key.partition("_")[0] for key, share in shares.items() if share >= MIN_SPOKEN)


def _first_sound(normal: str) -> str:
    return {"c": "k", "q": "k", "w": "v"}.get(normal[0], normal[0])


def _is_person(normal: str, people: float) -> bool:
    """Whether it is a given name or surname of many people, relative to those of the town."""
    persons = load_person_names()
    return max(persons.given(normal), persons.surname(normal)) > BEARERS_SHARE * people


def _has_other_diacritics(match: NameMatch, usual: Sequence[GazetteerEntry]) -> bool:
    """Whether the word has diacritics that no town of the name has: `Cortázar` is not Cortazar.

    The recogniser loses diacritics, but hardly ever adds any.
    """
    marks = _diacritics(match.words)
    names = [entry.name for entry in usual if entry.people < LARGE_TOWN_PEOPLE]
    return bool(marks and len(names) == len(usual) > 0) and not any(
        marks <= _diacritics(name) for name in names
    )


def _diacritics(text: str) -> set[str]:
    """The combining marks of a text, without the dots of Turkish capitals."""
    return {
        mark
        for letter in text.replace("İ", "I")
        for mark in unicodedata.normalize("NFD", letter)[1:]
        if unicodedata.combining(mark)
    }


def _is_known_word(normal: str) -> bool:
    """Whether a word list has every word of the name."""
    return _word_frequency(normal) > 0


@lru_cache(maxsize=4096)
def _word_frequency(words: str) -> float:
    """Frequency of the rarest of the words, each in the language that has it most."""
    return float(load_word_model().frequencies(words.split()).max(axis=1).min())


def _is_plain_word(normal: str, people: float, familiar: float) -> bool:
    """Whether the name is one word, commoner in a language than a town of its people makes it."""
    return " " not in normal and bool(_languages_of_plain_word(normal, people, familiar))


def _languages_of_plain_word(normal: str, people: float, familiar: float) -> frozenset[str]:
    """Languages in which a name of one word is commoner than a town of its people makes it, or in
    which all words of a small town's name are common."""
    if " " in normal:
        return _languages_of_common_words(normal) if people < SMALL_TOWN_PEOPLE else frozenset()
    return frozenset(
        language
        for language, frequency in _frequencies(normal).items()
        if frequency > familiar * people / (MILLION_SPEAKERS[language] * 1e6)
    )


@lru_cache(maxsize=4096)
def _languages_of_common_words(words: str) -> frozenset[str]:
    """Languages with many speakers in which every one of the words is common."""
    model = load_word_model()
    rarest = model.frequencies(words.split()).min(axis=0).tolist()
    by_language = dict(zip(model.languages, rarest, strict=True))
    return frozenset(code for code in MILLION_SPEAKERS if by_language[code] >= COMMON_WORD)


@lru_cache(maxsize=4096)
def _frequencies(normal: str) -> dict[str, float]:
    """Frequency of a word in each of the languages with many speakers that have it."""
    model = load_word_model()
    (frequencies,) = model.frequencies([normal])
    by_language = dict(zip(model.languages, frequencies.tolist(), strict=True))
    return {code: by_language[code] for code in MILLION_SPEAKERS if by_language[code] > 0}
