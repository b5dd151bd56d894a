"""Road signs (`data/road_forms.csv`) and number plates (`data/number_plates.csv`).

Road forms have the rate 1 where the traffic code uses them: miles and mph in the countries that
never changed to kilometres, `SPEED LIMIT` where signs say it in English words, road numbers by the
national scheme (letter and spacing; several countries share A, E, N and M). Number plates follow
the current national series. Cars travel, and serial numbers look alike, so plates have a high
foreign share and an accident rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from geotagger.text.cues.pattern_cue import (
    PATTERN,
    PatternCue,
    first_cue,
    one_per_meaning,
    read_patterns,
)

if TYPE_CHECKING:
    from geotagger.text.types import Cue, TextLine

MIN_PLATE_CONFIDENCE = 0.8
"""One wrong character turns a plate into that of another country."""
FOREIGN_CARS = 0.1
"""Share of foreign cars: about 5 to 15 % in the towns of small countries."""
PLATE_TEMPLATES = {"plate": rf"^\W?{PATTERN}$"}
"""A plate is the whole line, perhaps after the rim or a badge."""


def find(lines: Sequence[TextLine]) -> list[Cue]:
    """Return one cue for each form; a line counts for the first form that fits."""
    return one_per_meaning(cue for line in lines for cue in first_cue(line, road_patterns()))


@cache
def road_patterns() -> tuple[PatternCue, ...]:
    """Return the forms of road signs, then those of number plates, in order of precedence."""
    plates = read_patterns(
        "number_plates.csv",
        "number plate",
        templates=PLATE_TEMPLATES,
        foreign_share=FOREIGN_CARS,
        min_confidence=MIN_PLATE_CONFIDENCE,
    )
    return read_patterns("road_forms.csv", "road") + plates
