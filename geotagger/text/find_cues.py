"""Every kind of cue, asked in turn, over the lines that count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from geotagger.text.cues import (
    companies,
    money,
    official,
    phones,
    postcodes,
    roads,
    web,
)
from geotagger.text.cues import (
    place_names as names,
)
from geotagger.text.language import language, scripts
from geotagger.text.non_evidence import non_evidence as traps

if TYPE_CHECKING:
    from geotagger.text.types import Cue, Line, Reading

FINDERS: Sequence[Callable[[Sequence[Line]], list[Cue]]] = (
    names.find,
    language.find,
    scripts.find,
    phones.find,
    web.find,
    money.find,
    postcodes.find,
    companies.find,
    official.find,
    roads.find,
)


def find_cues(reading: Reading) -> tuple[list[Cue], tuple[str, ...]]:
    """The cues in a photo's text, and notes on text that counts less or not at all.

    Lines that may be no part of the place (a watermark, a date stamp, a page of a book) are read
    apart from the others, and what they say is weakened by the chance that they are.
    """
    judgement = traps.judge(reading)
    by_weight: dict[float, list[Line]] = {}
    for line, weight in zip(reading.lines, judgement.line_weights, strict=True):
        if weight > 0:
            by_weight.setdefault(weight, []).append(line)
    cues: list[Cue] = []
    for weight, lines in by_weight.items():
        for find in FINDERS:
            cues += (weakened(cue, weight) for cue in find(lines))
    return cues, judgement.notes


def weakened(cue: Cue, weight: float) -> Cue:
    """The cue if its words count with the probability `weight` only."""
    if weight >= 1:
        return cue
    return replace(
        cue,
        countries={code: 1 + (ratio - 1) * weight for code, ratio in cue.countries.items()},
        spots=[replace(spot, ratio=1 + (spot.ratio - 1) * weight) for spot in cue.spots],
    )
