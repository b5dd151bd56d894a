"""Digits of a script's own are evidence of the countries that write them."""

import pytest

from geotagger.text.cues import digits
from geotagger.text.find_cues import find_cues
from geotagger.text.types import OcrResult, TextLine

BOX = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.2), (0.1, 0.2))


def lines_of(*texts):
    return [TextLine(text, 0.95, BOX) for text in texts]


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("৫৩-৭৯৩০", "BD"),
        ("९३८१", "NP"),
        ("٤٥٦", "EG"),
        ("۴۵۶", "IR"),
        ("๑๒๓", "TH"),
        ("១២៣", "KH"),
    ],
)
def test_digits_tell_countries_that_share_a_script_apart(text, country):
    (cue,) = digits.find(lines_of(text))
    assert max(cue.countries, key=cue.countries.get) == country
    assert cue.words == text


def test_digits_that_arabs_and_persians_write_alike_tell_neither():
    (cue,) = digits.find(lines_of("۱۲۳"))
    assert cue.countries["IR"] == cue.countries["EG"]


@pytest.mark.parametrize("text", ["1234", "১২", "서울 123"])
def test_few_digits_and_those_of_europe_say_nothing(text):
    assert digits.find(lines_of(text)) == []


def test_digits_do_not_count_beside_letters_that_are_evidence_themselves():
    assert digits.find(lines_of("ঢাকা", "৫৩-৭৯৩০")) == []
    assert len(digits.find(lines_of("अकबर", "९३८१"))) == 1


def test_they_are_found_in_the_text_as_it_is_written():
    cues, _ = find_cues(OcrResult(tuple(lines_of("९३८१")), 1000, 800))
    assert [cue.meaning for cue in cues] == ["Devanagari digits"]
