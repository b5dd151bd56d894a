"""Bring the brands in travelling_names.csv up to date.

    npm pack name-suggestion-index@8.0.20260918 && tar xzf name-suggestion-index-*.tgz
    python -m tools.build_data.travelling_names --brands package/dist/json/nsi.min.json

The table has names of goods, dishes, persons and phrases that are also names of places. Rows of the
source `own` are written by hand and stay. Those of the source `nsi` are the brands of shops in the
name-suggestion-index of OpenStreetMap (BSD-3-Clause): those of one word that the gazetteer has as
names of places.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

from geotagger.text.gazetteer.gazetteer import load_gazetteer, normalise
from tools.build_data import DATA

COLUMNS = ("name", "kind", "source")
WORLD = "001"
"""Code of the whole world in the index: shops of the brand are everywhere."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--brands", type=Path, required=True, help="nsi.min.json of the index")
    parser.add_argument("--out", type=Path, default=DATA, help="folder of the tables")
    args = parser.parse_args()
    own, others = update(args.out / "travelling_names.csv", brands(args.brands))
    print(f"{own} names written by hand, {others} brands of shops")


def update(path: Path, kind_of_brand: dict[str, str]) -> tuple[int, int]:
    """Replace the brands in the table.

    Args:
        path: the table.
        kind_of_brand: kind by normalised name.

    Returns:
        The number of rows that were written by hand, and of brands.
    """
    with path.open(encoding="utf-8", newline="") as file:
        rows = {row["name"]: row for row in csv.DictReader(file) if row["source"] == "own"}
    own = len(rows)
    for name, kind in kind_of_brand.items():
        rows.setdefault(name, {"name": name, "kind": kind, "source": "nsi"})
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[name] for name in sorted(rows))
    return own, len(rows) - own


def brands(path: Path) -> dict[str, str]:
    """Normalised names of brands that are names of places, and the kind of each."""
    gazetteer = load_gazetteer()
    found: dict[str, str] = {}
    categories = json.loads(path.read_text("utf-8"))["nsi"]
    for category in sorted(name for name in categories if name.startswith("brands/")):
        for item in categories[category]["items"]:
            is_world = WORLD in item["locationSet"]["include"]
            for name in {item["displayName"], item["tags"].get("brand", "")}:
                key = normalise(name)
                if " " in key or key not in gazetteer:
                    continue
                if is_world or key not in found:
                    found[key] = "world brand" if is_world else "brand"
    return found


if __name__ == "__main__":
    main()
