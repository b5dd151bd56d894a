"""All cues in the text of one photo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from geotagger.text.canonical import canonical_text
from geotagger.text.cues import (
    companies,
    digits,
    languages,
    money,
    official_words,
    phones,
    place_names,
    postcodes,
    roads,
    scripts,
    web_addresses,
)
from geotagger.text.non_evidence.assess import assess_lines
from geotagger.text.support import LANGUAGE_KINDS, supported_cues
from geotagger.text.titles import language_weight

if TYPE_CHECKING:
    from geotagger.text.types import Cue, OcrResult, TextLine

CUE_FINDERS: Sequence[Callable[[Sequence[TextLine]], list[Cue]]] = (
    place_names.find,
    languages.find,
    scripts.find,
    phones.find,
    web_addresses.find,
    money.find,
    postcodes.find,
    companies.find,
    official_words.find,
    roads.find,
)


def find_cues(ocr: OcrResult) -> tuple[list[Cue], tuple[str, ...]]:
    """Find every cue in a photo's text.

    Lines that may not belong to the place (a watermark, a date stamp, a page of a book) are
    searched apart from the others, and their cues are weakened accordingly.

    Returns:
        The cues, and notes on lines that count less or not at all.
    """
    canonical = [replace(line, text=canonical_text(line.text)) for line in ocr.lines]
    assessment = assess_lines(replace(ocr, lines=tuple(canonical)))
    lines_by_weight: dict[float, list[TextLine]] = {}
    written_by_weight: dict[float, list[TextLine]] = {}
    for line, written, weight in zip(canonical, ocr.lines, assessment.line_weights, strict=True):
        if weight > 0:
            lines_by_weight.setdefault(weight, []).append(line)
            written_by_weight.setdefault(weight, []).append(written)
    cues = [
        weaken_cue(cue, weight)
        for weight, lines in lines_by_weight.items()
        for find in CUE_FINDERS
        for cue in find(lines)
    ]
    cues += [
        weaken_cue(cue, weight)
        for weight, lines in written_by_weight.items()
        for cue in digits.find(lines)  # canonical digits are those from 0 to 9
    ]
    counted = [line for lines in lines_by_weight.values() for line in lines]
    cues = supported_cues(cues, counted, languages.find)
    if all(cue.kind in LANGUAGE_KINDS for cue in cues):
        cues = [weaken_cue(cue, language_weight(counted)) for cue in cues]
    return cues, assessment.notes


def weaken_cue(cue: Cue, weight: float) -> Cue:
    """Return the cue as it counts if its words belong to the place with probability `weight`."""
    if weight >= 1:
        return cue
    return replace(
        cue,
        countries={code: 1 + (ratio - 1) * weight for code, ratio in cue.countries.items()},
        spots=[replace(spot, ratio=1 + (spot.ratio - 1) * weight) for spot in cue.spots],
    )
