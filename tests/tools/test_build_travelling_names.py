"""The builders of the tables of persons and of names that travel."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

for package in ("faker", "wordfreq"):
    pytest.importorskip(package)

from tools.build_data.persons import is_word  # noqa: E402
from tools.build_data.travelling_names import brands, update  # noqa: E402


def index(tmp_path: Path) -> Path:
    """A file laid out as the name-suggestion-index."""

    def brand(name: str, where: str) -> dict[str, object]:
        return {"displayName": name, "locationSet": {"include": [where]}, "tags": {"brand": name}}

    categories = {
        "brands/shop/car": {"items": [brand("Toyota", "001"), brand("Zzyzx Motors", "us")]},
        "brands/shop/shoes": {"items": [brand("Bata", "de"), brand("New York", "de")]},
        "operators/amenity/post": {"items": [brand("Bielefeld", "de")]},
    }
    path = tmp_path / "nsi.json"
    path.write_text(json.dumps({"nsi": categories}))
    return path


def test_brands_of_one_word_that_are_places_are_kept(tmp_path: Path) -> None:
    assert brands(index(tmp_path)) == {"toyota": "world brand", "bata": "brand"}


def test_rows_written_by_hand_stay(tmp_path: Path) -> None:
    table = tmp_path / "travelling_names.csv"
    table.write_text("name,kind,source\nbata,food,own\nold,brand,nsi\ncheddar,food,own\n")
    update(table, brands(index(tmp_path)))
    with table.open(newline="") as file:
        rows = [tuple(row.values()) for row in csv.DictReader(file)]
    assert rows == [
        ("bata", "food", "own"),
        ("cheddar", "food", "own"),
        ("toyota", "world brand", "nsi"),
    ]


@pytest.mark.parametrize(
    ("name", "share", "word"),
    [("hermann", 5e-4, False), ("jack", 3e-3, False), ("the", 5e-4, True), ("rue", 1e-5, True)],
)
def test_words_are_no_names_of_persons(name: str, share: float, word: bool) -> None:
    assert is_word(name, share) is word
