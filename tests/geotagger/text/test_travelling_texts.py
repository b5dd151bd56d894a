"""Persons, brands, dishes and titles name no town; towns, also in other languages, keep theirs."""

from collections import Counter

import pytest

from benchmarks.quality.sign_words import (
    PHRASES,
    SIGNS,
    measure_phrases,
    measure_signs,
    rows,
)
from geotagger.geography.places import load_places

TRAVELLING = [("tune", 0, 9), ("held out", 2, 11)]
"""Half of the texts, most that are answered with a town, most with an absurd reason."""
TOWNS = [("tune", 150, 76, 135), ("held out", 143, 65, 134)]
"""Half of the signs, fewest right countries, towns that are answered, towns that are named."""

Counts = dict[tuple[str, str], Counter[str]]


@pytest.fixture(scope="module")
def phrases() -> Counts:
    return measure_phrases()


@pytest.fixture(scope="module")
def signs() -> Counts:
    return measure_signs()


@pytest.mark.parametrize("half", ["tune", "held out"])
@pytest.mark.parametrize("kind", ["person", "brand", "shirt", "shop", "common"])
def test_persons_brands_and_slogans_are_answered_with_no_town(
    phrases: Counts, half: str, kind: str
) -> None:
    assert phrases[half, kind]["town"] == 0


@pytest.mark.parametrize(("half", "towns", "absurd"), TRAVELLING)
def test_few_reasons_are_absurd(phrases: Counts, half: str, towns: int, absurd: int) -> None:
    """Before: 5 and 6 answered with a town, 83 and 81 absurd reasons."""
    assert phrases[half, "all"]["town"] <= towns
    assert phrases[half, "all"]["absurd reason"] <= absurd


@pytest.mark.slow
@pytest.mark.parametrize(("half", "right", "near", "named"), TOWNS)
def test_signs_keep_their_towns(
    signs: Counts, half: str, right: int, near: int, named: int
) -> None:
    """Before: 147 and 143 countries right, 75 and 64 towns answered, 133 and 141 named."""
    count = signs[half, "all"]
    assert count["country right"] >= right
    assert count["town near"] >= near
    assert count["town named"] >= named
    assert count["town far"] == 0


def test_the_texts_are_what_they_claim() -> None:
    places = load_places()
    for row in rows(SIGNS):
        assert row["country"] in places.country_codes
        assert row["half"] in {"tune", "held out"}
        if row["town"]:
            code = places.name(float(row["lat"]), float(row["lon"])).country_code
            assert code in (row["country"], ""), row
    texts = [row["text"] for path in (PHRASES, SIGNS) for row in rows(path)]
    assert len(texts) == len(set(texts)) > 800
