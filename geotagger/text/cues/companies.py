"""Legal forms of companies: GmbH, S.r.l., Oy, Sp. z o.o. (`data/company_forms.csv`).

A form has the rate 1 in the countries whose law has it (ISO 20275, the list of entity legal forms),
or 0.3 where it is one of several forms or the rarer one. Company names travel on vans, parcels and
products, so their foreign share is higher than that of other signs. Short forms that are also words
or initials (AS, AB, SA, SL, Inc) have an accident rate and must follow a name. Letter case counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from geotagger.text.cues.pattern_cue import (
    AS_IT_IS,
    PatternCue,
    first_cue,
    one_per_meaning,
    read_patterns,
)

if TYPE_CHECKING:
    from geotagger.text.types import Cue, TextLine

FOREIGN_COMPANIES = 0.1
"""Share of company names on signs, vans and goods that are from another country."""
MIN_CHARACTERS = 4
"""Shorter lines hold no company's name."""
TEMPLATES = {
    **AS_IT_IS,
    "after name": r"(?<=[\w)&.'’»\"])(?:,| |, )(?:<pattern>)(?!\w)",  # noqa: RUF001
}


def find(lines: Sequence[TextLine]) -> list[Cue]:
    """Return one cue for each legal form; a line counts for the first form that fits."""
    return one_per_meaning(
        cue
        for line in lines
        if len(line.text) >= MIN_CHARACTERS
        for cue in first_cue(line, company_forms(), quote_line=True)
    )


@cache
def company_forms() -> tuple[PatternCue, ...]:
    """Return the legal forms, in order of precedence."""
    return read_patterns(
        "company_forms.csv", "company", templates=TEMPLATES, foreign_share=FOREIGN_COMPANIES
    )
