"""Build geotagger/data/countries.json, languages.npz and words.npz from public data.

    pip download --no-deps lingua-language-detector==1.3.5 && unzip lingua_language_detector-*.whl
    pip install babel==2.18.0 brotli wordfreq==3.1.1
    python -m tools.build_data.languages --models .../lingua/language-models

countries.json: for each country its share of the world's photos, the share of each language and of
each script on its signs, and its currencies. Languages, scripts and currencies come from Unicode
CLDR (Unicode licence) through babel; people from the places table.

languages.npz: conditional probabilities of letter n-grams (n = 1 to 5) in each language, from the
models of lingua (Apache-2.0), counted there on a million sentences a language (Leipzig corpora).
N-grams that hardly change the probability of a text are left out.

words.npz: frequencies of the commonest words of each language, from wordfreq (CC BY-SA 4.0), the
words hashed. One list serves Croatian, Bosnian and Serbian, one Bokmål and Nynorsk, one Dutch and
Afrikaans; the letters share it out.
The same inputs give the same bytes.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import unicodedata
from collections import defaultdict
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import brotli
import numpy as np
import wordfreq
from babel.core import get_global

from geotagger.fusion.prior import Constants
from geotagger.geography.places import load_places
from geotagger.text.cues.languages import AS_PRINTED
from geotagger.text.language.letters import load_letter_model
from geotagger.text.language.words import key_and_mark

if TYPE_CHECKING:
    from collections.abc import Mapping

DATA = Path(__file__).parents[3] / "geotagger" / "data"

MODELLED = (
    *("af", "ar", "az", "be", "bg", "bs", "ca", "cs", "cy", "da", "de", "en", "es", "et", "eu"),
    *("fa", "fi", "fr", "ga", "hi", "hr", "hu", "id", "is", "it", "kk", "lt", "lv", "mk", "mn"),
    *("mr", "ms", "nb", "nl", "nn", "pl", "pt", "ro", "ru", "sk", "sl", "so", "sq", "sr", "sv"),
    *("sw", "tl", "tr", "uk", "ur", "vi", "zu"),
)
"""Languages told apart by letters; those alone in their script need no model."""

OFFICIAL_PERCENT = 30.0
"""An official language is on signs even where few speak it at home."""
REGIONAL_SHARE = 1.0
"""Where it is official in a region, the signs there are in it, whoever speaks it at home."""
UNOFFICIAL_SHARE = 0.05
"""Share on signs of a language against its share of the people, by its standing."""
TAUGHT_AT_SCHOOL = frozenset({"de", "fr"})
"""Where official in a region only, CLDR counts those who learnt it (47 % German in Denmark)."""
ENGLISH_SHARE = 0.15
"""English on signs where it is no language of the country: tourists, brands, fashion."""
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
"""Written as another language on signs, or another name of the same one."""

LOWER_ORDER = 0.15
"""Weight of the shorter n-gram where the longer one is known (see
geotagger/text/language/letters.py)."""
UNKNOWN = 0.5
PRUNE_NATS = 1e-5
"""An n-gram stays if leaving it out would cost so much per letter of text."""


MIN_FREQUENCY = 10**-5.9
"""Of words kept: at 10^-5.5 the Russian list has no chemist's and the Lithuanian no bakery."""
LIST_OF = {"tl": "fil", "hr": "sh", "bs": "sh", "sr": "sh", "nn": "nb", "af": "nl"}
"""The list that serves a language, where its name is another."""
SHARED_WITH = {"hr": "sr", "sr": "hr", "nn": "nb", "af": "nl"}
"""Of two languages with one list, a word goes the more to the one whose letters it has."""
NO_LIST_NEEDED = frozenset({"hi", "mr"})
CYRILLIC = {"lj": "љ", "nj": "њ", "dž": "џ"} | dict(
    zip("abvgdđežzijklmnoprstćufhcčš", "абвгдђежзијклмнопрстћуфхцчш", strict=True)
)


def photo_shares() -> dict[str, float]:
    """Share of the world's photos by country: as the prior belief has it."""
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
    """Countries with a town; nobody puts up signs on Bouvet Island."""
    places = load_places()
    people = np.bincount(places.country, places.population, len(places.country_codes))
    return {code for code, n in zip(places.country_codes, people, strict=True) if n > 0}


def write_countries() -> None:
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
    (DATA / "countries.json").write_text(f"{{\n{lines}\n}}\n", "utf-8")


def read_ngrams(folder: Path) -> list[dict[str, float]]:
    """[n] -> n-gram -> probability of its last letter after the others; [0] is empty."""
    tables: list[dict[str, float]] = [{}]
    for name in ("unigrams", "bigrams", "trigrams", "quadrigrams", "fivegrams"):
        packed = (folder / f"{name}.json.br").read_bytes()
        groups = json.loads(brotli.decompress(packed))["ngrams"]
        tables.append({g: float(Fraction(f)) for f, v in groups.items() for g in v.split(" ")})
    return tables


