"""The engine of the pattern cues, and the soundness of its tables."""

import re

import pytest

from geotagger.data import read_table
from geotagger.text.country_profiles import country_profiles
from geotagger.text.cues.companies import company_forms
from geotagger.text.cues.money import currency_signs
from geotagger.text.cues.pattern_cue import (
    PatternCue,
    all_cues,
    countries_using,
    first_cue,
    one_per_meaning,
    parse_rates,
)
from geotagger.text.cues.postcodes import postcode_forms
from geotagger.text.cues.roads import road_patterns
from geotagger.text.likelihood_ratios import likelihood_ratios
from geotagger.text.types import TextLine

BOX = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.2), (0.1, 0.2))
TABLES = (
    *("company_forms.csv", "currencies.csv", "number_plates.csv", "official_words.csv"),
    *(
        "postcode_prefixes.csv",
        "postcodes.csv",
        "road_forms.csv",
        "subdivisions.csv",
        "stop_signs.csv",
    ),
    "top_level_domains.csv",
)


def line(text, confidence=0.97):
    return TextLine(text, confidence, BOX)


def pattern(meaning, expression, **fields):
    return PatternCue("test", meaning, re.compile(expression), {"SE": 1.0}, **fields)


def test_a_line_counts_for_the_first_pattern_that_fits():
    patterns = [pattern("x", "x"), pattern("digits", r"\d+"), pattern("one", "1")]
    (cue,) = first_cue(line(" No. 123 "), patterns)
    assert (cue.kind, cue.words, cue.meaning) == ("test", "123", "digits")
    assert cue.countries == likelihood_ratios({"SE": 1.0})
    (quoted,) = first_cue(line(" No. 123 "), patterns, quote_line=True)
    assert quoted.words == "No. 123"


def test_a_piece_of_text_counts_once():
    patterns = [pattern("pair", "ab"), pattern("a", "a"), pattern("b", "b")]
    assert [cue.meaning for cue in all_cues(line("ab"), patterns)] == ["pair"]
    assert [cue.meaning for cue in all_cues(line("ab a"), patterns)] == ["pair", "a"]


def test_a_match_must_pass_the_check():
    is_even = pattern("even", r"\d+", check=lambda match: int(match[0]) % 2 == 0)
    assert list(first_cue(line("4"), [is_even]))
    assert not list(first_cue(line("5"), [is_even]))


def test_the_confidence_must_suffice():
    sure = pattern("sure", "x", min_confidence=0.8)
    assert not list(first_cue(line("x", 0.79), [sure]))
    assert list(first_cue(line("x", 0.81), [sure]))
    assert not list(first_cue(line("x", 0.4), [pattern("any", "x")]))


def test_one_cue_a_meaning():
    cues = [cue for text in ("xy", "x") for cue in all_cues(line(text), [pattern("x", "x")])]
    assert len(cues) == 2
    assert one_per_meaning(cues) == cues[:1]


def test_rates_are_parsed():
    assert parse_rates("") == {}
    assert parse_rates("DE AT CH:0.3") == {"DE": 1.0, "AT": 1.0, "CH": 0.3}
    euro = parse_rates("EUR:0.4 NL XK:0.1")
    assert euro["DE"] == 0.4
    assert euro["NL"] == 1.0
    assert euro["XK"] == 0.1
    assert "SE" in countries_using("SEK")


@pytest.mark.parametrize("file", TABLES)
def test_every_row_names_its_source_and_known_countries(file):
    rows = read_table(file)
    assert rows
    for row in rows:
        assert None not in row, row
        assert row["source"].strip(), row
        codes = row.get("countries") or row.get("country") or ""
        assert set(parse_rates(codes)) & set(country_profiles()) or not codes, row


@pytest.mark.parametrize("patterns", [company_forms, currency_signs, postcode_forms, road_patterns])
def test_every_pattern_is_of_use(patterns):
    for each in patterns():
        assert each.meaning
        assert likelihood_ratios(each.rates, each.accident_rate, each.foreign_share), each
        assert 0 <= each.accident_rate < 1
        assert 0 < each.foreign_share < 1
        assert "<" not in re.sub(r"\(\?<[=!]", "", each.pattern.pattern), each
        assert each.pattern.search("") is None, each
