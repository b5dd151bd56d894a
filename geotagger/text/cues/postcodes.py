"""Postcodes by their form (`data/postcodes.csv`, `data/postcode_prefixes.csv`).

The forms are those of the Universal Postal Union. A form has the rate 1 in every country that uses
it, and an accident rate at which serial numbers, sizes and prices look the same. Forms with letters
belong nearly to one country. Dozens of countries share four or five digits before a capitalised
word, so these forms are very weak. Digits alone are no cue.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from geotagger.data import read_table
from geotagger.text.cues.pattern_cue import PatternCue, first_cue, one_per_meaning, read_patterns
from geotagger.text.cues.subdivisions import subdivisions_of

if TYPE_CHECKING:
    from geotagger.text.types import Cue, TextLine

KIND = "postcode"
MIN_DIGITS = 2
TOWN = r"(?= ?,? ?[^\W\d_]*[A-ZÀ-ÞŁŚŻĆ][^\W\d_]{2,})"
"""Before a word with a capital letter."""
PREFIXED = re.compile(rf"(?<![\w-])([A-Z]{{1,3}})[-–] ?((?:\d[ -]?){{2,5}}\d)(?![\w-]){TOWN}")  # noqa: RUF001
"""`D-33602 Bielefeld`, `SE-123 45 Kiruna`."""
ONE_LETTER_ACCIDENT_RATE, LETTERS_ACCIDENT_RATE = 0.02, 0.003
"""Of postcodes after one letter, and after two or three."""


def find(lines: Sequence[TextLine]) -> list[Cue]:
    """Return one cue for each form; a line counts for the first form that fits."""
    return one_per_meaning(
        cue
        for line in lines
        if sum(character.isdigit() for character in line.text) >= MIN_DIGITS
        for cue in first_cue(line, (*_prefix_pattern(line.text), *postcode_forms()))
    )


@cache
def postcode_forms() -> tuple[PatternCue, ...]:
    """Return the forms without a country's prefix, in order of precedence."""
    fragments = {
        "town": TOWN,
        "us_state": "|".join(subdivisions_of("US")),
        "au_state": "|".join(subdivisions_of("AU")),
    }
    checks = {
        "zip_is_of_state": lambda match: _is_of_state(match, "US"),
        "postcode_is_of_state": lambda match: _is_of_state(match, "AU"),
        "province_in_brackets": lambda match: "(" in match[0],
    }
    return read_patterns("postcodes.csv", KIND, fragments=fragments, checks=checks)


def _is_of_state(match: re.Match[str], country: str) -> bool:
    """Whether the first digit (group 2) belongs to the state (group 1)."""
    return match[2] in subdivisions_of(country)[match[1]].postcode_first_digits


def _prefix_pattern(text: str) -> Iterator[PatternCue]:
    """Yield the form with the country's prefix that the text has, if any."""
    match = PREFIXED.search(text)
    if match:
        digits = sum(character.isdigit() for character in match[2])
        country = prefixed_countries().get((match[1], digits))
        if country:
            is_letter = len(match[1]) == 1
            accident_rate = ONE_LETTER_ACCIDENT_RATE if is_letter else LETTERS_ACCIDENT_RATE
            meaning = f"postcode of {country}"
            yield PatternCue(KIND, meaning, PREFIXED, {country: 1.0}, accident_rate)


@cache
def prefixed_countries() -> dict[tuple[str, int], str]:
    """Return the country by prefix (vehicle or ISO letters) and number of digits."""
    return {
        (prefix, int(row["digits"])): row["country"]
        for row in read_table("postcode_prefixes.csv")
        for prefix in row["prefixes"].split()
    }