def pruned(tables: list[dict[str, float]]) -> dict[str, float]:
    """The n-grams that matter (after Stolcke 1998): frequent, and not what shorter ones say."""
    kept = {g: p for g, p in tables[1].items() if p > PRUNE_NATS}
    joint, smooth = tables[1], tables[1]
    for table in tables[2:]:
        next_joint, next_smooth = {}, {}
        for ngram, p in table.items():
            shorter = smooth.get(ngram[1:], 1e-7)
            value = LOWER_ORDER * shorter + (1 - LOWER_ORDER) * p
            weight = joint.get(ngram[:-1], 0.0) * p
            next_joint[ngram], next_smooth[ngram] = weight, value
            if weight * abs(math.log(value / (UNKNOWN * shorter))) > PRUNE_NATS:
                kept[ngram] = p
        joint, smooth = next_joint, next_smooth
    return kept


def write_languages(models: Path) -> None:
    entries: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for index, language in enumerate(MODELLED):
        for ngram, p in pruned(read_ngrams(models / language)).items():
            entries[ngram].append((index, min(round(-math.log(p) * 16), 255)))
    write_ngrams(entries)


def write_ngrams(entries: Mapping[str, list[tuple[int, int]]]) -> None:
    ngrams = sorted(entries)
    counts = np.array([len(entries[ngram]) for ngram in ngrams], np.uint8)
    flat = np.array([pair for ngram in ngrams for pair in entries[ngram]], np.uint8)
    np.savez_compressed(
        DATA / "languages.npz",
        languages=np.array(MODELLED),
        ngrams=np.array(ngrams, "U5"),
        counts=counts,
        language=flat[:, 0],
        nats16=flat[:, 1],
    )


def words_of(language: str) -> dict[str, float]:
    """The commonest words and their share of all words in texts."""
    source = LIST_OF.get(language, language)
    if source not in wordfreq.available_languages("best") or language in NO_LIST_NEEDED:
        return {}
    frequencies: dict[str, float] = defaultdict(float)
    for text, frequency in wordfreq.get_frequency_dict(source).items():
        for word in re.findall(r"[^\W\d_]+", unicodedata.normalize("NFC", text)):
            frequencies[word.translate(AS_PRINTED)] += frequency
    common = sorted(word for word, value in frequencies.items() if value >= MIN_FREQUENCY)
    if language in SHARED_WITH:
        share = letters_share(common, language, SHARED_WITH[language])
    else:
        share = [0.5] * len(common)
    written = map(in_cyrillic, common) if language == "sr" else common
    return {
        new: 2 * part * frequencies[word]
        for word, new, part in zip(common, written, share, strict=True)
    }


def letters_share(words: list[str], language: str, other: str) -> list[float]:
    """Of the first of two languages, by the letters of each word."""
    letters = load_letter_model()
    logs = [
        letters.log_likelihood([in_cyrillic(word) for word in words] if code == "sr" else words)[
            :, letters.languages.index(code)
        ]
        for code in (language, other)
    ]
    share: list[float] = (1 / (1 + np.exp(np.clip(logs[1] - logs[0], -20, 20)))).tolist()
    return share


def in_cyrillic(word: str) -> str:
    for latin, cyrillic in CYRILLIC.items():
        word = word.replace(latin, cyrillic)
    return word


def write_words() -> None:
    """For each folded word the languages that have it, its marks and frequency in each."""
    lists = {language: words for language in MODELLED if (words := words_of(language))}
    entries: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for index, words in enumerate(lists.values()):
        for word, frequency in words.items():
            key, mark = key_and_mark(word)
            nats8 = 2 * min(max(round(-math.log(frequency) * 4), 0), 127)
            entries[key].append((index, mark, nats8))
    keys = np.array(sorted(entries), np.int64)
    flat = np.array([entry for key in keys.tolist() for entry in sorted(entries[key])], np.uint8)
    steps = np.diff(keys, prepend=0)
    np.savez_compressed(
        DATA / "words.npz",
        languages=np.array(list(lists)),
        steps=np.array([steps >> shift & 255 for shift in (0, 8, 16, 24)], np.uint8),
        counts=np.array([len(entries[key]) for key in keys.tolist()], np.uint8),
        language=flat[:, 0],
        marks=flat[:, 1],
        nats8=flat[:, 2],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, help="folder of lingua's language models")
    arguments = parser.parse_args()
    write_countries()
    if arguments.models:
        write_languages(arguments.models)
    write_words()


if __name__ == "__main__":
    main()
