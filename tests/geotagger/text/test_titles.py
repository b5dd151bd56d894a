"""Text whose language travels."""

# ruff: noqa: RUF001  Turkish has an i without a dot

import pytest

from geotagger.text.find_cues import find_cues
from geotagger.text.titles import (
    NAMES_WEIGHT,
    TITLE_WEIGHT,
    TWO_WORDS_WEIGHT,
    language_weight,
)
from geotagger.text.types import OcrResult, TextLine

BOX = ((0.1, 0.4), (0.9, 0.4), (0.9, 0.6), (0.1, 0.6))


def lines(text: str) -> tuple[TextLine, ...]:
    return tuple(TextLine(part, 0.95, BOX) for part in text.split(" / "))


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        ("Orhan Pamuk", NAMES_WEIGHT),
        ("Heinrich Böll", NAMES_WEIGHT),
        ("Gouda / Edamer", NAMES_WEIGHT),
        ("Buon Natale", NAMES_WEIGHT),
        ("Yaşar Kemal / İnce Memed", TITLE_WEIGHT),
        ("Suç ve Ceza", TITLE_WEIGHT),
        ("Benim Adım Kırmızı", TITLE_WEIGHT),
        ("Masumiyet Müzesi", TWO_WORDS_WEIGHT),
    ],
)
def test_titles_and_persons_are_recognised(text: str, weight: float) -> None:
    assert language_weight(lines(text)) == weight


@pytest.mark.parametrize(
    "text",
    [
        "Park etmek yasaktır", "Satılık daire / Sahibinden", "PARK YAPILMAZ / DİKKAT",
        "Chien méchant", "Défense de stationner", "Varning för hunden", "Ulaz zabranjen",
        "Hôtel de Bretagne / Chambres", "Velkommen til Geiranger", "Strada Republicii",
        "Via Vittorio Emanuele", "Zahnarzt / Dr. Hans Müller / 1. Stock", "Zimmer 12 Frei",
        "Betreten auf eigene Gefahr / Eltern haften für ihre Kinder", "", "12 / 34",
    ],
)  # fmt: skip
def test_signs_keep_their_language(text: str) -> None:
    assert language_weight(lines(text)) == 1.0


def test_a_long_text_is_no_title() -> None:
    assert language_weight(lines("Eine Sehr Lange Zeile Mit Vielen Wörtern Und Noch Mehr")) == 1.0


def test_a_title_is_weaker_evidence_of_a_country_than_a_sign() -> None:
    title, sign = (
        find_cues(OcrResult(lines(text), 1000, 1000))[0][0].countries["TR"]
        for text in ("Suç ve Ceza", "Lütfen çimlere basmayınız")
    )
    assert title < 0.5 * sign


def test_other_cues_show_that_it_is_a_sign() -> None:
    cues, _ = find_cues(OcrResult(lines("Benim Adım Kırmızı / Tel. 0212 555 66 77"), 1000, 1000))
    language = next(cue for cue in cues if cue.kind == "language")
    alone = find_cues(OcrResult(lines("Benim Adım Kırmızı"), 1000, 1000))[0][0]
    assert language.countries["TR"] > alone.countries["TR"]
