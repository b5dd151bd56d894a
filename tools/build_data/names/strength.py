"""The strength of a name on a sign as evidence for a place."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from geotagger.text.gazetteer.gazetteer import normalise
from geotagger.text.gazetteer.tokens import ABBREVIATIONS
from tools.build_data.names.countries import ENGLISH_NAME
from tools.build_data.names.entry import OWN, GazetteerEntry, likeness, script_of
from tools.build_data.names.languages import Languages, list_of, scripts_of
from tools.build_data.names.words import RARE_IN_SMALL_LIST, WORDS, Words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

ON_SIGNS = 2.5
"""Factor by which words rarer than 1e-4 are more frequent on signs than in word lists, as signs
have fewer function words. Measured on the signs in tests/data/sign_texts.csv that do not name
their town."""
UNSEEN = 1e-6
"""Share of photos that show a given rare word by chance: a surname, a brand, an invented word."""
FAMILIAR = 0.02
"""Share of a language's words that would name a town inhabited by all of its speakers. Measured on
Köln, Stockholm and Paris: 0.01 to 0.02. A more frequent name is also a word."""
FOREIGN = 0.1
"""Factor for languages of other countries."""
REGION_FAMILIAR = 0.2
"""Factor for regions, relative to towns of the same population."""
KNOWN_FROM = 0.1
"""The most frequent name of a town has at least this share of its expected frequency, so a rare hit
in a word list does not turn a variant into the main name."""
NAMESAKE = 0.3
"""Among places of one name the share of signs goes with this power of the population. Smaller
places get less than by the prior of `fusion`, which is fitted to photos of sights, not of signs."""
MIN_SHARE = 0.01
EXONYM_SHARE = 0.2
"""Use of the English name relative to the local one."""
FOREIGN_EXONYM_SHARE = 0.03
"""The same of a name in a language that is neither local nor English."""
KNOWN_ABROAD = 100_000
"""A town with fewer people, by how much is written about it, has no names in other languages."""
MOST_USUAL, USED = 30.0, 0.3
"""A town's name in another language is at most so many times as frequent there as a town of that
size is, and at least so frequent, relative to the most frequent of its names there."""
VARIANT_SHARE = 0.03
NEAR = 0.7
"""Likeness above which two names may be spellings of one name."""


def weigh_names(bearer: GazetteerEntry, words: Words) -> None:
    """Set the share of the local signs that use each name of a town.

    The alternate names have no language, so word frequencies show which are used: in the country's
    languages, or in English. A frequency counts for the largest bearer of a name only: texts about
    Paris say nothing of the names of a small town that was once called Paris.
    """
    if bearer.kind != "town":
        return
    main = normalise(bearer.name)
    names = list(bearer.names)
    shares = dict.fromkeys(names, MIN_SHARE if bearer.fame > 1e-07 else 0.0)
    tongues = words.languages.official.get(bearer.country, {})
    usual = usual_frequency(bearer, words.languages)
    total = sum(tongues.values()) or 1.0
    local = [language for language, share in tongues.items() if share > 0.1 * total]
    for scale, language in [(1.0, language) for language in local] + [(EXONYM_SHARE, "en")]:
        frequency = {
            name: words.known_in(name, language)
            for name in names
            if name == main or bearer.known_people >= words.largest[name]
        }
        column = words.languages.index.get(list_of(language), words.languages.index["?"])
        most = max(*frequency.values(), KNOWN_FROM * usual[column])
        for name in frequency:
            if most > 0:
                shares[name] = max(shares[name], scale * frequency[name] / most)
    for name, share in foreign_names(bearer, names, words, usual):
        shares[name] = max(shares[name], share)
    scripts = scripts_of(bearer.country)
    for name in names:
        if script_of(name) in scripts:
            shares[name] = max(shares[name], 0.5)
        elif name[:1] == main[:1] and likeness(name, main) >= NEAR:
            shares[name] = max(shares[name], VARIANT_SHARE)
    is_exonym = max(shares.values()) > 2 * shares[main] > 0
    shares[main] = max(shares[main], 0.3 if is_exonym else 1.0)
    bearer.names = {name: share for name, share in shares.items() if share >= MIN_SHARE}


def foreign_names(
    bearer: GazetteerEntry, names: Sequence[str], words: Words, usual: NDArray[np.float32]
) -> Iterator[tuple[str, float]]:
    """Names of a well-known town in other languages, with the share of its signs that use them.

    A name counts if a language has it as its usual one for a town so well known: `Venedig` in
    German, not `week` in English, which was once a spelling of Wick.
    """
    if bearer.known_people < KNOWN_ABROAD:
        return
    own = [
        name
        for name in names
        if bearer.known_people >= words.largest[name]
        and name.partition(" ")[0] not in ABBREVIATIONS  # the search tries the full form too
    ]
    if not own:
        return
    frequency = np.stack([words.known_of_name(name) for name in own])
    is_used = (frequency > 0) & (frequency >= USED * frequency.max(axis=0))
    for name, is_usual in zip(
        own, (is_used & (frequency <= MOST_USUAL * usual)).any(axis=1), strict=True
    ):
        if is_usual:
            yield name, FOREIGN_EXONYM_SHARE


def usual_frequency(
    bearer: GazetteerEntry, languages: Languages, people: float | None = None
) -> NDArray[np.float32]:
    """Expected frequency by language of a name that is not also a word.

    Args:
        bearer: the place.
        languages: the languages of countries.
        people: default: as many as it is known as.
    """
    people = bearer.known_people if people is None else people
    spoken = np.where(languages.mix[bearer.country] > 0.01, 1.0, FOREIGN)
    scale = {"region": REGION_FAMILIAR, "district": REGION_FAMILIAR}.get(bearer.kind, 1.0)
    usual = scale * FAMILIAR * people / languages.speakers * spoken
    return usual.astype(np.float32)


def strength(bearer: GazetteerEntry, name: str, share: float, words: Words) -> tuple[float, float]:
    """(strength, abroad) of a name for one bearer, see `geotagger.text.gazetteer.gazetteer`.

    Where a word is met more often in the country than in the world, that is evidence of language,
    which is a cue of its own. Half of it (in logarithms) is left to that cue. A word that is more
    than a name is taken to be as common as in the language that has it most: the text may be in it.
    """
    languages = words.languages
    usual = usual_frequency(bearer, languages)
    frequency = words.of_name(name)
    as_name = np.minimum(frequency, np.maximum(usual, RARE_IN_SMALL_LIST))
    as_word = ON_SIGNS * WORDS * float(np.max(np.maximum(words.known_of_name(name) - usual, 0.0)))
    as_word += words.persons.get(name, 0.0)
    fame = bearer.fame * (share if bearer.kind != "country" or share == ENGLISH_NAME else 0.1)
    chance = UNSEEN + words.by_chance(name) + fame
    world = WORDS * float(languages.world @ as_name) + chance
    country = max(WORDS * float(languages.mix[bearer.country] @ as_name) + chance, world)
    elsewhere = math.sqrt(world * country) + as_word
    namesake = ((bearer.known_people + 2000) / (words.largest[name] + 2000)) ** NAMESAKE
    own = OWN[bearer.kind] * bearer.share * share * namesake
    return own / elsewhere, max(country / elsewhere, 1.0)
