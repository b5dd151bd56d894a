"""Plain words, brands and titles that happen to be names of far towns."""

# ruff: noqa: RUF001  letters of other scripts look like Latin ones, on purpose

from __future__ import annotations

import pytest

from geotagger.text.cues.place_names import KIND, find
from geotagger.text.find_cues import find_cues
from geotagger.text.types import OcrResult, TextLine

BOX = ((0.1, 0.4), (0.9, 0.4), (0.9, 0.6), (0.1, 0.6))


def meanings(text: str) -> list[str]:
    return [cue.meaning for cue in find([TextLine(part, 0.95, BOX) for part in text.split(" / ")])]


@pytest.mark.parametrize(
    "text",
    [
        "FASHION WEEK", "Of the week", "Turkey Dinner", "Roast Turkey / Thanksgiving Menu",
        "KIRIN", "KIRIN ICHIBAN", "MOBa", "Modern Art", "Lager Beer / Stout", "Nails",
        "Freedom Fries", "Crossroads Market", "Noisy Toys", "Amen Corner", "Consolation Prize",
        "Fortune Cookie", "War and Peace", "Gone with the Wind", "A Tale of Two Cities",
        "Big Mac / French Fries", "Burger King", "Samsung", "Coca-Cola", "Sale / Up to 50% off",
        "Mind the Gap", "Happy Hour", "Wet Paint", "Orient Express",
        "Pollo asado / Pan dulce", "Puerta cerrada", "Semana Santa", "Feliz Navidad",
        "Le Petit Prince / Saint-Exupéry", "L'étranger / Albert Camus", "Sauces / Plats du jour",
        "Joyeux Noël", "Soldes d'été",
        "Der Prozess / Franz Kafka", "Essen und Trinken",
        "Kürk Mantolu Madonna", "Benim Adım Kırmızı", "İnce Memed", "Osmanlı Tarihi",
    ],
)  # fmt: skip
def test_plain_words_brands_and_titles_name_no_place(text: str) -> None:
    lines = tuple(TextLine(part, 0.95, BOX) for part in text.split(" / "))
    cues, _ = find_cues(OcrResult(lines, 1000, 1000))
    assert [cue.meaning for cue in cues if cue.kind == KIND] == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Nice", "Nice, FR"),
        ("Bath", "Bath, GB"),
        ("Reading", "Reading, GB"),
        ("Paris", "Paris, FR"),
        ("Roma", "Rome, IT"),
        ("Halle", "Halle (Saale), DE"),
        ("Malines", "Mechelen, BE"),
        ("Nürnberg", "Nuremberg, DE"),
        ("Praha", "Prague, CZ"),
        ("Kempten", "Kempten (Allgäu), DE"),
        ("Klagenfurt", "Klagenfurt am Wörthersee, AT"),
        ("Bariloche", "San Carlos de Bariloche, AR"),
        ("København", "Copenhagen, DK"),
        ("Warszawa", "Warsaw, PL"),
        ("Bruxelles", "Brussels Capital, BE"),
        ("Kopenhagen", "Copenhagen, DK"),
        ("LEFKOŞA", "Nicosia, CY"),
        ("Lisboa", "Lisbon, PT"),
        ("Wien", "Vienna, AT"),
        ("Den Haag", "The Hague, NL"),
        ("Firenze", "Florence, IT"),
        ("Москва", "Moscow, RU"),
    ],
)
def test_names_in_use_keep_their_place(text: str, name: str) -> None:
    assert meanings(text)[0].partition(" (and")[0] == name


def test_an_official_word_shows_that_a_plain_word_is_a_name() -> None:
    assert meanings("Beer") == []
    assert any("Beer, GB" in meaning for meaning in meanings("Welcome to Beer"))


@pytest.mark.parametrize("text", ["Opel Ascona", "Seat Ibiza", "Hyundai Santa Fe"])
def test_a_car_is_not_the_town_that_it_is_called_after(text: str) -> None:
    brand, town = text.split(" ", 1)
    assert _strongest(f"{brand} {town}") < 0.2 * _strongest(town)


def _strongest(text: str) -> float:
    cues = find([TextLine(text, 0.95, BOX)])
    return max((spot.ratio for cue in cues for spot in cue.spots), default=1.0)
