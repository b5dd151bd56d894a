"""States, provinces and territories of the US, Canada and Australia (`data/subdivisions.csv`)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from geotagger.data import read_table


@dataclass(frozen=True, slots=True)
class Subdivision:
    """A state, province or territory (ISO 3166-2 subdivision)."""

    country: str
    """ISO 3166-1 alpha-2 code."""
    code: str
    """Postal code; the US and Canada share none."""
    name: str
    postcode_first_digits: str
    """Digits that a postcode there may begin with; empty in Canada."""


@cache
def subdivisions_of(country: str) -> dict[str, Subdivision]:
    """Return a country's subdivisions by postal code."""
    rows = (row for row in read_table("subdivisions.csv") if row["country"] == country)
    return {
        row["code"]: Subdivision(country, row["code"], row["name"], row["postcode_first_digits"])
        for row in rows
    }
