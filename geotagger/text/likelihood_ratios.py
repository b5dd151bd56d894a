"""From rates to likelihood ratios: the one formula that the country cues share.

Say a cue (a word, a number format) is met in a photo from country c at the rate r(c). A share f of
all its occurrences is out of place: a Thai restaurant in Oslo, a Polish van in Spain, a souvenir.
These fall anywhere, so every country has at least the background

    b = f * sum over countries w(c) * r(c) + accident,        w(c) = share of the world's photos,

where `accident` is the rate at which something else looks like the cue (a serial number like a
postcode). Then P(cue | c) / P(cue | any other country) = 1 + (1 - f) * r(c) / b. Rates are relative
unless there is an accident rate; then both are per photo with text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from geotagger.data import read_json

FOREIGN_SHARE = 0.04
"""Share of things that stand in a country not their own; cars and food tell of 2 to 5 %."""


@dataclass(frozen=True, slots=True)
class Country:
    """What `tools/build_data/languages.py` tells of a country (sources there)."""

    photos: float
    """Share of the world's photos."""
    languages: Mapping[str, float]
    """Share on signs by language and script (`sr_Cyrl`)."""
    currencies: tuple[str, ...]
    """ISO 4217 codes of legal tender."""


@cache
def countries() -> dict[str, Country]:
    """By ISO 3166-1 alpha-2 code."""
    table = read_json("countries.json")
    return {
        code: Country(row["photos"], row["languages"], tuple(row["currencies"]))
        for code, row in table.items()
    }


def ratios(
    rates: Mapping[str, float], accident: float = 0.0, foreign_share: float = FOREIGN_SHARE
) -> dict[str, float]:
    """Likelihood ratio by country code; countries without a rate are left out (ratio 1)."""
    known = {code: rate for code, rate in rates.items() if rate > 0 and code in countries()}
    mean = sum(countries()[code].photos * rate for code, rate in known.items())
    if mean <= 0:
        return {}
    background = foreign_share * mean + accident
    return {code: 1 + (1 - foreign_share) * rate / background for code, rate in known.items()}
