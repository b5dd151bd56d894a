"""Names that travel: goods, dishes, persons and phrases that are called like a place.

`data/travelling_names.csv`; see `tools/build_data/travelling_names.py`.
"""

from __future__ import annotations

from functools import cache

from geotagger.data import read_table

WORLD_BRAND = "world brand"
"""Kind of brands that are better known than any town of the name: Toyota."""


@cache
def travelling_names() -> dict[str, str]:
    """Return the kind of each name, by its normalised form."""
    return {row["name"]: row["kind"] for row in read_table("travelling_names.csv")}
