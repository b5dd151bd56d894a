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
from geotagger.text.gazetteer.gazetteer import Bearer, Gazetteer, load_gazetteer, normalise
from geotagger.text.gazetteer.matches import Match, find_matches
from geotagger.text.gazetteer.tokens import tokens_of
from geotagger.text.types import Cue, Spot

if TYPE_CHECKING:
    from geotagger.text.types import Line

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


def find(lines: Sequence[Line], gazetteer: Gazetteer | None = None) -> list[Cue]:
    """The strongest place names in the lines, at most MOST_CUES, the strongest first."""
    gazetteer = gazetteer or load_gazetteer()
    tokens = list(tokens_of([*lines, *_parted(lines, gazetteer)]))
    cues: dict[str, Cue] = {}
    for match in find_matches(tokens, gazetteer):
        bearers = [
            bearer
            for bearer in gazetteer.bearers(match.normal)
            if match.countries is None or bearer.country in match.countries
        ]
        cue = _cue(match, _with_code(bearers, match.code, gazetteer)) if bearers else None
        if cue and (cue.meaning not in cues or _most(cue) > _most(cues[cue.meaning])):
            cues[cue.meaning] = cue
    strongest = sorted(cues.values(), key=_most, reverse=True)[:MAX_CUES]
    return [replace(cue, words=_in_its_line(cue.words, lines)) for cue in strongest]


def _parted(lines: Sequence[Line], gazetteer: Gazetteer) -> Iterator[Line]:
    """Names whose space the reader lost, once more with it: "RioNegro", "Rio Negro"."""
    for line in lines:
        for word in line.text.split():
            parted = HUMP.sub(" ", word)
            if parted != word and normalise(parted) in gazetteer:
                yield replace(line, text=parted)


def _in_its_line(words: str, lines: Sequence[Line]) -> str:
    """With the words beside them, which a person needs to check the cue, where there are few."""
    whole = next((line.text.strip() for line in lines if words in line.text), words)
    return whole if len(whole) <= MAX_CHARACTERS else words


def _with_code(bearers: list[Bearer], code: str, gazetteer: Gazetteer) -> list[Bearer]:
    """Bearers in the region with this code raised, the others lowered; the likeliest first."""
    if not code:
        return bearers
    inside = [
        any(_is_in(bearer, region) for region in gazetteer.bearers(f"{bearer.country}-{code}"))
        for bearer in bearers
    ]
    if not any(inside):
        return bearers
    weighed = [
        replace(bearer, strength=bearer.strength * (IN_REGION if is_in else ELSEWHERE))
        for bearer, is_in in zip(bearers, inside, strict=True)
    ]
    return [weighed[i] for i in sorted(range(len(weighed)), key=lambda i: not inside[i])]


def _is_in(bearer: Bearer, region: Bearer) -> bool:
    km = haversine_km(bearer.lat, bearer.lon, region.lat, region.lon)
    return bool(km < 1.5 * region.radius_km + 50)


def _cue(match: Match, bearers: Sequence[Bearer]) -> Cue | None:
    countries = {
        bearer.country: 1 + bearer.strength * match.factor
        for bearer in bearers
        if bearer.kind == "country"
    }
    spots = tuple(
        Spot(bearer.lat, bearer.lon, 1 + bearer.strength * match.factor, bearer.radius_km)
        for bearer in bearers
        if bearer.kind != "country"
    )
    for bearer in bearers:
        abroad = 1 + (min(bearer.abroad, MAX_ABROAD) - 1) * min(match.factor, 1.0)
        countries[bearer.country] = max(countries.get(bearer.country, 1.0), abroad)
    cue = Cue(
        kind=KIND,
        words=match.words,
        meaning=_meaning(bearers),
        countries={code: ratio for code, ratio in countries.items() if ratio > 1},
        spots=spots,
    )
    return cue if _most(cue) >= MIN_RATIO else None


def _meaning(bearers: Sequence[Bearer]) -> str:
    first = bearers[0]
    named = first.name if first.kind == "country" else f"{first.name}, {first.country}"
    others = len(bearers) - 1
    return f"{named} (and {others} more)" if others else named


def _most(cue: Cue) -> float:
    return max([*cue.countries.values(), *(spot.ratio for spot in cue.spots)], default=1.0)
