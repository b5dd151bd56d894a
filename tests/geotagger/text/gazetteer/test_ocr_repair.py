"""Names that the edge of the picture cuts, and names with one misread letter."""

from __future__ import annotations

import pytest

from geotagger.geography.sphere import haversine_km
from geotagger.text.cues.place_names import find
from geotagger.text.gazetteer.ocr_repair import complete_cut_name, correct_misread_letter
from geotagger.text.types import TextLine

NAMES = frozenset({"barcelona", "stockholm", "copenhagen", "alexandria", "alexandra", "palmira"})


@pytest.mark.parametrize(
    ("part", "start_is_cut", "end_is_cut", "name"),
    [
        ("barcelo", False, True, "barcelona"),
        ("tockholm", True, False, "stockholm"),
        ("stockhol", True, False, ""),
        ("tockholm", False, True, ""),
        ("barce", False, True, ""),
        ("barcel", False, True, ""),
        ("stockholm", True, True, ""),
        ("alexandr", False, True, ""),
    ],
)
def test_cut_names_are_completed(
    part: str, start_is_cut: bool, end_is_cut: bool, name: str
) -> None:
    assert complete_cut_name(part, NAMES, start_is_cut=start_is_cut, end_is_cut=end_is_cut) == name


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("capenhagen", "copenhagen"),
        ("stackholm", "stockholm"),
        ("stockhoim", "stockholm"),
        ("stockhotm", "stockholm"),
        ("stockholx", ""),
        ("stckholm", ""),
        ("pa1mira", ""),
        ("palmiro", ""),
    ],
)
def test_one_misread_letter_is_corrected(word: str, name: str) -> None:
    assert correct_misread_letter(word, NAMES) == name


def test_a_cut_name_counts_only_at_the_edge() -> None:
    def line(left: float, right: float) -> TextLine:
        corners = ((left, 0.4), (right, 0.4), (right, 0.5), (left, 0.5))
        return TextLine("Stockhol", 0.95, corners)

    (cue,) = find([line(0.5, 1.0)])
    assert haversine_km(59.33, 18.06, cue.spots[0].lat, cue.spots[0].lon) < 20
    assert find([line(0.4, 0.9)]) == []
    assert find([line(0.0, 0.5)]) == []


def test_repaired_names_are_weaker_than_whole_ones() -> None:
    corners = ((0.2, 0.4), (0.8, 0.4), (0.8, 0.5), (0.2, 0.5))
    (damaged,) = find([TextLine("Capenhagen", 0.95, corners)])
    (whole,) = find([TextLine("Copenhagen", 0.95, corners)])
    assert 4 < damaged.spots[0].ratio < whole.spots[0].ratio
