"""Postcodes by their form."""

import pytest

from geotagger.text.country_profiles import country_profiles
from geotagger.text.cues.postcodes import find, postcode_forms, prefixed_countries
from geotagger.text.types import TextLine

BOX = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.2), (0.1, 0.2))


def cues(text, confidence=0.97):
    return find([TextLine(text, confidence, BOX)])


@pytest.mark.parametrize(
    ("text", "country", "least"),
    [
        ("London SW1A 1AA", "GB", 100),
        ("Manchester M1 4BT", "GB", 100),
        ("Ottawa ON K1A 0B1", "CA", 100),
        ("Portland, OR 97205", "US", 50),
        ("Brooklyn NY 11201-1234", "US", 50),
        ("Sydney NSW 2000", "AU", 50),
        ("Dublin 2, D02 X285", "IE", 20),
        ("〒100-0001", "JP", 100),
        ("CEP 01310-100", "BR", 100),
        ("São Paulo 01310-100", "BR", 5),
        ("C.P. 06000 México", "MX", 50),
        ("PIN 560001", "IN", 50),
        ("Bengaluru - 560 001", "IN", 5),
        ("20121 Milano (MI)", "IT", 20),
        ("1012 AB Amsterdam", "NL", 15),
        ("00-950 Warszawa", "PL", 20),
        ("1100-148 Lisboa", "PT", 20),
        ("114 55 Stockholm", "SE", 4),
        ("110 00 Praha", "CZ", 4),
        ("D-33602 Bielefeld", "DE", 30),
        ("SE-114 55 Stockholm", "SE", 30),
        ("F-75011 Paris", "FR", 30),
        ("CH-8001 Zürich", "CH", 50),
        ("A-1010 Wien", "AT", 30),
        ("DK-8000 Aarhus", "DK", 50),
        ("PL-00-950 Warszawa", "PL", 50),
    ],
)
def test_forms(text, country, least):
    (cue,) = cues(text)
    assert cue.kind == "postcode"
    assert cue.countries[country] > least
    assert cue.countries[country] == max(cue.countries.values())


@pytest.mark.parametrize(("text", "country"), [("33602 Bielefeld", "DE"), ("8000 Aarhus", "DK")])
def test_digits_and_a_town_are_very_weak(text, country):
    (cue,) = cues(text)
    assert 1 < cue.countries[country] < 4


@pytest.mark.parametrize(
    "text",
    [
        "33602",
        "4711",
        "2019 Hotel",
        "1999 Paris",
        "8.00 Uhr",
        "12:30 Uhr",
        "13.05.2024 Berlin",
        "ISBN 978-3-16-148410-0",
        "10 000 Besucher",
        "0221 221 28262",
        "A7 Hamburg",
        "Nr. 12 345",
        "E45",
        "OR 12345",
        "120 KM",
        "1000 KG",
        "IPHONE 14 PRO",
        "X-12345-Y",
        "DE 4711",
        "",
    ],
)
def test_other_texts_give_no_cue(text):
    assert [cue for cue in cues(text) if max(cue.countries.values()) > 4] == []
    if text[:1].isdigit() and text.endswith(("33602", "4711", "Uhr", "KM", "KG")):
        assert cues(text) == []


def test_tables_are_sound():
    assert set(prefixed_countries().values()) <= set(country_profiles())
    assert all(set(form.rates) <= set(country_profiles()) for form in postcode_forms())


def test_illegible_lines_give_no_cue():
    assert cues("London SW1A 1AA", confidence=0.4) == []
