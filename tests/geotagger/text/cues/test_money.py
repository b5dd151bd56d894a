# ruff: noqa: RUF001
"""Prices and currency signs."""

import pytest

from geotagger.text.canonical import canonical_text
from geotagger.text.cues.money import find
from geotagger.text.types import TextLine

BOX = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.2), (0.1, 0.2))


def cues(*texts, confidence=0.97):
    return find([TextLine(text, confidence, BOX) for text in texts])


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("12,50 €", "DE"),
        ("€ 12,50", "NL"),
        ("100€", "ES"),
        ("£1000", "GB"),
        ("25,00 zł", "PL"),
        ("199 Kč", "CZ"),
        ("1 990 Ft", "HU"),
        ("49:-", "SE"),
        ("kr 49,-", "NO"),
        ("49 kr", "DK"),
        ("CHF 12.50", "CH"),
        ("250 ₺", "TR"),
        ("150 TL", "TR"),
        ("300 ₽", "RU"),
        ("120 руб.", "RU"),
        ("80 грн", "UA"),
        ("12,00 лв.", "BG"),
        ("₹ 499", "IN"),
        ("Rs. 250", "IN"),
        ("500円", "JP"),
        ("¥1,200", "JP"),
        ("5,000원", "KR"),
        ("฿80", "TH"),
        ("50.000 ₫", "VN"),
        ("R$ 19,90", "BR"),
        ("S/ 15.00", "PE"),
        ("Rp 25.000", "ID"),
        ("RM 12.90", "MY"),
        ("₪45", "IL"),
        ("15 lei", "RO"),
        ("NT$ 120", "TW"),
        ("HK$ 58", "HK"),
        ("1500 FCFA", "SN"),
        ("KSh 500", "KE"),
        ("₱ 99", "PH"),
        ("₾ 5", "GE"),
    ],
)
def test_currencies(text, country):
    found = cues(text)
    assert len(found) == 1
    assert found[0].kind == "money"
    assert found[0].countries[country] > 3


def test_the_dollar_is_weak_and_spread():
    (cue,) = cues("$4.99")
    assert {"US", "CA", "AU", "NZ", "MX", "CL", "CO", "AR"} <= set(cue.countries)
    assert max(cue.countries.values()) < 30


def test_euro_order_leans_and_does_not_decide():
    (last,), (first,) = cues("12,50 €"), cues("€12.50")
    assert last.countries["DE"] > 2 * last.countries["IE"]
    assert first.countries["IE"] > 2 * first.countries["DE"]
    assert first.countries["DE"] > 1.5


def test_a_price_in_pounds_is_no_euro_price():
    (cue,) = cues("£5.00")
    assert "DE" not in cue.countries
    assert cue.countries["GB"] > cue.countries.get("EG", 1.0)


def test_one_cue_a_currency():
    assert len(cues("12,50 €", "3,50 €", "7,00 €")) == 1


@pytest.mark.parametrize(
    "text",
    [
        "12:30",
        "13.05.2024",
        "8.00-18.00",
        "Nr. 25",
        "A 7",
        "L 12",
        "20 m",
        "M25",
        "ROOM 12",
        "Krone",
        "Leitung 5",
        "24 h",
        "50 %",
        "Sektor",
        "Trust 100",
        "Q7",
        "US-101",
        "+49 521 512345",
        "",
    ],
)
def test_other_texts_give_no_cue(text):
    assert cues(text) == []


def test_feet_are_hardly_forints():
    (cue,) = cues("100 ft")
    assert cue.countries["HU"] < 10


def test_illegible_lines_give_no_cue():
    assert cues("12,50 €", confidence=0.4) == []


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("350 руб.", "RU"), ("35 гривень", "UA"), ("900 ₸", "KZ"), ("5000 тенге", "KZ"),
        ("87 сом", "KG"), ("20 сомонӣ", "TJ"), ("1000₮", "MN"), ("5000 төг", "MN"),
        ("80 ден.", "MK"),
        ("2 ლარი", "GE"), ("500 դրամ", "AM"), ("٢٥ جنيه", "EG"), ("۵۰۰۰ تومان", "IR"),
        ("٥٠ درهم", "AE"), ("١٠ ر.س", "SA"), ("٥ د.ك", "KW"), ("30 روپے", "PK"),
        ("৫০ টাকা", "BD"), ("रू 50", "NP"), ("৳ 50", "BD"), ("20 ብር", "ET"), ("5000 ກີບ", "LA"),
        ("4000៛", "KH"), ("500 ကျပ်", "MM"), ("10 שקלים", "IL"),
    ],
)  # fmt: skip
def test_other_scripts(text, country):
    found = [max(cue.countries, key=cue.countries.get) for cue in cues(canonical_text(text))]
    assert found == [country]
