"""From rates by country to likelihood ratios: the one formula that all country cues share.

A cue (a word, a number format) occurs in photos of country c at the rate r(c). A share f of all its
occurrences is out of place: a Thai restaurant in Oslo, a Polish van in Spain, a souvenir. These can
be anywhere, so every country has at least the background rate

    b = f * sum over countries w(c) * r(c) + accident,        w(c) = share of the world's photos,

where `accident` is the rate at which something else looks like the cue (a serial number like a
postcode). Then P(cue | c) / P(cue | any other country) = 1 + (1 - f) * r(c) / b. Rates are relative
if the accident rate is 0; otherwise both are rates per photo with text.
"""

from __future__ import annotations

from collections.abc import Mapping

from geotagger.text.country_profiles import country_profiles

FOREIGN_SHARE = 0.04
"""Share of signs in a country they do not belong to; cars and food suggest 2 to 5 %."""


def likelihood_ratios(
    rates: Mapping[str, float], accident_rate: float = 0.0, foreign_share: float = FOREIGN_SHARE
) -> dict[str, float]:
    """Turn a cue's rates by country into likelihood ratios.

    Args:
        rates: rate by ISO 3166-1 alpha-2 code, 1 where the cue is at home.
        accident_rate: rate at which something else looks like the cue.
        foreign_share: share of the cue's occurrences outside its countries.

    Returns:
        Likelihood ratio by country code, above 1. Countries without a rate are left out (ratio 1).
    """
    profiles = country_profiles()
    known = {code: rate for code, rate in rates.items() if rate > 0 and code in profiles}
    mean = sum(profiles[code].photos * rate for code, rate in known.items())
    if mean <= 0:
        return {}
    background = foreign_share * mean + accident_rate
    return {code: 1 + (1 - foreign_share) * rate / background for code, rate in known.items()}
