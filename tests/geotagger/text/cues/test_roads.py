# ruff: noqa: RUF001
"""Units on road signs, road numbers, number plates."""

import pytest

from geotagger.text.country_profiles import country_profiles
from geotagger.text.cues.roads import find, road_patterns
from geotagger.text.types import TextLine

BOX = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.2), (0.1, 0.2))


def cues(text, confidence=0.97):
    return find([TextLine(text, confidence, BOX)])


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("30 mph", "GB"),
        ("SPEED LIMIT 35", "US"),
        ("Exit 2 miles", "US"),
        ("100 yds", "GB"),
        ("I-95", "US"),
        ("US-101", "US"),
        ("M25", "GB"),
        ("A1(M)", "GB"),
        ("E45", "SE"),
        ("SS 16", "IT"),
        ("RN7", "FR"),
        ("B 61", "DE"),
        ("Rv 40", "NO"),
        ("BR-101", "BR"),
        ("RUTA 40", "AR"),
        ("Autopista del Sol", "ES"),
        ("60 км/ч", "RU"),
    ],
)
def test_roads(text, country):
    (cue,) = cues(text)
    assert cue.kind == "road"
    assert cue.countries[country] > 1.5
    assert cue.countries[country] == max(cue.countries.values())


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("AB12 CDE", "GB"),
        ("AB-123-CD", "FR"),
        ("AB 123 CD", "IT"),
        ("1234 BCD", "ES"),
        ("ABC 12D", "SE"),
        ("ABC-123", "FI"),
        ("BI AB 123", "DE"),
        ("XX-123-X", "NL"),
        ("AB 12 345", "DK"),
        ("AB 12345", "NO"),
        ("ZH 123456", "CH"),
        ("1-ABC-234", "BE"),
        ("34 ABC 123", "TR"),
        ("ABC1D23", "BR"),
        ("MH 12 AB 1234", "IN"),
        ("А123ВС77", "RU"),
        ("171-D-12345", "IE"),
    ],
)
def test_plates_are_weak(text, country):
    (cue,) = cues(text)
    assert cue.kind == "number plate"
    assert 3 < cue.countries[country] < 60


def test_france_and_italy_share_a_plate():
    (cue,) = cues("AB-123-CD")
    assert cue.countries["FR"] == cue.countries["IT"]


@pytest.mark.parametrize(
    "text",
    [
        "12:30",
        "13.05.2024",
        "Nr. 25",
        "EXIT",
        "km/h",
        "ISBN 978-3-16-148410-0",
        "12,50 €",
        "iPhone 14",
        "HHSBL",
        "24 h",
        "0221-221-0",
        "SW1A 1AA",
        "XKR 4471 Z",
        "Miles Davis",
        "",
        "A",
    ],
)
def test_other_texts_give_no_cue(text):
    assert cues(text) == []


def test_an_unsure_plate_is_silent():
    assert cues("AB12 CDE", confidence=0.7) == []
    assert cues("30 mph", confidence=0.4) == []


def test_tables_are_sound():
    assert all(set(form.rates) & set(country_profiles()) for form in road_patterns())
    assert len({form.meaning for form in road_patterns()}) == len(road_patterns())


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("АА 1234 ВВ", "UA"), ("А123ВС77", "RU"), ("1234 АВ-7", "BY"), ("С 1234 АВ", "BG"),
        ("1234 УНӨ", "MN"), ("123 ABC 02", "KZ"), ("01 KG 123 ABC", "KG"), ("12가 3456", "KR"),
        ("7 กข 1234", "TH"), ("12 ب 345 67", "IR"), ("12-345-67", "IL"),
    ],
)  # fmt: skip
def test_other_scripts(text, country):
    found = [max(cue.countries, key=cue.countries.get) for cue in cues(text)]
    assert found == [country]
