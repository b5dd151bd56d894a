"""Ways to write the same text: normal forms, positions, digits, homoglyphs, marks of direction."""

# ruff: noqa: RUF001  letters of other scripts look like Latin ones, on purpose

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geotagger.text.canonical import canonical_text


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("ﻣﺪﻳﻨﺔ ﺍﻟﺮﻳﺎﺽ", "مدينة الرياض"),
        ("الريـــاض", "الرياض"),
        ("الرِّيَاضُ", "الرياض"),
        ("٢٦ يوليو", "26 يوليو"),
        ("۵۰۰۰ تومان", "5000 تومان"),
        ("०१-४२२३४५६", "01-4223456"),
        ("ราคา ๔๐ บาท", "ราคา 40 บาท"),
        ("قائم‌شهر", "قائم شهر"),
        ("\u202bשלום\u202c\u200f", "שלום"),
        ("תֵּל־אָבִיב", "תל-אביב"),
        ("ש״ח", 'ש"ח'),
        ("नई दिल्ली।", "नई दिल्ली "),
        ("አዲስ፡አበባ", "አዲስ አበባ"),
        ("Mосква", "Москва"),
        ("ПИBO", "ПИВО"),
        ("AΘHNA", "ΑΘΗΝΑ"),
        ("Kиïв", "Київ"),
    ],
)
def test_one_form_of_a_text(written: str, expected: str) -> None:
    assert canonical_text(written) == expected
    assert canonical_text(unicodedata.normalize("NFD", written)) == expected
    assert canonical_text(expected) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Rue de l’Église 12, 1000 Bruxelles",
        "Größe ½ m²",
        "WiFi кафе",
        "Кафе-BAR",
        "東京都１２丁目",
        "서울특별시",
        "മലയാളം ക്‍ഷ",
        "µm",
        "",
    ],
)
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert canonical_text(text) == text


@given(st.text(st.characters(), max_size=40))
def test_any_characters_at_all(text: str) -> None:
    once = canonical_text(text)
    assert not {"\u200e", "\u200f", "\u202e", "\u2066", "\u061c"} & set(once)
    assert unicodedata.is_normalized("NFC", once)
