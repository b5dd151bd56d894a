"""Web and mail addresses: the country or place of the top-level domain.

Country domains are those of the DNS root (IANA): ISO 3166-1 codes, and what
`data/top_level_domains.csv` adds. That table also says which country domains are sold to anyone
(.tv, .io): those are no evidence, nor are .com, .org and .net. Some of them are still the country's
own half of the time (.in, .co). Domains of cities and regions (.berlin, .cat) are spots. .eu is
weak evidence of the European Union.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

from geotagger.data import read_table
from geotagger.text.country_profiles import country_profiles
from geotagger.text.cues.pattern_cue import one_per_meaning
from geotagger.text.likelihood_ratios import likelihood_ratios
from geotagger.text.types import Cue, Spot

if TYPE_CHECKING:
    from geotagger.text.types import TextLine

KIND = "web address"
BARE_ACCIDENT_RATE = 0.02
"""Rate of what only looks like a domain (`ca.no`, a lost space) without www, @ or a path."""
EU_SHARE = 0.7
"""Share of .eu domains on signs that are inside the union."""
HALF_OWN_SHARE = 0.5
"""Share of addresses that are the country's own, where the domain is `half own`."""
PLACE_RATIO = 300.0
"""Likelihood ratio of a city's or region's domain. About 96 % are at home, and a city has at most
about 1/300 of the world's photos."""
BARE_PLACE_RATIO = PLACE_RATIO / 5
"""The same without www, @ or a path."""
MIN_LABEL_LETTERS = 3
"""One fewer in other letters than Latin ones: a Hangul letter is a syllable."""
MIN_CHARACTERS = 4
WORLDWIDE_SITES = frozenset(
    {"youtu", "goo", "bit", "wa", "fb", "instagr", "linktr", "spoti", "amzn"}
)
"""youtu.be, linktr.ee and others: short links of worldwide sites in some country's domain."""

SECOND_LEVEL = re.compile(r"^(?:com?|org|net|gov|gob|gouv|edu|ac|or|ne|go|gub)$")
"""Second-level domain for the country's own addresses: co.uk, com.br."""
SIGNS = r"\u0900-\u0dff\u0e00-\u0eff"
"""Letters and vowel signs of India and South-East Asia."""
SPACED_DOT = re.compile(r"(?<=[\w-]) ?\. ?(?=[a-zрфсбукрелқазмдгон]{2,3}\b)")  # noqa: RUF001
HOST = re.compile(
    r"(?<![\w.-])(?:www[.,: ]?|https?:?//)?"
    rf"((?:[\w{SIGNS}-]+\.)+)((?:[^\W\d_]|[{SIGNS}]){{2,9}})(?![\w{SIGNS}-])"
)
MARKS = re.compile(r"www|@|://|\w/\w")
"""What shows that a text is an address."""


class DomainUse(StrEnum):
    """Who uses a top-level domain."""

    COUNTRY = "country"
    HALF_OWN = "half own"
    SOLD_TO_ANYONE = "sold to anyone"
    UNION = "union"
    PLACE = "place"


@dataclass(frozen=True, slots=True)
class TopLevelDomain:
    """A top-level domain that is not simply a country's ISO 3166-1 code."""

    use: DomainUse
    countries: tuple[str, ...]
    """ISO 3166-1 alpha-2 codes; for a country's domain that differs from its code, and a union."""
    place: tuple[float, float, float] | None
    """Latitude and longitude in degrees, radius in km; for a place's domain."""


@dataclass(frozen=True, slots=True)
class WebAddress:
    """A host name in a text, in lower case."""

    words: str
    """As it is in the text."""
    labels: tuple[str, ...]
    """Parts before the top-level domain, without www."""
    domain: str
    """Top-level domain."""
    is_marked: bool
    """Whether www, @ or a path shows that it is an address."""


def find(lines: Sequence[TextLine]) -> list[Cue]:
    """Return one cue for each top-level domain that is evidence of a place."""
    return one_per_meaning(
        cue
        for line in lines
        if line.legible and len(line.text) >= MIN_CHARACTERS
        for address in _addresses(line.text.lower())
        if (cue := _cue(address)) is not None
    )


def _addresses(text: str) -> Iterator[WebAddress]:
    """Yield the addresses; the recogniser may have put a space beside a dot."""
    is_marked = bool(MARKS.search(text))
    joined = SPACED_DOT.sub(".", text) if is_marked else text
    joined = re.sub(r"^www(?=[^\W_])", "www.", joined)
    for match in HOST.finditer(joined):
        labels = tuple(label for label in match[1].split(".") if label and label != "www")
        if not labels or labels[-1] in WORLDWIDE_SITES:
            continue
        if any(len(label) >= MIN_LABEL_LETTERS - (not label.isascii()) for label in labels):
            yield WebAddress(match[0], labels, match[2], is_marked)


def _cue(address: WebAddress) -> Cue | None:
    listed = top_level_domains().get(address.domain)
    if listed and listed.place:
        lat, lon, radius_km = listed.place
        ratio = PLACE_RATIO if address.is_marked else BARE_PLACE_RATIO
        spot = Spot(lat, lon, ratio, radius_km)
        return Cue(KIND, address.words, f".{address.domain}", spots=[spot])
    if listed and listed.use is DomainUse.UNION:
        return Cue(KIND, address.words, f".{address.domain} is Europe", _union(listed.countries))
    return _country_cue(address, listed)


def _country_cue(address: WebAddress, listed: TopLevelDomain | None) -> Cue | None:
    """Cue of a country's domain; None if the domain is no evidence."""
    country = listed.countries[0] if listed and listed.countries else address.domain.upper()
    is_short = len(address.labels[-1]) < MIN_LABEL_LETTERS
    if country not in country_profiles() or (is_short and not address.is_marked):
        return None
    accident_rate = 0.0 if address.is_marked else BARE_ACCIDENT_RATE
    is_second_level = len(address.labels) > 1 and bool(SECOND_LEVEL.match(address.labels[-1]))
    if listed and listed.use is not DomainUse.COUNTRY and not is_second_level:
        if listed.use is DomainUse.SOLD_TO_ANYONE or not address.is_marked:
            return None
        own = HALF_OWN_SHARE
        accident_rate = country_profiles()[country].photos * (1 - own) / own
    countries = likelihood_ratios({country: 1.0}, accident_rate)
    return Cue(KIND, address.words, f".{address.domain} is {country}", countries)


def _union(codes: Sequence[str]) -> dict[str, float]:
    inside = sum(country_profiles()[code].photos for code in codes)
    ratio = EU_SHARE / inside / ((1 - EU_SHARE) / (1 - inside))
    return dict.fromkeys(codes, ratio)


@cache
def top_level_domains() -> dict[str, TopLevelDomain]:
    """Read `data/top_level_domains.csv`, by domain."""
    return {
        row["domain"]: TopLevelDomain(
            DomainUse(row["use"]),
            tuple(row["countries"].split()),
            (float(row["lat"]), float(row["lon"]), float(row["radius_km"])) if row["lat"] else None,
        )
        for row in read_table("top_level_domains.csv")
    }
