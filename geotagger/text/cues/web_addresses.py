"""Web and mail addresses: the country of the top-level domain.

A country's domain on a sign is the country's own but for the foreign share of
`likelihood_ratios.py`. Domains
that are sold to anyone (.tv, .io, .me, .co ...) say nothing, nor do .com, .org and .net; .eu says
Europe weakly. Top-level domains of cities and regions (.berlin, .cat) are spots. Country domains
are those of the DNS root (ISO 3166-1 and .uk, .su; IANA), as in `data/countries.json`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from geotagger.text.country_profiles import country_profiles
from geotagger.text.likelihood_ratios import likelihood_ratios
from geotagger.text.types import Cue, Spot

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from geotagger.text.types import TextLine

BARE_LOOKALIKE = 0.02
"""Rate of what only looks like a domain (`ca.no`, a missing space) without www, @ or a path."""
EU_SHARE = 0.7
"""Share of .eu domains on signs inside the union; the rest is anywhere."""
EUROPEAN_UNION = (
    *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE"),
    *("IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"),
)
GENERIC = frozenset(
    (
        *("ac", "ad", "ag", "ai", "am", "as", "bz", "cc", "cd", "cm", "co", "cx", "dj", "fm", "ga"),
        *("gd", "gg", "gl", "gq", "gs", "im", "in", "io", "is", "je", "la", "li", "ly", "md", "me"),
        *("ml", "mn", "ms", "mu", "nu", "pn", "pro", "pw", "sc", "sh", "so", "st", "tc", "tf"),
        *("tk", "to", "tv", "vc", "vg", "vu", "ws", "cf", "nf", "bm", "gp", "mp", "ps", "aq", "bv"),
        *("hm", "sj", "um", "su"),
    )
)
"""Sold to anyone; on signs mostly for their sound (after ICANN's and Google's lists)."""
STILL_SAYS = frozenset({"in", "is", "co", "me", "li", "la", "mn", "md", "ad", "mu", "gl"})
"""Of these about half of the addresses on signs are the country's own."""
HALF = 0.5
WORLDWIDE_SITES = frozenset(
    {"youtu", "goo", "bit", "wa", "fb", "instagr", "linktr", "spoti", "amzn"}
)
"""youtu.be, linktr.ee and the like."""
SECOND_LEVEL = re.compile(r"^(?:com?|org|net|gov|gob|gouv|edu|ac|or|ne|go|gub)$")
OF_WORLD = {"uk": "GB", "рф": "RU", "бг": "BG", "укр": "UA", "срб": "RS", "қаз": "KZ", "бел": "BY"}
# ruff: noqa: RUF001
OF_WORLD |= {"ελ": "GR", "中国": "CN", "台灣": "TW", "香港": "HK", "한국": "KR", "ไทย": "TH"}
CITIES = {
    "berlin": (52.52, 13.4, 20),
    "hamburg": (53.55, 10.0, 18),
    "koeln": (50.94, 6.96, 15),
    "cologne": (50.94, 6.96, 15),
    "ruhr": (51.48, 7.2, 40),
    "nrw": (51.5, 7.5, 120),
    "bayern": (48.9, 11.5, 150),
    "saarland": (49.38, 6.95, 35),
    "wien": (48.21, 16.37, 18),
    "tirol": (47.2, 11.4, 80),
    "swiss": (46.8, 8.2, 150),
    "zuerich": (47.37, 8.54, 20),
    "paris": (48.86, 2.35, 20),
    "bzh": (48.2, -2.9, 110),
    "alsace": (48.3, 7.4, 70),
    "corsica": (42.1, 9.1, 70),
    "london": (51.51, -0.13, 25),
    "scot": (56.5, -4.0, 180),
    "wales": (52.3, -3.7, 90),
    "cymru": (52.3, -3.7, 90),
    "amsterdam": (52.37, 4.9, 15),
    "frl": (53.1, 5.8, 40),
    "brussels": (50.85, 4.35, 15),
    "vlaanderen": (51.0, 4.2, 70),
    "gent": (51.05, 3.72, 12),
    "stockholm": (59.33, 18.07, 20),
    "helsinki": (60.17, 24.94, 20),
    "barcelona": (41.39, 2.17, 18),
    "cat": (41.7, 1.8, 110),
    "gal": (42.8, -8.0, 90),
    "eus": (43.0, -2.4, 70),
    "madrid": (40.42, -3.7, 22),
    "istanbul": (41.01, 28.98, 30),
    "moscow": (55.76, 37.62, 30),
    "москва": (55.76, 37.62, 30),
    "tatar": (55.5, 51.0, 180),
    "nyc": (40.71, -74.0, 22),
    "boston": (42.36, -71.06, 20),
    "miami": (25.77, -80.19, 25),
    "vegas": (36.17, -115.14, 22),
    "quebec": (47.5, -72.0, 250),
    "rio": (-22.91, -43.2, 25),
    "tokyo": (35.68, 139.7, 30),
    "osaka": (34.69, 135.5, 22),
    "kyoto": (35.01, 135.77, 18),
    "nagoya": (35.18, 136.9, 20),
    "okinawa": (26.4, 127.8, 50),
    "yokohama": (35.44, 139.64, 18),
    "sydney": (-33.87, 151.2, 30),
    "melbourne": (-37.81, 144.96, 30),
    "kiwi": (-41.5, 173.0, 500),
    "joburg": (-26.2, 28.04, 25),
    "durban": (-29.86, 31.02, 22),
    "capetown": (-33.92, 18.42, 25),
    "dubai": (25.2, 55.27, 25),
    "abudhabi": (24.45, 54.38, 25),
    "taipei": (25.04, 121.56, 20),
}
"""lat, lon, radius in km (ICANN's geographic top-level domains)."""
CITY_RATIO = 300.0
"""About 96 of 100 at home, against a city's share of about 1/300 of the world's photos or less."""

