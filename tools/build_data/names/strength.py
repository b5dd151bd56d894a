"""How strongly a name on a sign speaks for a place: the model that the package describes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from geotagger.text.gazetteer.gazetteer import normalise
from tools.build_data.names.countries import ENGLISH_NAME
from tools.build_data.names.entry import OWN, GazetteerEntry, likeness, script_of
from tools.build_data.names.languages import Languages, list_of, scripts_of
from tools.build_data.names.words import RARE_IN_SMALL_LIST, WORDS, Words

if TYPE_CHECKING:
    from numpy.typing import NDArray

ON_SIGNS = 2.5
"""Words rarer than 1e-4 are so much more frequent on signs than in word lists, as signs have fewer
little words. Measured on the signs of tests/data/sign_texts.csv that name no town of their own."""
UNSEEN = 1e-6
"""Share of photos that show a given rare word by chance: a surname, a brand, an invented word."""
FAMILIAR = 0.02
"""A town of all the speakers of a language would have this share of its words. Measured: Köln,
Stockholm and Paris 0.01 to 0.02. A name that is met more often than that is a word as well."""
FOREIGN = 0.1
"""The same in languages that are not of the town's country, compared with its own."""
REGION_FAMILIAR = 0.2
"""The same for regions, compared with towns of as many people."""
KNOWN_FROM = 0.1
"""The most used name of a town has at least this share of the frequency expected of it; so a stray
hit in a word list does not make a variant the name."""
NAMESAKE = 0.3
"""Of several places of one name the smaller are met less often than the prior of the belief says:
share of signs by this power of their people. That prior is for photos of sights, not of signs."""
MIN_SHARE = 0.01
EXONYM_SHARE = 0.2
"""An English name is used so often compared with the local one."""
VARIANT_SHARE = 0.03
NEAR = 0.7
"""Likeness above which two names may be spellings of one name."""


def weigh_names(bearer: GazetteerEntry, words: Words) -> None:
    """Share of the local signs that name the town by each of its names.

    The alternate names have no language, so word frequencies tell which are used: in the country's
    languages, or in English. A frequency speaks for the largest bearer of a name alone: that people
    write of Paris does not make it the name of a town that was once called so.
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
            if name == main or bearer.people >= words.largest[name]
        }
        column = words.languages.index.get(list_of(language), words.languages.index["?"])
        most = max(*frequency.values(), KNOWN_FROM * usual[column])
        for name in frequency:
            if most > 0:
                shares[name] = max(shares[name], scale * frequency[name] / most)
    scripts = scripts_of(bearer.country)
    for name in names:
        if script_of(name) in scripts:
            shares[name] = max(shares[name], 0.5)
        elif name[:1] == main[:1] and likeness(name, main) >= NEAR:
            shares[name] = max(shares[name], VARIANT_SHARE)
    is_exonym = max(shares.values()) > 2 * shares[main] > 0
    shares[main] = max(shares[main], 0.3 if is_exonym else 1.0)
    bearer.names = {name: share for name, share in shares.items() if share >= MIN_SHARE}


def usual_frequency(bearer: GazetteerEntry, languages: Languages) -> NDArray[np.float32]:
    """Frequency by language that one would expect of a name that is a name only."""
    spoken = np.where(languages.mix[bearer.country] > 0.01, 1.0, FOREIGN)
    scale = {"region": REGION_FAMILIAR, "district": REGION_FAMILIAR}.get(bearer.kind, 1.0)
    usual = scale * FAMILIAR * bearer.people / languages.speakers * spoken
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
    namesake = ((bearer.people + 2000) / (words.largest[name] + 2000)) ** NAMESAKE
    own = OWN[bearer.kind] * bearer.share * share * namesake
    return own / elsewhere, max(country / elsewhere, 1.0)
