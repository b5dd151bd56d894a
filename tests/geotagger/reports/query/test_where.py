"""Conditions select the rows that they state, and errors point at their place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geotagger.errors import UsageError
from geotagger.reports.query.where import parse_where
from geotagger.reports.schema import COLUMNS, SCHEMA

EMPTY = {column.name: column.empty for column in SCHEMA}
KYIV = EMPTY | {
    "path": "trip/it's \\xe9.jpg",
    "status": "predicted",
    "lat": 50.45,
    "lon": 30.52,
    "confidence": 0.83,
    "level": "city",
    "country": "Ukraine",
    "country_code": "UA",
    "city": "Kyiv",
    "evidence": 'sign: "Київ"; clock +02:00',
    "alternatives": [{"country": "Ukraine", "city": "Lviv", "probability": 0.1}],
    "gps_check": "far",
    "taken_at": "2024-05-01T10:00:00+02:00",
}
FAILED = EMPTY | {"path": "bad.jpg", "status": "failed", "note": "zero bytes"}


@pytest.mark.parametrize(
    ("text", "kyiv", "failed"),
    [
        ("country=UA and confidence>0.6", True, False),
        ("country = ukraine", True, False),
        ("country == 'UKRAINE'", True, False),
        ("country != UA", False, True),
        ("country_code != UA", False, True),
        ("confidence >= 0.83 AND confidence <= 0.83", True, False),
        ("confidence = 0.83", True, False),
        ("confidence != 0.83", False, True),
        ("confidence > 0.83 or lat < -1e3", False, False),
        ("confidence < 2", True, False),
        ("not confidence < 2", False, True),
        ("not (confidence < 2 or status = failed)", False, False),
        ("not not status=failed", False, True),
        ("status=failed or status=predicted and lat>60", False, True),
        ("(status=failed or status=predicted) and lat>50", True, False),
        ("lat = missing", False, True),
        ("lat != missing", True, False),
        ("city != MISSING and (city~yi)", True, False),
        ("alternatives = missing", False, True),
        ("alternatives ~ lviv", True, False),
        ("city = ''", False, True),
        ("evidence ~ 'sign: \"київ\"'", True, False),
        ('evidence ~ "sign: ""Київ"""', True, False),
        ("path ~ 'it''s \\xe9'", True, False),
        ("taken_at >= 2024-05-01 and taken_at < 2024-06-01", True, False),
        ("taken_at < 2024-05-01", False, False),
        ("note~zero", False, True),
        ("level=city", True, False),
        ("region = and or note = OR", False, False),
    ],
)
def test_conditions(text, kyiv, failed):
    holds = parse_where(text, COLUMNS)
    assert (holds(KYIV), holds(FAILED)) == (kyiv, failed)


@pytest.mark.parametrize(
    ("text", "says", "place"),
    [
        ("", "the name of a column is expected", 0),
        ("country=", "a value is expected", 8),
        ("country UA", "one of = != < <= > >= ~ is expected", 8),
        ("city=New York", "a text with blanks needs quotes", 9),
        ("country=UA and", "the name of a column is expected", 14),
        ("(country=UA", "a closing parenthesis is missing", 11),
        ("country=UA)", "there is no parenthesis to close", 10),
        ("country='UA", "this quote is not closed", 8),
        ("country=UA or contry=FR", "there is no column contry; do you mean country?", 14),
        ("confidence>high", "confidence is a number, and this is not", 11),
        ("confidence>nan", "confidence is a number", 11),
        ("confidence~0.6", "~ searches texts", 10),
        ("alternatives=Lyon", "alternatives is a list: search it with ~", 12),
        ("lat>missing", "compare missing by = or !=", 3),
        ("status=unshure", "status is one of predicted, tagged", 7),
        ("__import__('os')", "one of = != < <= > >= ~ is expected", 10),
        ("lat.__class__", "one of = != < <= > >= ~ is expected", 3),
    ],
)
def test_errors_point_at_their_place(text, says, place):
    with pytest.raises(UsageError) as error:
        parse_where(text, COLUMNS)
    first, shown, caret = str(error.value).split("\n")
    assert says in first
    assert shown[2:] == text
    assert caret.index("^") - 2 == place


def test_nesting_has_an_end():
    parse_where("(" * 200 + "lat=1" + ")" * 200, COLUMNS)
    with pytest.raises(UsageError, match="too deeply"):
        parse_where("not " * 20_000 + "lat=1", COLUMNS)


def test_columns_of_others_are_numbers_where_they_look_like_some():
    columns = (*COLUMNS, "rank")
    assert parse_where("rank > 9", columns)({**KYIV, "rank": "10"})
    assert parse_where("rank = 10", columns)({**KYIV, "rank": 10.0})
    assert not parse_where("rank > 9", columns)({**KYIV, "rank": "high"})
    assert parse_where("rank = high", columns)({**KYIV, "rank": "High"})


def test_accents_are_the_same_however_they_are_stored():
    assert parse_where("path ~ caf\u00e9", COLUMNS)({**KYIV, "path": "cafe\u0301.jpg"})


@given(st.text(max_size=40))
def test_whatever_is_typed_is_a_condition_or_a_usage_error(text):
    try:
        holds = parse_where(text, COLUMNS)
    except UsageError:
        return
    assert holds(KYIV) in (True, False)


WORDS = ["country", "=", "~", "<", "'x'", "0.5", "and", "or", "not", "(", ")", "missing", "lat"]


@given(st.lists(st.sampled_from(WORDS), max_size=12))
def test_whatever_words_are_strung_together_too(words):
    test_whatever_is_typed_is_a_condition_or_a_usage_error.hypothesis.inner_test(" ".join(words))
