# ruff: noqa: RUF001
"""Legal forms of companies."""

import pytest

from geotagger.text.country_profiles import country_profiles
from geotagger.text.cues.companies import company_forms, find
from geotagger.text.types import TextLine

BOX = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.2), (0.1, 0.2))


def cues(text, confidence=0.97):
    return find([TextLine(text, confidence, BOX)])


@pytest.mark.parametrize(
    ("text", "country", "least"),
    [
        ("Müller Bau GmbH", "DE", 30),
        ("Kessler GmbH & Co. KG", "DE", 30),
        ("Turnverein Nord e.V.", "DE", 50),
        ("Bianchi S.r.l.", "IT", 30),
        ("Bianchi S.p.A.", "IT", 20),
        ("Construções Silva Ltda", "BR", 20),
        ("Padaria Central Lda.", "PT", 30),
        ("Abarrotes del Norte S.A. de C.V.", "MX", 30),
        ("Kowalski Sp. z o.o.", "PL", 50),
        ("Novák s.r.o.", "CZ", 30),
        ("Horvat d.o.o.", "HR", 30),
        ("Nagy Kft.", "HU", 50),
        ("Virtanen Oy", "FI", 30),
        ("Jensen A/S", "DK", 20),
        ("Hansen ApS", "DK", 20),
        ("Andersson Bygg AB", "SE", 5),
        ("Hansen Rør AS", "NO", 3),
        ("Jónsson ehf.", "IS", 50),
        ("Tamm OÜ", "EE", 50),
        ("De Vries B.V.", "NL", 20),
        ("Peeters BVBA", "BE", 30),
        ("Smith & Sons Pty Ltd", "AU", 30),
        ("Sharma Traders Pvt. Ltd.", "IN", 10),
        ("Tan Trading Pte Ltd", "SG", 30),
        ("Maju Jaya Sdn Bhd", "MY", 30),
        ("Yılmaz Gıda A.Ş.", "TR", 50),
        ("Yılmaz Ltd. Şti.", "TR", 50),
        ("ООО «Ромашка»", "RU", 30),
        ("ТОВ «Зірка»", "UA", 30),
        ("Слънце ЕООД", "BG", 30),
        ("株式会社山田", "JP", 30),
        ("주식회사 한국", "KR", 30),
        ("北京商贸有限公司", "CN", 10),
        ("บริษัท ไทย จำกัด", "TH", 30),
        ("Παπαδόπουλος Α.Ε.", "GR", 30),
    ],
)
def test_legal_forms(text, country, least):
    (cue,) = cues(text)
    assert cue.kind == "company"
    assert cue.countries[country] > least
    assert cue.countries[country] > max(cue.countries.values()) / 2


@pytest.mark.parametrize(
    "text",
    [
        "AS",
        "AB",
        "GmbH",
        "INC",
        "as usual",
        "Oyster bar",
        "LIMITED EDITION SALE",
        "Spa & Wellness",
        "SAINT",
        "ABBA",
        "Bv. 12",
        "5 kg",
        "12.05.2024",
        "A7",
        "Hunde an der Leine führen",
        "",
    ],
)
def test_silent_or_nearly(text):
    assert [cue for cue in cues(text) if max(cue.countries.values()) > 12] == []


def test_the_short_forms_are_weak():
    assert cues("Nord AG")[0].countries["DE"] < cues("Nord GmbH")[0].countries["DE"] / 1.3


def test_foreign_companies_weaken():
    """A company's name travels more than a street sign."""
    assert max(cues("Andersson Bygg AB")[0].countries.values()) < 200


def test_tables_are_sound():
    assert all(set(form.rates) & set(country_profiles()) for form in company_forms())


def test_illegible_lines_give_no_cue():
    assert cues("Müller Bau GmbH", confidence=0.4) == []
