"""How much each line of text counts as evidence of where the photo was taken.

A rule recognises text that is no evidence (or weaker evidence than a sign) by its words and by the
position of its lines in the picture. No rule is certain. So the lines get a weight, the probability
that they belong to the place after all:

    weight = P(sign | rule) + P(non-evidence | rule) * P(its words fit the place anyway)

P(sign | rule) comes from how often the rule fires on drawn scenes and on photos of real signs
(`python -m training.eval.measure_non_evidence`), assuming that one text in ten is non-evidence. The
weight is 0 where the words fit no place (a date, the name of a picture agency).

The lines alone cannot tell a slogan on a shirt from one on a wall (except the common ones), nor
recognise a poster for a far country, a mirrored picture, or a map without its publisher's name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from geotagger.text.non_evidence.documents import menus, pages, screenshots
from geotagger.text.non_evidence.overlays import date_stamps, news_captions, watermarks
from geotagger.text.non_evidence.travelling_words import books, maps, slogans

if TYPE_CHECKING:
    from geotagger.text.non_evidence.types import NonEvidence
    from geotagger.text.types import OcrResult

RULES: tuple[Callable[[OcrResult], list[NonEvidence]], ...] = (
    date_stamps,
    watermarks,
    news_captions,
    screenshots,
    pages,
    menus,
    maps,
    slogans,
    books,
)


@dataclass(frozen=True, slots=True)
class LineAssessment:
    """What the lines of a photo are worth as evidence."""

    line_weights: tuple[float, ...]
    """For each line, 0 (ignore) to 1 (as good as a sign)."""
    notes: tuple[str, ...]
    """Why lines count less: "date stamp: 2012/05/03"."""


def assess_lines(ocr: OcrResult) -> LineAssessment:
    """Apply every rule. A line that several rules recognise gets the lowest weight."""
    recognised = [non_evidence for rule in RULES for non_evidence in rule(ocr)]
    weights = [1.0] * len(ocr.lines)
    for non_evidence in recognised:
        for index in non_evidence.lines:
            weights[index] = min(weights[index], non_evidence.weight)
    notes = tuple(dict.fromkeys(non_evidence.note for non_evidence in recognised))
    return LineAssessment(tuple(weights), notes)
