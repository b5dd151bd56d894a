"""The formula that the country cues share, and the table of countries."""

import pytest

from geotagger.geography.places import load_places
from geotagger.text.country_profiles import country_profiles
from geotagger.text.likelihood_ratios import FOREIGN_SHARE, likelihood_ratios


def test_a_rarer_home_makes_a_stronger_cue():
    small, large = likelihood_ratios({"DK": 1.0})["DK"], likelihood_ratios({"CN": 1.0})["CN"]
    assert small > large > 1
    shared = likelihood_ratios({"DK": 1.0, "CN": 1.0})
    assert shared["DK"] == shared["CN"] < large


def test_the_foreign_share_is_what_is_left_abroad():
    """Of all occurrences, by Bayes' rule, the foreign share lies outside the cue's country."""
    ratio = likelihood_ratios({"SE": 1.0})["SE"]
    home = country_profiles()["SE"].photos
    abroad = (1 - home) / (ratio * home + 1 - home)
    assert abroad == pytest.approx(FOREIGN_SHARE, rel=0.02)


def test_accidents_bound_the_ratio():
    assert likelihood_ratios({"SE": 1.0}, accident_rate=0.1)["SE"] < 11


def test_nothing_known_says_nothing():
    assert likelihood_ratios({}) == {}
    assert likelihood_ratios({"XX": 1.0, "SE": 0.0}) == {}


def test_the_table_of_countries_is_sound():
    assert sum(country.photos for country in country_profiles().values()) == pytest.approx(
        1, abs=0.02
    )
    uninhabited = {code for code, country in country_profiles().items() if not country.languages}
    assert uninhabited == {"AQ", "BV", "HM", "UM"}
    for code in country_profiles().keys() - uninhabited:
        assert sum(country_profiles()[code].languages.values()) == pytest.approx(1, abs=0.05)
    assert set(country_profiles()) <= set(load_places().country_codes)
    assert country_profiles()["SE"].languages["sv_Latn"] > 0.7
    assert country_profiles()["ES"].languages["ca_Latn"] > 0.05
    assert {"sr_Cyrl", "sr_Latn"} <= set(country_profiles()["RS"].languages)
    assert country_profiles()["JP"].currencies == ("JPY",)
