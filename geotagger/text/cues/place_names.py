"""Place names on signs: towns, districts, regions and countries.

The strength of a bare name comes from the gazetteer: how much likelier it is met at home than in
the world at large, against its frequency as a word. The words beside it, its letter case and the
confidence of the reading raise or lower that (`matches.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from geotagger.geography.sphere import haversine_km
from geotagger.text.gazetteer.gazetteer import Gazetteer, GazetteerEntry, load_gazetteer, normalise
from geotagger.text.gazetteer.name_matches import NameMatch, find_name_matches
from geotagger.text.gazetteer.tokens import tokenize
from geotagger.text.types import Cue, Spot

if TYPE_CHECKING:
    from geotagger.text.types import TextLine

KIND = "place name"

MAX_CHARACTERS = 40
"""A longer line is not quoted as a whole."""
MAX_CUES = 8
MIN_RATIO = 4.0
"""Weaker cues are not worth a mention."""
MAX_ABROAD = 20.0
"""A name says at most so much of the country around its place."""
HUMP = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])")
"""Between a small letter and a capital."""
IN_REGION, ELSEWHERE = 10.0, 0.1
"""What the code of a region after the name ("Portland, OR") does to towns in it and outside."""


def find(lines: Sequence[TextLine], gazetteer: Gazetteer | None = None) -> list[Cue]:
    """The strongest place names in the lines, at most MOST_CUES, the strongest first."""
    gazetteer = gazetteer or load_gazetteer()
    tokens = list(tokenize([*lines, *_parted(lines, gazetteer)]))
    cues: dict[str, Cue] = {}
    for match in find_name_matches(tokens, gazetteer):
        entries = [
            entry
            for entry in gazetteer.lookup(match.normal)
            if match.countries is None or entry.country in match.countries
        ]
        cue = _cue(match, _with_code(entries, match.code, gazetteer)) if entries else None
        if cue and (cue.meaning not in cues or _most(cue) > _most(cues[cue.meaning])):
            cues[cue.meaning] = cue
    strongest = sorted(cues.values(), key=_most, reverse=True)[:MAX_CUES]
    return [replace(cue, words=_in_its_line(cue.words, lines)) for cue in strongest]


def _parted(lines: Sequence[TextLine], gazetteer: Gazetteer) -> Iterator[TextLine]:
    """Names whose space the reader lost, once more with it: "RioNegro", "Rio Negro"."""
    for line in lines:
        for word in line.text.split():
            parted = HUMP.sub(" ", word)
            if parted != word and normalise(parted) in gazetteer:
                yield replace(line, text=parted)


def _in_its_line(words: str, lines: Sequence[TextLine]) -> str:
    """With the words beside them, which a person needs to check the cue, where there are few."""
    whole = next((line.text.strip() for line in lines if words in line.text), words)
    return whole if len(whole) <= MAX_CHARACTERS else words


def _with_code(
    entries: list[GazetteerEntry], code: str, gazetteer: Gazetteer
) -> list[GazetteerEntry]:
    """Bearers in the region with this code raised, the others lowered; the likeliest first."""
    if not code:
        return entries
    inside = [
        any(_is_in(entry, region) for region in gazetteer.lookup(f"{entry.country}-{code}"))
        for entry in entries
    ]
    if not any(inside):
        return entries
    weighed = [
        replace(entry, strength=entry.strength * (IN_REGION if is_in else ELSEWHERE))
        for entry, is_in in zip(entries, inside, strict=True)
    ]
    return [weighed[i] for i in sorted(range(len(weighed)), key=lambda i: not inside[i])]


def _is_in(entry: GazetteerEntry, region: GazetteerEntry) -> bool:
    km = haversine_km(entry.lat, entry.lon, region.lat, region.lon)
    return bool(km < 1.5 * region.radius_km + 50)


def _cue(match: NameMatch, entries: Sequence[GazetteerEntry]) -> Cue | None:
    countries = {
        entry.country: 1 + entry.strength * match.factor
        for entry in entries
        if entry.kind == "country"
    }
    spots = tuple(
        Spot(entry.lat, entry.lon, 1 + entry.strength * match.factor, entry.radius_km)
        for entry in entries
        if entry.kind != "country"
    )
    for entry in entries:
        abroad = 1 + (min(entry.abroad, MAX_ABROAD) - 1) * min(match.factor, 1.0)
        countries[entry.country] = max(countries.get(entry.country, 1.0), abroad)
    cue = Cue(
        kind=KIND,
        words=match.words,
        meaning=_meaning(entries),
        countries={code: ratio for code, ratio in countries.items() if ratio > 1},
        spots=spots,
    )
    return cue if _most(cue) >= MIN_RATIO else None


def _meaning(entries: Sequence[GazetteerEntry]) -> str:
    first = entries[0]
    named = first.name if first.kind == "country" else f"{first.name}, {first.country}"
    others = len(entries) - 1
    return f"{named} (and {others} more)" if others else named


def _most(cue: Cue) -> float:
    return max([*cue.countries.values(), *(spot.ratio for spot in cue.spots)], default=1.0)
