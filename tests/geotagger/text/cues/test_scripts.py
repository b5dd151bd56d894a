# ruff: noqa: RUF001 (signs in many scripts)
"""Scripts that few countries use."""

import pytest

from geotagger.text.cues.scripts import SCRIPT_NAMES, find, script_rates
from geotagger.text.language.writing_system import CODES_BY_UNICODE_NAME
from geotagger.text.types import TextLine

BOX = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.2), (0.1, 0.2))


def lines(*texts, confidence=0.97, script=""):
    return [TextLine(text, confidence, BOX, script) for text in texts]


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("Απαγορεύεται", "GR"),
        ("ห้ามเข้า", "TH"),
        ("출입금지", "KR"),
        ("いらっしゃいませ", "JP"),
        ("営業時間 10時から カフェ", "JP"),
        ("אין כניסה", "IL"),
        ("აფთიაქი", "GE"),
        ("Դեղատուն", "AM"),
        ("தமிழ்நாடு", "LK"),
        ("ហាមចូល", "KH"),
        ("ຫ້າມສູບຢາ", "LA"),
        ("ဆေးလိပ်မသောက်ရ", "MM"),
        ("ማጨስ ክልክል ነው", "ET"),
        ("প্রবেশ নিষেধ", "BD"),
        ("请勿吸烟", "CN"),
        ("請勿吸煙", "TW"),
    ],
)
def test_script_raises_its_country(text, country):
    (cue,) = find(lines(text))
    assert cue.kind == "script"
    assert cue.countries[country] > 30
    assert cue.countries.get("BR", 1.0) < 10


def test_forms_distinguish_china_from_taiwan():
    simple, full = find(lines("请勿吸烟"))[0].countries, find(lines("請勿吸煙"))[0].countries
    assert simple["CN"] > 10 * simple.get("TW", 1.0)
    assert full["TW"] > 10 * full.get("CN", 1.0)
    assert full["HK"] > 10


def test_kana_makes_han_japanese():
    (cue,) = find(lines("犬の散歩は必ず", "公園案内所"))
    assert cue.countries["JP"] > 100
    assert "CN" not in cue.countries


@pytest.mark.parametrize(
    "text", ["Ausfahrt", "Вход", "ممنوع", "一", "福", "日0000日0", "α", "µm", ""]
)
def test_other_texts_give_no_cue(text):
    """Scripts whose languages are told apart elsewhere, and single letters."""
    assert find(lines(text)) == []


def test_han_characters_count_by_number_and_confidence():
    def strength(text, confidence):
        (cue,) = find(lines(text, confidence=confidence))
        return cue.countries["CN"]

    assert strength("金合金", 0.6) < 10
    assert strength("出口", 0.6) < strength("出口", 0.98) < strength("出口中山", 0.98)
    assert strength("请勿吸烟", 0.98) > 100


def test_characters_of_all_traditions_distinguish_none():
    (cue,) = find(lines("中山公大"))
    assert cue.meaning == "script Han"
    assert {"CN", "TW", "JP"} <= set(cue.countries)


def test_illegible_lines_give_no_cue():
    assert find(lines("Απαγορεύεται", confidence=0.3)) == []


def test_a_line_with_only_a_script():
    (thai,) = find(lines("", script="Thai"))
    assert thai.meaning == "script Thai"
    assert thai.countries["TH"] > 30
    (arabic,) = find(lines("", script="Arab"))
    assert arabic.countries["EG"] > 5
    (han,) = find(lines("", script="Hani"))
    assert {"CN", "TW", "JP"} <= set(han.countries)
    assert find(lines("", script="Latn")) == []


def test_every_script_that_is_evidence_has_a_name():
    telling = {code for code in CODES_BY_UNICODE_NAME.values() if script_rates(code)} - {"Latn"}
    assert len(telling) > 15
    assert telling <= SCRIPT_NAMES.keys()
