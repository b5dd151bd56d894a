"""Prices and currency signs (`data/currencies.csv`).

The sign of a currency has the rate 1 in countries where the currency is legal tender (Unicode CLDR,
`data/countries.json`). The foreign share stands for exchange offices and price lists for tourists.
Signs that also mean something else (Ft, L, R, Q, din) count only next to an amount and have an
accident rate. Some thirty countries share the dollar sign, so it is weak by the same formula.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from geotagger.text.cues.pattern_cue import (
    AS_IT_IS,
    PatternCue,
    all_cues,
    one_per_meaning,
    read_patterns,
)

if TYPE_CHECKING:
    from geotagger.text.types import Cue, TextLine

FOREIGN_PRICES = 0.05
"""Share of a currency's prices outside its countries; more for euro, dollar and pound."""
AMOUNT = r"(?:\d{1,3}(?:[., '’ ]\d{3})+|\d+)(?:[.,:](?:\d\d?|-|–|—))?(?![\d.,]*\d)"  # noqa: RUF001
"""A number, perhaps with grouped digits, and perhaps with cents or a dash instead of them."""
START, END = r"(?<![\w.,])", r"(?!\w)"
TEMPLATES = {
    **AS_IT_IS,
    "whole": f"{START}(?:<pattern>){END}",
    "beside amount": f"{START}(?:(?:<pattern>) ?<amount>|<amount> ?(?:<pattern>)){END}",
}


def find(lines: Sequence[TextLine]) -> list[Cue]:
    """Return one cue for each currency; an amount counts for the first sign that fits."""
    return one_per_meaning(cue for line in lines for cue in all_cues(line, currency_signs()))


@cache
def currency_signs() -> tuple[PatternCue, ...]:
    """Return the ways to write a price, in order of precedence."""
    return read_patterns(
        "currencies.csv",
        "money",
        templates=TEMPLATES,
        fragments={"amount": AMOUNT},
        flags=re.IGNORECASE,
        foreign_share=FOREIGN_PRICES,
    )
