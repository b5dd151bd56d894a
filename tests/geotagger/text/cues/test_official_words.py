"""Words that one country puts on its signs."""

import unicodedata

import pytest

from geotagger.data import read_table
from geotagger.text.country_profiles import country_profiles
from geotagger.text.cues.official_words import find, stop_signs
from geotagger.text.cues.pattern_cue import parse_rates
from geotagger.text.gazetteer.gazetteer import normalise
from geotagger.text.language.words import fold_text
from geotagger.text.types import TextLine

BOX = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.2), (0.1, 0.2))


def best(*texts):
    found = {}
    for cue in find([TextLine(text, 0.97, BOX) for text in texts]):
        assert cue.kind == "official word"
        for code, ratio in cue.countries.items():
            found[code] = found.get(code, 1.0) * ratio
    return found


@pytest.mark.parametrize(
    ("text", "country", "other"),
    [
        ("Customer car park", "GB", "US"),
        ("PARKING LOT", "US", "GB"),
        ("Give way", "AU", "US"),
        ("YIELD", "US", "GB"),
        ("Horn please", "IN", "GB"),
        ("No hooting", "ZA", "GB"),
        ("Barangay hall", "PH", "US"),
        ("ARRÊT", "CA", "FR"),
        ("Dépanneur", "CA", "FR"),
        ("Mairie", "FR", "CA"),
        ("Excepté circulation locale", "BE", "FR"),
        ("Bordiers autorisés", "CH", "FR"),
        ("Gemeindeamt", "AT", "DE"),
        ("Tabak-Trafik", "AT", "DE"),
        ("Kurzparkzone", "AT", "DE"),
        ("Parkieren verboten", "CH", "DE"),
        ("Bahnhofstrasse", "CH", "DE"),
        ("Anlieger frei", "DE", "AT"),
        ("ALTO", "MX", "ES"),
        ("PARE", "AR", "ES"),
        ("DUR", "TR", "DE"),
        ("Vado permanente", "ES", "MX"),
        ("Aseos", "ES", "MX"),
        ("Abarrotes", "MX", "ES"),
        ("Carabineros de Chile", "CL", "AR"),
        ("Prefeitura Municipal", "BR", "PT"),
        ("Câmara Municipal", "PT", "BR"),
        ("Hund i snor", "DK", "NO"),
        ("Båndtvang", "NO", "DK"),
        ("Udkørsel", "DK", "NO"),
        ("Plaatselijk verkeer", "BE", "NL"),
        ("Městský úřad Brno", "CZ", "PL"),
        ("Općina", "HR", "RS"),
        ("Belediyesi", "TR", "AZ"),
        ("Majlis Perbandaran", "MY", "ID"),
        ("Kecamatan", "ID", "MY"),
        ("止まれ", "JP", "CN"),
    ],
)
def test_one_country_over_another(text, country, other):
    found = best(text)
    assert found[country] > 3 * found.get(other, 1.0)


def test_phrases_run_over_lines():
    assert best("Anlieger", "frei")["DE"] > 3


def test_marks_and_case_do_not_matter():
    assert best("CAMARA MUNICIPAL") == best("Câmara Municipal")


def test_more_words_say_more():
    assert best("Sparkasse", "Ordnungsamt")["DE"] > best("Sparkasse")["DE"]


@pytest.mark.parametrize(
    "text",
    ["", "12:30", "Coca-Cola", "4711", "Contralto", "Alto Adige Hotel", "durable", "A1", "HHSBL"],
)
def test_other_texts_give_no_cue(text):
    assert find([TextLine(text, 0.97, BOX)]) == []


def test_strength_is_bounded():
    every = ";".join(row["words"] for row in read_table("official_words.csv")).split(";")
    for word in every:
        for cue in find([TextLine(word, 0.97, BOX)]):
            assert 1 < max(cue.countries.values()) <= 101


def test_the_table_is_sound():
    for row in read_table("official_words.csv"):
        assert set(parse_rates(row["countries"])) <= set(country_profiles())
        words = row["words"].split(";")
        assert len({word.isascii() for word in words}) == 1
        for word in words:
            assert normalise(word) if not word.isascii() else word == fold_text(word)
            assert len(word) >= (3 if word.isascii() else 2)
    assert all(set(rates) <= set(country_profiles()) for rates in stop_signs().values())


def test_illegible_lines_give_no_cue():
    assert find([TextLine("Gemeindeamt", 0.4, BOX)]) == []


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("поліція", "UA"), ("Лікарня", "UA"), ("МИЛИЦИЯ", "BY"), ("Апотека", "RS"),
        ("Денонощна аптека", "BG"), ("Здравствен дом", "MK"), ("Дәріхана", "KZ"),
        ("Дарыкана", "KG"), ("Дорухона", "TJ"), ("Эмийн сан", "MN"), ("Ўзбекистон", "UZ"),
        ("داروخانه", "IR"), ("درملتون", "AF"), ("تھانہ", "PK"), ("قوى الأمن الداخلي", "LB"),
        ("بالمملكة المغربية", "MA"), ("دەرمانخانە", "IQ"), ("प्रहरी", "NP"), ("थाना", "IN"),
        ("উপজেলা পরিষদ", "BD"), ("পৌরসংস্থা", "IN"), ("பொலிஸ்", "LK"), ("강남경찰서", "KR"),
        ("สถานีตำรวจภูธร", "TH"), ("משטרת ישראל", "IL"), ("პოლიცია", "GE"),
        ("Ոստիկանություն", "AM"), ("ፖሊስ ጣቢያ", "ET"), ("Τράπεζα Κύπρου", "CY"),
    ],
)  # fmt: skip
def test_words_of_other_scripts_raise_their_country(text, country):
    for written in (text, unicodedata.normalize("NFD", text), text.upper()):
        ratios = best(written)
        assert max(ratios, key=ratios.get) == country


def test_words_inside_other_words_do_not_count():
    assert find([TextLine("непоміч продовж хотел домира", 0.97, BOX)]) == []
