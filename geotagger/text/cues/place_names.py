"""Place names on signs: towns, districts, regions and countries.

The gazetteer gives the strength of a name alone: how much likelier it is at home than in the world,
against its frequency as a word. The words around it, its letter case and the confidence of the
recogniser raise or lower that (`gazetteer/name_matches.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from geotagger.geography.sphere import haversine_km
from geotagger.text.gazetteer.context_words import REGION_WORDS
from geotagger.text.gazetteer.gazetteer import (
    Gazetteer,
    GazetteerEntry,
    load_gazetteer,
    normalise,
)
from geotagger.text.gazetteer.name_matches import NameMatch, find_name_matches
from geotagger.text.gazetteer.plain_words import needed_support, plausible_entries
from geotagger.text.gazetteer.tokens import tokenize
from geotagger.text.types import Cue, Spot

if TYPE_CHECKING:
    from geotagger.text.types import TextLine

KIND = "place name"

MAX_QUOTED_CHARACTERS = 40
"""A longer line is not quoted whole."""
MAX_CUES = 8
MIN_RATIO = 4.0
"""Weaker cues are dropped."""
MIN_AWAY_KM, AWAY_FACTOR, AWAY_MARGIN = 15.0, 0.3, 1.2
"""A direction sign with a distance is as far from the town: the name counts less, but within this
multiple of the distance. With fewer kilometres it counts like a sign in the town."""
MAX_ABROAD = 20.0
"""Highest likelihood ratio of the country around a place."""
HUMP = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])")
"""Between a small letter and a capital."""
REGION_OF_TOWN_FACTOR = 0.1
"""Factor on a region that is called like its town, on signs that do not say that it is a region."""
IN_REGION_FACTOR, OUTSIDE_REGION_FACTOR = 10.0, 0.1
"""Factors of a region's code after the name ("Portland, OR") on towns in the region and outside."""


def find(lines: Sequence[TextLine], gazetteer: Gazetteer | None = None) -> list[Cue]:
    """Return the strongest place names, at most MAX_CUES, the strongest first.

    Args:
        lines: the text.
        gazetteer: default: the one of the package.
    """
    gazetteer = gazetteer or load_gazetteer()
    tokens = list(tokenize([*lines, *_split_names(lines, gazetteer)]))
    cues: dict[str, Cue] = {}
    for match in find_name_matches(tokens, gazetteer):
        entries = [
            entry
            for entry in gazetteer.lookup(match.normal)
            if match.countries is None or entry.country in match.countries
        ]
        if not match.region_code:
            entries = plausible_entries(entries, match)
        if not match.normal.isascii():
            entries = _towns_before_regions(entries, lines[tokens[match.first].line].text)
        if not entries:
            continue
        cue = _cue(match, _weigh_by_region(entries, match.region_code, gazetteer))
        if cue and (cue.meaning not in cues or _max_ratio(cue) > _max_ratio(cues[cue.meaning])):
            cues[cue.meaning] = cue
    strongest = sorted(cues.values(), key=_max_ratio, reverse=True)[:MAX_CUES]
    return [replace(cue, words=_quote(cue.words, lines)) for cue in strongest]


def _towns_before_regions(entries: list[GazetteerEntry], line: str) -> list[GazetteerEntry]:
    """Lower the regions that are called like a town in them, unless the line says that it is one.

    Latin names of regions mostly differ from the town's; in other scripts they are the same.
    """
    towns = [entry for entry in entries if entry.kind == "town"]
    if any(word in normalise(line) for word in REGION_WORDS):
        return entries
    return [
        replace(entry, strength=entry.strength * REGION_OF_TOWN_FACTOR)
        if entry.kind in ("region", "district") and any(_is_in(town, entry) for town in towns)
        else entry
        for entry in entries
    ]


def _split_names(lines: Sequence[TextLine], gazetteer: Gazetteer) -> Iterator[TextLine]:
    """Yield names again with the space that the recogniser lost: "RioNegro" as "Rio Negro"."""
    for line in lines:
        for word in line.text.split():
            split = HUMP.sub(" ", word)
            if split != word and normalise(split) in gazetteer:
                yield replace(line, text=split)


def _quote(words: str, lines: Sequence[TextLine]) -> str:
    """Quote the whole line if it is short, so that a person can check the cue."""
    line = next((line.text.strip() for line in lines if words in line.text), words)
    return line if len(line) <= MAX_QUOTED_CHARACTERS else words


def _weigh_by_region(
    entries: list[GazetteerEntry], region_code: str, gazetteer: Gazetteer
) -> list[GazetteerEntry]:
    """Raise the entries in the region with this code and lower the others; inside ones first."""
    if not region_code:
        return entries
    is_inside = [
        any(_is_in(entry, region) for region in gazetteer.lookup(f"{entry.country}-{region_code}"))
        for entry in entries
    ]
    if not any(is_inside):
        return entries
    inside, outside = [], []
    for entry, is_in_region in zip(entries, is_inside, strict=True):
        if is_in_region:
            inside.append(replace(entry, strength=entry.strength * IN_REGION_FACTOR))
        else:
            outside.append(replace(entry, strength=entry.strength * OUTSIDE_REGION_FACTOR))
    return inside + outside


def _is_in(entry: GazetteerEntry, region: GazetteerEntry) -> bool:
    km = haversine_km(entry.lat, entry.lon, region.lat, region.lon)
    return bool(km < 1.5 * region.radius_km + 50)


def _cue(match: NameMatch, entries: Sequence[GazetteerEntry]) -> Cue | None:
    countries = {
        entry.country: 1 + entry.strength * match.factor
        for entry in entries
        if entry.kind == "country"
    }
    spots = tuple(_spot(entry, match) for entry in entries if entry.kind != "country")
    for entry in entries:
        abroad = 1 + (min(entry.abroad, MAX_ABROAD) - 1) * min(match.factor, 1.0)
        countries[entry.country] = max(countries.get(entry.country, 1.0), abroad)
    cue = Cue(
        kind=KIND,
        words=match.words,
        meaning=_meaning(entries),
        countries={code: ratio for code, ratio in countries.items() if ratio > 1},
        spots=spots,
        name=match.words,
        needs=needed_support(entries, match),
    )
    return cue if _max_ratio(cue) >= MIN_RATIO else None


def _spot(entry: GazetteerEntry, match: NameMatch) -> Spot:
    is_away = match.away_km > MIN_AWAY_KM
    return Spot(
        entry.lat,
        entry.lon,
        1 + entry.strength * match.factor * (AWAY_FACTOR if is_away else 1.0),
        max(entry.radius_km, AWAY_MARGIN * match.away_km) if is_away else entry.radius_km,
        town=entry.name if entry.kind == "town" and not is_away else "",
        name=entry.name,
        country=entry.country,
    )


def _meaning(entries: Sequence[GazetteerEntry]) -> str:
    first = entries[0]
    name = first.name if first.kind == "country" else f"{first.name}, {first.country}"
    others = len(entries) - 1
    return f"{name} (and {others} more)" if others else name


def _max_ratio(cue: Cue) -> float:
    return max([*cue.countries.values(), *(spot.ratio for spot in cue.spots)], default=1.0)
