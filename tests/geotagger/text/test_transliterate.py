"""Latin letters for other scripts, where the package for them is installed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from geotagger.text.explain import TextExplanation
from geotagger.text.gazetteer.gazetteer import load_gazetteer, normalise
from geotagger.text.transliterate import transliterate
from geotagger.text.types import TextLine


@pytest.mark.parametrize(
    ("text", "latin"),
    [
        ("Москва, ул. Ленина", "Moskva, ul. Lenina"),
        ("თბილისი", "tbilisi"),
        ("नई दिल्ली", "ni dilli"),
        ("ΑΘΗΝΑ", "AThINA"),
        ("Кафе\u202e \x1b[31m", "Kafe [31m"),
    ],
)
def test_other_letters_become_latin_ones(text: str, latin: str) -> None:
    pytest.importorskip("anyascii")
    assert transliterate(text).replace("\x1b", "") == latin


@pytest.mark.parametrize("text", ["", "12 km", "Köln Hbf", "東京", "ひらがな", "Coca-Cola Ω"])
def test_what_needs_no_latin_letters_has_none(text: str) -> None:
    assert transliterate(text) == ""


def test_without_the_package_nothing_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "anyascii", None)
    assert transliterate("Москва") == ""


def test_a_transliteration_is_no_name() -> None:
    """Signs in Tbilisi have no word `tbilisisaken`; letters by letters are not looked up."""
    gazetteer = load_gazetteer()
    assert normalise("კიკვიძის") not in gazetteer
    assert gazetteer.lookup(normalise("shr` lmlk fhd")) == []


def test_read_shows_the_line_and_below_it_latin_letters() -> None:
    pytest.importorskip("anyascii")
    box = ((0.1, 0.4), (0.9, 0.4), (0.9, 0.6), (0.1, 0.6))
    lines = (TextLine("Москва\u202e\u200f", 0.9, box), TextLine("Bar", 0.9, box))
    shown = TextExplanation(Path("a.jpg"), lines)
    assert "0.90  Москва\\u202e\\u200f\n        in Latin letters: Moskva\n" in shown.to_text()
    first, second = json.loads(shown.to_json())["lines"]
    assert first["transliteration"] == "Moskva"
    assert "transliteration" not in second
