"""Digits of a script's own, as evidence of the country (`data/digits.csv`).

Countries that share a script differ in the digits that they write: Nepal writes २०, most of India
20; Egypt ٢٠, Morocco 20, Iran ۲۰. Where the letters of the script are evidence already (`scripts`),
its digits are none, so that nothing counts twice.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from geotagger.text.cues.pattern_cue import PatternCue, first_cue, one_per_meaning, read_patterns
from geotagger.text.cues.scripts import READ_AS_LANGUAGE
from geotagger.text.language.writing_system import script_of_letter, script_of_symbol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from geotagger.text.types import Cue, TextLine


def find(lines: Sequence[TextLine]) -> list[Cue]:
    """Return one cue for each set of digits."""
    letters = {script_of_letter(letter) for line in lines for letter in line.text}
    counted = letters - READ_AS_LANGUAGE - {""}
    cues = one_per_meaning(cue for line in lines for cue in first_cue(line, digit_sets()))
    return [cue for cue in cues if not {script_of_symbol(digit) for digit in cue.words} & counted]


@cache
def digit_sets() -> tuple[PatternCue, ...]:
    """Return the sets of digits, in order of precedence."""
    return read_patterns("digits.csv", "script")
