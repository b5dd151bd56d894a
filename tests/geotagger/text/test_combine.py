"""Cues into one log-likelihood: reinforcing, cancelling, never deciding alone."""

import numpy as np
import pytest

from geotagger.geography.sphere import haversine_km
from geotagger.text.combine import TELLING, Combiner, Strengths
from geotagger.text.types import Cue, Spot
from geotagger.types import Evidence

BIELEFELD = Spot(52.03, 8.53, 10_000.0, 10.0)
LANGUAGE_DE = Cue("language", "", "language de", {"DE": 40.0, "AT": 40.0, "CH": 25.0})
TOWN = Cue("place name", "Stadt Bielefeld", "Bielefeld, DE", spots=(BIELEFELD,))


@pytest.fixture
def combiner(places):
    return Combiner(places, Strengths({}, 0.05))


def shares(combiner, belief, *cues):
    """Belief by country code if there is nothing but these cues."""
    total = combiner.total(combiner.weigh(cues))
    evidence = Evidence(
        "text", 1.0, "", total, outlier_probability=combiner.strengths.outlier_probability
    )
    mass = belief.posterior([evidence])
    codes = combiner.places.country_codes
    return {code: float(mass[combiner.places.country == i].sum()) for i, code in enumerate(codes)}


def test_a_country_cue_raises_its_countries_by_its_ratio(combiner, places):
    ratio = np.exp(combiner.log_ratio(LANGUAGE_DE))
    country = np.array(places.country_codes)[places.country]
    assert np.allclose(ratio[country == "DE"], 40)
    assert np.allclose(ratio[country == "FR"], 1)


def test_a_spot_is_full_inside_its_radius_and_fades_outside(combiner, places):
    log_ratio = combiner.log_ratio(TOWN)
    km = haversine_km(places.lat, places.lon, BIELEFELD.lat, BIELEFELD.lon)
    assert np.allclose(log_ratio[km < 9], np.log(10_000), atol=0.01)
    germany = np.array(places.country_codes)[places.country] == "DE"
    near = np.flatnonzero(germany & (km < 150))
    by_distance = log_ratio[near[np.argsort(km[near])]]
    assert (np.diff(by_distance) <= 0.05).all()  # float32 cosines resolve 2 km
    assert log_ratio[km > 220].max() == 0


def test_a_name_stops_at_the_border(combiner, places):
    maastricht = Cue("place name", "", "", spots=(Spot(50.85, 5.69, 1000.0, 6.0),))
    log_ratio = combiner.log_ratio(maastricht)
    country = np.array(places.country_codes)[places.country]
    assert log_ratio[country == "BE"].max() < log_ratio[country == "NL"].max() - 2


def test_a_spot_at_the_antimeridian_reaches_across(combiner, places):
    log_ratio = combiner.log_ratio(Cue("place name", "", "", spots=(Spot(-17, 179.9, 50, 150),)))
    reached = places.lon[log_ratio > 1]
    assert (reached > 170).any()
    assert (reached < -170).any()


def test_unknown_countries_and_ratios_below_one_say_nothing(combiner):
    assert combiner.log_ratio(Cue("language", "", "", {"XX": 9.0, "DE": 0.1})).max() == 0


def test_agreeing_cues_reinforce_each_other(combiner, belief):
    alone = shares(combiner, belief, LANGUAGE_DE)["DE"]
    company = Cue("company", "GmbH", "GmbH is DE, AT, CH", {"DE": 20.0, "AT": 15.0, "CH": 8.0})
    assert shares(combiner, belief, LANGUAGE_DE, company)["DE"] > alone + 0.02


def test_contradicting_cues_cancel(combiner, belief):
    japan = Cue("web", "xyz.co.jp", "co.jp is JP", {"JP": 40.0})
    both = shares(combiner, belief, LANGUAGE_DE, japan)
    assert max(both.values()) < shares(combiner, belief, japan)["JP"]
    assert both["DE"] > shares(combiner, belief, japan)["DE"]


def test_words_never_decide_alone(combiner, belief):
    brand = Cue("place name", "", "", spots=(Spot(40.7, -74.0, 1e9, 20.0),))
    us = shares(combiner, belief, brand)["US"]
    assert 0.9 < us < 0.96  # 5 % of the photos carry words from elsewhere
    assert shares(combiner, belief)["FR"] * 0.04 < shares(combiner, belief, brand)["FR"]


def test_the_same_meaning_twice_counts_once(combiner, belief):
    once = shares(combiner, belief, TOWN)
    again = Cue("place name", "Bielefeld", "Bielefeld, DE", spots=(BIELEFELD,))
    assert shares(combiner, belief, TOWN, again) == once


def test_further_cues_of_one_kind_count_less_and_less(combiner):
    cues = [Cue("official", word, word, {"DE": 10.0}) for word in ("Stadt", "Polizei", "Amt")]
    total = combiner.total(combiner.weigh(cues))
    assert total.max() == pytest.approx(np.log(10) * (1 + 0.5 + 0.25), rel=1e-5)


def test_two_names_of_two_places_stand_against_each_other_in_full(combiner):
    here, there = ({"DE": 50.0}, {"FR": 50.0})
    cues = [Cue("place name", "a", "a", here), Cue("place name", "b", "b", there)]
    total = combiner.total(combiner.weigh(cues))
    de, fr = (total[combiner.places.mask([code])].max() for code in ("DE", "FR"))
    assert de == fr > 0


def test_a_kind_of_weight_nought_is_silent(places):
    combiner = Combiner(places, Strengths({"language": 0.0}, 0.05))
    (item,) = combiner.weigh([LANGUAGE_DE])
    assert item.log_ratio.max() == 0
    assert not item.is_telling


def sentence(combiner, cues, lat, lon):
    """The sentence for a photo that was decided to be at a position."""
    telling = [item.cue for item in combiner.weigh(cues) if item.is_telling]
    return combiner.explain(telling, int(combiner.places.nearest_rows(lat, lon)[0]))


JAPAN = Cue("web", "xyz.co.jp", "co.jp is JP", {"JP": 9.0})


def test_the_sentence_names_cue_and_words(combiner):
    words = sentence(combiner, [LANGUAGE_DE, TOWN], 52.03, 8.53)
    assert words == '"Stadt Bielefeld" -> Bielefeld, DE; language de'


def test_the_sentence_names_the_doubt(combiner):
    words = sentence(combiner, [LANGUAGE_DE, TOWN, JAPAN], 52.03, 8.53)
    assert words.endswith('; but "xyz.co.jp" -> co.jp is JP')


def test_the_sentence_follows_the_place_that_was_decided(combiner):
    """Other evidence may decide against the words; what supports the place comes first."""
    words = sentence(combiner, [LANGUAGE_DE, TOWN, JAPAN], 35.68, 139.69)
    assert words == '"xyz.co.jp" -> co.jp is JP; but "Stadt Bielefeld" -> Bielefeld, DE'
    assert sentence(combiner, [TOWN], 35.68, 139.69) == '"Stadt Bielefeld" -> Bielefeld, DE'


def test_weak_cues_are_not_worth_a_sentence(combiner):
    weak = Cue("money", "$", "$", {"US": np.exp(TELLING) - 0.01})
    assert sentence(combiner, [weak], 40.0, -100.0) == ""
