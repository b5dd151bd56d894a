"""countries.json: shares of photos, languages and currencies of each country."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import numpy as np
from babel.core import get_global

from geotagger.fusion.prior import Constants
from geotagger.geography.places import load_places

OFFICIAL_PERCENT = 30.0
"""An official language is on signs even where few speak it at home."""
REGIONAL_SHARE = 1.0
"""Weight of a language that is official in a region, relative to its share of the people."""
UNOFFICIAL_SHARE = 0.05
"""Weight of a language without official status, relative to its share of the people."""
TAUGHT_AT_SCHOOL = frozenset({"de", "fr"})
"""Where these are official in a region only, CLDR counts learners too (47 % German in Denmark)."""
ENGLISH_SHARE = 0.15
"""Share of English on signs where it is not a language of the country: tourists, brands."""
BILINGUAL_SHARE = 0.35
"""The same where the country's own letters are not Latin: signs are often in both."""
CODE_ON_SIGNS = {
    "no": "nb",
    "fil": "tl",
    "gsw": "de",
    "bar": "de",
    "yue": "zh",
    "wuu": "zh",
    **dict.fromkeys(("arz", "ary", "arq", "apc", "ajp", "acm", "aeb", "acw", "shu", "ayl"), "ar"),
}
"""Languages that are written as another one on signs, or that have another code."""


def photo_shares() -> dict[str, float]:
    """Share of the world's photos by country, as in the prior of `fusion`."""
    places, constants = load_places(), Constants.load()
    people = np.bincount(places.country, places.population, len(places.country_codes))
    share = (people + constants.prior_pseudo_population) ** constants.prior_country_exponent
    share /= share.sum()
    return dict(zip(places.country_codes, share.tolist(), strict=True))


def standing(language: str, percent: float, status: str | None) -> float:
    if status in ("official", "de_facto_official"):
        return max(percent, OFFICIAL_PERCENT)
    if language in TAUGHT_AT_SCHOOL:
        return percent * UNOFFICIAL_SHARE
    return percent * (REGIONAL_SHARE if status == "official_regional" else UNOFFICIAL_SHARE)


def languages_on_signs(country: str) -> dict[str, float]:
    """Share of each (language, script) on the country's signs, as `sr_Cyrl`; sums to 1."""
    shares: dict[str, float] = defaultdict(float)
    for code, entry in get_global("territory_languages").get(country, {}).items():
        language, script = language_and_script(code, country)
        key = f"{language}_{script}"
        if key == "bs_Cyrl":  # hardly on signs
            key = "bs_Latn"
        weight = standing(language, entry["population_percent"], entry["official_status"])
        shares[key] = max(shares[key], weight)
    for both in ("Cyrl", "Latn"):  # Serbian signs come in two scripts of equal standing
        if "sr_Cyrl" in shares and "sr_Latn" in shares:
            shares[f"sr_{both}"] = max(shares["sr_Cyrl"], shares["sr_Latn"]) / 2
    total = sum(shares.values())
    shares = defaultdict(float, {key: value / total for key, value in shares.items()})
    english = shares["en_Latn"]
    latin = sum(value for key, value in shares.items() if key.endswith("_Latn"))
    least = ENGLISH_SHARE if latin > 0.5 else BILINGUAL_SHARE
    if english < least:
        rest = (1 - least) / (1 - english)
        shares = defaultdict(float, {key: value * rest for key, value in shares.items()})
        shares["en_Latn"] = least
    return {key: value for key, value in sorted(shares.items()) if value >= 0.0005}


def language_and_script(code: str, country: str) -> tuple[str, str]:
    likely = get_global("likely_subtags")
    language, _, script = code.partition("_")
    if not script:
        tag = likely.get(f"{language}_{country}") or likely.get(language) or f"{language}_Latn"
        script = next(part for part in tag.split("_")[1:] if len(part) == 4)
    return CODE_ON_SIGNS.get(language, language), script


def currencies(country: str) -> list[str]:
    return [
        code
        for code, _, until, tender in get_global("territory_currencies").get(country, ())
        if tender and until is None
    ]


def inhabited() -> set[str]:
    """Countries with a town; Bouvet Island has no signs."""
    places = load_places()
    people = np.bincount(places.country, places.population, len(places.country_codes))
    return {code for code, n in zip(places.country_codes, people, strict=True) if n > 0}


def write_countries(path: Path) -> None:
    signs = inhabited()
    table = {
        country: {
            "photos": round(share, 6),
            "languages": {k: round(v, 4) for k, v in languages_on_signs(country).items()}
            if country in signs
            else {},
            "currencies": currencies(country),
        }
        for country, share in sorted(photo_shares().items())
        if country and languages_on_signs(country)
    }
    lines = ",\n".join(
        f"{json.dumps(country)}: {json.dumps(row, separators=(',', ':'))}"
        for country, row in table.items()
    )
    path.write_text(f"{{\n{lines}\n}}\n", "utf-8")
