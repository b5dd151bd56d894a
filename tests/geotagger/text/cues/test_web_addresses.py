# ruff: noqa: RUF001
"""Web and mail addresses."""

import pytest

from geotagger.text.country_profiles import country_profiles
from geotagger.text.cues.web_addresses import DomainUse, find, top_level_domains
from geotagger.text.types import TextLine

BOX = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.2), (0.1, 0.2))


def cues(text, confidence=0.97):
    return find([TextLine(text, confidence, BOX)])


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("www.stadt-koeln.de", "DE"),
        ("WWW.BAGERI.SE", "SE"),
        ("www.shop.co.uk", "GB"),
        ("www.padaria.com.br", "BR"),
        ("info@bistro.fr", "FR"),
        ("https://sklep.pl/oferta", "PL"),
        ("www.kantine. dk", "DK"),
        ("wwwxyz.de", "DE"),
        ("www.кафе.рф", "RU"),
        ("www.hotel.co.in", "IN"),
        ("www.tienda.com.co", "CO"),
        ("kontakt@firma.at", "AT"),
        ("besuchen: www.museum.ch", "CH"),
        ("www.store.com.au", "AU"),
        ("www.restoran.com.tr", "TR"),
        ("www.ryokan.co.jp", "JP"),
    ],
)
def test_country_domains(text, country):
    (cue,) = cues(text)
    assert list(cue.countries) == [country]
    assert cue.countries[country] > 100


@pytest.mark.parametrize(
    "text",
    [
        "www.belloo.com",
        "www.wiki.org",
        "www.twitch.tv",
        "www.start.io",
        "www.about.me.com",
        "www.good.fm",
        "https://youtu.be/abc",
        "linktr.ee/name",
        "Nr. 5",
        "8.00",
        "z.B. Anreise",
        "gestattet bis 12.Uhr",
        "St. Georg",
        "a.de",
        "Hund.",
        "1.FC KÖU",
        "e.V.",
        "S.p.A.",
        "",
    ],
)
def test_other_texts_give_no_cue(text):
    assert [cue for cue in cues(text) if cue.countries or cue.spots] == []


def test_a_bare_domain_is_weaker():
    assert cues("museum.no")[0].countries["NO"] < cues("www.museum.no")[0].countries["NO"] / 2


def test_half_generic_domains_are_weak():
    (cue,) = cues("www.hotel.in")
    assert 2 < cue.countries["IN"] < 100


def test_city_domains_are_spots():
    (cue,) = cues("www.museum.berlin")
    assert cue.countries == {}
    assert (round(cue.spots[0].lat), round(cue.spots[0].lon)) == (53, 13)


def test_europe_is_weak():
    (cue,) = cues("www.projekt.eu")
    assert set(cue.countries) == set(top_level_domains()["eu"].countries)
    assert len(cue.countries) == 27
    assert 2 < cue.countries["IT"] < 50


def test_tables_are_sound():
    domains = top_level_domains()
    for domain in domains.values():
        assert set(domain.countries) <= set(country_profiles())
        assert (domain.place is not None) == (domain.use is DomainUse.PLACE)
        if domain.place:
            lat, lon, radius_km = domain.place
            assert -90 <= lat <= 90
            assert -180 <= lon <= 180
            assert radius_km > 0
        if domain.use is DomainUse.COUNTRY:
            assert len(domain.countries) == 1
    sold = {name for name, domain in domains.items() if domain.use is DomainUse.SOLD_TO_ANYONE}
    assert not {"de", "fr", "uk", "jp"} & sold


def test_illegible_lines_give_no_cue():
    assert cues("www.stadt-koeln.de", confidence=0.3) == []


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("www.київ.укр", "UA"), ("сайт.бел", "BY"), ("сайт.қаз", "KZ"), ("пошта.срб", "RS"),
        ("скопје.мкд", "MK"), ("фирма.бг", "BG"), ("сайт.мон", "MN"), ("www.αθήνα.ελ", "GR"),
        ("โรงแรม.ไทย", "TH"), ("www.한글.한국", "KR"), ("دانشگاه.ایران", "IR"),
        ("موقع.السعودية", "SA"), ("www.दुकान.भारत", "IN"), ("www.ঢাকা.বাংলা", "BD"),
        ("www.საიტი.გე", "GE"), ("www.կայք.հայ", "AM"), ("www.אתר.ישראל", "IL"),
    ],
)  # fmt: skip
def test_other_scripts(text, country):
    found = [max(cue.countries, key=cue.countries.get) for cue in cues(text)]
    assert found == [country]
