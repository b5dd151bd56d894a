"""Signs in other scripts than Latin: what their words are answered with, by half of the signs."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.quality import script_signs

ONE_COUNTRY = {
    "Armn", "Ethi", "Geor", "Grek", "Hang", "Hebr", "Khmr", "Laoo", "Mymr", "Sinh", "Thai",
}  # fmt: skip


@pytest.fixture(scope="module")
def outcomes() -> list[tuple[str, str, str, Counter[str]]]:
    return list(script_signs.measure())


def test_halves_are_of_similar_size(outcomes: list[tuple[str, str, str, Counter[str]]]) -> None:
    halves = Counter(half for half, *_ in outcomes)
    assert min(halves.values()) > 0.4 * sum(halves.values())


@pytest.mark.parametrize("half", script_signs.HALVES)
@pytest.mark.parametrize(
    ("scripts", "min_share"),
    [(ONE_COUNTRY, 0.9), ({"Cyrl"}, 0.85), ({"Arab"}, 0.85), ({"Beng", "Deva", "Taml"}, 0.85)],
    ids=["one country", "Cyrillic", "Arabic", "India and neighbours"],
)
def test_most_countries_are_right_and_towns_are_hardly_wrong(
    outcomes: list[tuple[str, str, str, Counter[str]]],
    half: str,
    scripts: set[str],
    min_share: float,
) -> None:
    total: Counter[str] = Counter()
    for of_half, script, _, outcome in outcomes:
        if of_half == half and script in scripts:
            total.update(outcome)
    assert total["country right"] >= min_share * total["signs"]
    assert total["wrong town"] <= 0.05 * total["signs"]
