"""Build geotagger/data/areas.json, the towns of telephone area codes, from public data.

    pip install phonenumbers==9.0.43
    python -m tools.build_data.areas

Area codes and their names come from libphonenumber (Apache-2.0) through phonenumbers, positions
from the places table. An area code is kept where its name is a town of the table in that country.
The same inputs give the same bytes.
"""

from __future__ import annotations

import argparse
import json
import unicodedata
from collections import Counter, defaultdict
from pathlib import Path

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE
from phonenumbers.geodata import GEOCODE_DATA

from geotagger.geography.places import Places, load_places
from geotagger.text.cues.subdivisions import subdivisions_of
from tools.build_data import DATA

MAX_AREA_DIGITS = 4
LONG_AREA_CODES = {"49": 5, "43": 5, "353": 5, "1": 3}
"""Maximum digits after the country code. Longer prefixes are exchanges."""
CHINESE_MOBILE = "861"
STATE_CODE_OF = {
    (state.country, state.name): state.code
    for country in ("US", "CA")
    for state in subdivisions_of(country).values()
}
ONE_TOWN = 0.7
"""A prefix belongs to a town if at least this share of its known numbers does."""


def folded(name: str) -> str:
    """The letters of a name, without case and diacritics."""
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss").replace("ø", "o")).casefold()
    return "".join(c for c in plain if c.isalnum())


def town_rows(places: Places) -> dict[tuple[str, str], int]:
    """(country code, folded name) -> the largest town of that name.

    In North America the state is part of the name, as in the names of area codes.
    """
    rows: dict[tuple[str, str], int] = {}
    for row in sorted(range(len(places)), key=lambda row: -int(places.population[row])):
        place = places.place(row)
        name = place.city.removesuffix(" City") if place.city == "New York City" else place.city
        if place.country_code in ("US", "CA"):
            name += STATE_CODE_OF.get((place.country_code, place.region), "")
        if name:
            rows.setdefault((place.country_code, folded(name)), row)
    return rows


def digits_of(number: str) -> int:
    """Maximum digits of an area code, including the country code."""
    code = country_code_of(number)
    return len(code) + LONG_AREA_CODES.get(code, MAX_AREA_DIGITS)


def country_code_of(number: str) -> str:
    return next(number[:n] for n in (1, 2, 3) if int(number[:n]) in COUNTRY_CODE_TO_REGION_CODE)


def row_of(number: str, names: dict[str, str], towns: dict[tuple[str, str], int]) -> int | None:
    for country in COUNTRY_CODE_TO_REGION_CODE[int(country_code_of(number))]:
        for name in names.values():
            first = name if country in ("US", "CA") else name.partition(",")[0].partition("/")[0]
            if (row := towns.get((country, folded(first)))) is not None:
                return row
    return None


def shortest(rows: dict[str, int]) -> dict[str, int]:
    """The shortest prefixes that each belong to one town."""
    below: dict[str, Counter[int]] = defaultdict(Counter)
    for number, row in rows.items():
        code = country_code_of(number)
        for end in range(len(code) + 1, min(len(number), digits_of(number)) + 1):
            below[number[:end]][row] += 1
    kept: dict[str, int] = {}
    for prefix in sorted(below, key=lambda prefix: (len(prefix), prefix)):
        row, count = below[prefix].most_common(1)[0]
        row = rows.get(prefix, row)
        parent = next(
            (kept[prefix[:n]] for n in range(len(prefix), 0, -1) if prefix[:n] in kept), -1
        )
        if count >= ONE_TOWN * below[prefix].total() and parent != row:
            kept[prefix] = row
    return kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=DATA, help="folder of the tables")
    out = parser.parse_args().out
    places = load_places()
    towns = town_rows(places)
    rows = {
        number: row
        for number, names in GEOCODE_DATA.items()
        if not (number.startswith(CHINESE_MOBILE) and number[3:4] >= "3")
        and (row := row_of(number, names, towns)) is not None
    }
    by_town: dict[int, list[str]] = defaultdict(list)
    for prefix, row in shortest(rows).items():
        by_town[row].append(prefix)
    table = []
    for row, prefixes in sorted(by_town.items()):
        place = places.place(row)
        people = int(places.population[row])
        table.append(
            [
                place.city,
                place.country_code,
                round(place.point.lat, 2),
                round(place.point.lon, 2),
                people,
                " ".join(prefixes),
            ]
        )
    lines = ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in table)
    (out / "areas.json").write_text(f"[\n{lines}\n]\n", "utf-8")


if __name__ == "__main__":
    main()
