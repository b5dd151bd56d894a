"""Phone numbers, and texts that only look like one."""

import pytest

from geotagger.geography.sphere import haversine_km
from geotagger.text.cues.phones import find
from geotagger.text.types import TextLine

BOX = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.2), (0.1, 0.2))


def cues(*texts, confidence=0.97):
    return find([TextLine(text, confidence, BOX) for text in texts])


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("+49 521 512345", "DE"),
        ("Tel. +46 8 508 262 00", "SE"),
        ("+45 70 26 13 00", "DK"),
        ("+44 (0)20 7946 0958", "GB"),
        ("+1 604 681 1234", "CA"),
        ("+1 (212) 736-3100", "US"),
        ("+7 495 123-45-67", "RU"),
        ("+81 3-3214-5678", "JP"),
        ("+55 11 3456-7890", "BR"),
        ("0049 30 227 0", "DE"),
        ("тел. +380 44 123 4567", "UA"),
    ],
)
def test_international_numbers(text, country):
    (cue,) = cues(text)
    assert cue.kind == "phone number"
    assert list(cue.countries) == [country]
    assert cue.countries[country] > 50


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("0221 221 28262", "DE"),
        ("70 26 13 00", "DK"),
        ("Tel. 08-508 262 00", "SE"),
        ("(212) 736-3100", "US"),
        ("01 42 34 56 78", "FR"),
        ("020 7946 0958", "GB"),
        ("03-3214-5678", "JP"),
        ("Tel. (11) 3456-7890", "BR"),
        ("22 694 75 00", "PL"),
        ("932 04 70 00", "ES"),
    ],
)
def test_national_numbers_are_weak_but_right(text, country):
    (cue,) = cues(text)
    assert cue.kind == "national phone number"
    assert cue.countries[country] == max(cue.countries.values())
    assert 1 < cue.countries[country] < 200


@pytest.mark.parametrize(
    ("text", "lat", "lon"),
    [
        ("+49 521 512345", 52.02, 8.53),
        ("Tel. 0221 221 28262", 50.94, 6.96),
        ("+46 8 508 262 00", 59.33, 18.06),
        ("+44 20 7946 0958", 51.5, -0.12),
        ("+81 3-3214-5678", 35.68, 139.7),
        ("+1 212 736 3100", 40.75, -73.99),
    ],
)
def test_area_codes_give_towns(text, lat, lon):
    (cue,) = cues(text)
    best = max(cue.spots, key=lambda spot: spot.ratio)
    assert haversine_km(best.lat, best.lon, lat, lon) < 20
    assert best.ratio > max(cue.countries.values())


def test_mobile_numbers_have_no_town():
    assert cues("+49 176 92194328")[0].spots == []
    assert cues("+86 138 1234 5678")[0].spots == []


def test_a_word_before_the_number_makes_it_stronger():
    bare, announced = cues("01 42 34 56 78")[0], cues("Tél. 01 42 34 56 78")[0]
    assert announced.countries["FR"] > 2 * bare.countries["FR"]


@pytest.mark.parametrize(
    "text",
    [
        "13.05.2024",
        "2008/9/6",
        "2008-09-06 12:18",
        "8.00-18.00",
        "09:00 - 17:30",
        "ISBN 978-3-16-148410-0",
        "1234567",
        "1425200",
        "00900100009",
        "10 000 000",
        "12,50 €",
        "2021 2022",
        "A-12345-678",
        "112",
        "www.shop24.de",
        "100 200",
        "777 7777",
        "",
    ],
)
def test_other_digits_give_no_cue(text):
    assert cues(text) == []


def test_illegible_lines_give_no_cue():
    assert cues("+49 521 512345", confidence=0.4) == []


def test_unknown_country_codes_give_no_cue():
    assert cues("+999 123 4567 89") == []
