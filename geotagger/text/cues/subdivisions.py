"""States, provinces and territories of the US, Canada and Australia (`data/states.csv`)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from geotagger.text.cues.pattern_cue import read_rows


@dataclass(frozen=True, slots=True)
class State:
    """A state, province or territory."""

    country: str
    """ISO 3166-1 alpha-2 code."""
    code: str
    """Postal code; the US and Canada share none."""
    name: str
    postcode_first_digits: str
    """Digits that a postcode of the state may begin with; empty in Canada."""


@cache
def states_of(country: str) -> dict[str, State]:
    """Return a country's states by postal code."""
    rows = (row for row in read_rows("states.csv") if row["country"] == country)
    return {
        row["code"]: State(country, row["code"], row["name"], row["postcode_first_digits"])
        for row in rows
    }
