"""Symbols from left to right, and the text that is read."""

# ruff: noqa: RUF001  letters of other scripts look like Latin ones, on purpose

import unicodedata

import pytest

from geotagger.text.ocr.line_labels import to_symbols, to_text


@pytest.mark.parametrize(
    "text",
    [
        "Москва 12",
        "서울역 3번 출구",
        "شارع الملك 12",
        "Hotel فندق 5",
        "مطعم Pizza Hut 12:30",
        "١٢٫٥٠ ريال",
        "(שלום) רחוב 7",
        "ถ.สุขุมวิท",
        "दिल्ली १२",
        "",
    ],
)
def test_text_comes_back(text):
    assert to_text(to_symbols(text)) == text


def test_symbols_follow_the_eye():
    assert to_symbols("אבג 12") == "12 גבא"
    assert to_symbols("אב (גד)") == "(דג) בא"
    assert to_symbols("אב Cafe Nero גד") == "דג Cafe Nero בא"


def test_hangul_is_spelled():
    symbols = to_symbols("한국")
    assert len(symbols) == 6
    assert all(0x1100 <= ord(symbol) < 0x1200 for symbol in symbols)
    assert to_text("\u1112\u1161\u11ab") == "한"


def test_what_no_sign_shows_is_left_out():
    assert to_symbols("می\u200cخواهم") == to_symbols("میخواهم")
    assert to_text(to_symbols("שָׁלוֹם")) == "שלום"
    assert to_text(to_symbols("مُحَمَّد")) == "محمد"
    assert to_symbols("\u202bא\u202c") == "א"


def test_forms_of_one_letter_are_one_symbol():
    assert to_symbols(unicodedata.normalize("NFD", "Їжак")) == to_symbols("Їжак")
    assert to_text("и\u0306") == "й"