SPACED_DOT = re.compile(r"(?<=[\w-]) ?\. ?(?=[a-zрфсбукр]{2,3}\b)")
HOST = re.compile(r"(?<![\w.-])(?:www[.,: ]?|https?:?//)?((?:[\w-]+\.)+)([^\W\d_]{2,9})(?![\w-])")
MARKS = re.compile(r"www|@|://|\w/\w")


def find(lines: Sequence[TextLine]) -> list[Cue]:
    """One cue for each address with a telling top-level domain."""
    cues: dict[str, Cue] = {}
    for line in lines:
        if line.legible and len(line.text) >= 4:
            for words, labels, top in _hosts(line.text.lower()):
                if cue := _cue(words, labels, top, bool(MARKS.search(line.text.lower()))):
                    cues.setdefault(cue.meaning, cue)
    return list(cues.values())


def _hosts(text: str) -> Iterator[tuple[str, list[str], str]]:
    """(as written, labels, top-level domain); a space beside a dot is the reader's."""
    marked = bool(MARKS.search(text))
    joined = SPACED_DOT.sub(".", text) if marked else text
    joined = re.sub(r"^www(?=[^\W_])", "www.", joined)
    for match in HOST.finditer(joined):
        labels = [label for label in match[1].split(".") if label and label != "www"]
        if labels and labels[-1] not in WORLDWIDE_SITES and max(map(len, labels)) >= 3:
            yield match[0], labels, match[2]


def _cue(words: str, labels: Sequence[str], top: str, marked: bool) -> Cue | None:
    accident = 0.0 if marked else BARE_LOOKALIKE
    if top in CITIES:
        lat, lon, radius_km = CITIES[top]
        ratio = CITY_RATIO if marked else CITY_RATIO / 5
        return Cue("web address", words, f".{top}", spots=[Spot(lat, lon, ratio, radius_km)])
    if top == "eu":
        return Cue("web address", words, ".eu is Europe", _of_union())
    country = OF_WORLD.get(top, top.upper())
    if country not in country_profiles() or (not marked and len(labels[-1]) < 3):
        return None
    local = len(labels) > 1 and bool(SECOND_LEVEL.match(labels[-1]))
    if top in GENERIC and not local:
        if top not in STILL_SAYS or not marked:
            return None
        accident = country_profiles()[country].photos * (1 - HALF) / HALF
    return Cue(
        "web address", words, f".{top} is {country}", likelihood_ratios({country: 1.0}, accident)
    )


def _of_union() -> dict[str, float]:
    inside = sum(country_profiles()[code].photos for code in EUROPEAN_UNION)
    ratio = EU_SHARE / inside / ((1 - EU_SHARE) / (1 - inside))
    return dict.fromkeys(EUROPEAN_UNION, ratio)
