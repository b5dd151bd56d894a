"""Names that count only together with other evidence of their country.

`Melville` alone is a writer, `Gorgonzola` a cheese. `Melville / NY 11747` and `Via Roma 3 /
Gorgonzola (MI)` are towns, as a postcode or the sign of a road is in the same text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from geotagger.geography.sphere import haversine_km
from geotagger.text.types import Cue, NeededSupport, TextLine

if TYPE_CHECKING:
    from geotagger.text.types import Spot

LANGUAGE_KINDS = frozenset({"language", "script"})
MIN_RATIO, MIN_LANGUAGE_RATIO = 3.0, 10.0
"""Likelihood ratio of a country from which other evidence, and the language of the other words,
supports a name there. English supports none."""
NEAR_KM = 150.0
"""Two names support each other if a place of one is so near to a place of the other."""


def supported_cues(
    cues: Sequence[Cue],
    lines: Sequence[TextLine],
    find_languages: Callable[[Sequence[TextLine]], list[Cue]],
) -> list[Cue]:
    """The cues without the doubtful names that nothing else in the text supports.

    Args:
        cues: all cues in the lines.
        lines: the text.
        find_languages: finds the language of lines. It is asked about the other words: the letters
            of a name say which language it comes from, not where the sign is.
    """
    doubtful = [cue for cue in cues if cue.needs is not NeededSupport.NONE]
    if not doubtful:
        return list(cues)
    sure = [cue for cue in cues if cue.needs is NeededSupport.NONE and cue.kind != "language"]
    if any(cue.needs is NeededSupport.ANY for cue in doubtful):
        language = find_languages(_without_words(lines, [cue.name for cue in doubtful]))
    else:
        language = []
    return [
        cue
        for cue in cues
        if cue.needs is NeededSupport.NONE
        or _is_supported(cue, sure if cue.needs is NeededSupport.SURE else [*sure, *language])
    ]


def _without_words(lines: Sequence[TextLine], words: Sequence[str]) -> list[TextLine]:
    found = []
    for line in lines:
        text = line.text
        for name in words:
            text = text.replace(name, " ")
        found.append(replace(line, text=text))
    return found


def _is_supported(name: Cue, others: Sequence[Cue]) -> bool:
    return any(
        _supports_a_country(other, name) or _is_near(name.spots, other.spots) for other in others
    )


def _supports_a_country(other: Cue, name: Cue) -> bool:
    countries = {spot.country for spot in name.spots} | name.countries.keys()
    least = MIN_LANGUAGE_RATIO if other.kind == "language" else MIN_RATIO
    return any(other.countries.get(code, 1.0) >= least for code in countries)


def _is_near(spots: Sequence[Spot], others: Sequence[Spot]) -> bool:
    return any(
        haversine_km(spot.lat, spot.lon, other.lat, other.lon)
        <= NEAR_KM + spot.radius_km + other.radius_km
        for spot in spots
        for other in others
        if other.ratio >= MIN_RATIO
    )
