import json
from importlib.resources import files

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geotagger.fusion.decide import Fusion
from geotagger.fusion.mass import heaviest_rows
from geotagger.fusion.prior import Constants, log_prior
from geotagger.geography.places import load_places
from geotagger.geography.sphere import haversine_km
from geotagger.types import Evidence, Level, SourceNote

PARIS, SYDNEY = (48.8566, 2.3522), (-33.8688, 151.2093)


def near(places, lat, lon, sigma_km, weight=1.0):
    """Evidence that falls off with the distance from a point."""
    km = haversine_km(lat, lon, places.lat, places.lon)
    log_likelihood = (-0.5 * (km / sigma_km) ** 2).astype(np.float32)
    return Evidence("test", weight, f"near {lat}, {lon}", log_likelihood)


def country(places, code, ratio):
    """Evidence that favours one country by a likelihood ratio."""
    return Evidence(
        "test", 1.0, code, np.where(places.mask([code]), np.log(ratio), 0).astype(np.float32)
    )


def test_strong_evidence_names_the_city(places):
    prediction = Fusion(places).decide([near(places, *PARIS, sigma_km=8)])
    assert prediction.level is Level.CITY
    assert (prediction.place.city, prediction.place.country_code) == ("Paris", "FR")
    assert haversine_km(*PARIS, prediction.point.lat, prediction.point.lon) < 10
    assert prediction.radius_km < 50
    assert prediction.evidence == (SourceNote("test", "near 48.8566, 2.3522"),)


def test_country_evidence_names_the_country_and_no_finer(places):
    prediction = Fusion(places).decide([country(places, "JP", 1e4)])
    assert prediction.level is Level.COUNTRY
    assert prediction.place.country_code == "JP"
    assert prediction.candidates[0].place.city == ""


def test_the_prior_alone_is_unsure(places):
    nothing = Evidence("test", 1.0, "", np.zeros(len(places), np.float32))
    prediction = Fusion(places).decide([nothing])
    assert prediction.level is Level.NONE
    assert prediction.radius_km > 3000


def test_two_equal_countries_are_unsure_between_them(places):
    evidence = np.full(len(places), -20, np.float32)
    evidence[places.mask(["JP", "BR"])] = 0
    prediction = Fusion(places, min_confidence=0.9).decide([Evidence("test", 1.0, "", evidence)])
    assert prediction.level is Level.NONE
    assert {c.place.country_code for c in prediction.candidates[:2]} == {"JP", "BR"}


def spread(places, shares):
    """Evidence after which each continent or country has its share of the belief, spread evenly."""
    continent = np.array([places.continent_names[i] for i in places.continent])
    mass = np.full(len(places), 1e-12)
    for name, share in shares.items():
        rows = places.mask([name]) if len(name) == 2 else continent == name
        mass[rows] = share / rows.sum()
    log_likelihood = np.log(mass) - Fusion(places).log_prior
    return [Evidence("test", 1.0, "", log_likelihood.astype(np.float32))]


@pytest.mark.parametrize(("share", "level"), [(0.7, Level.CONTINENT), (0.55, Level.NONE)])
def test_a_continent_with_most_of_the_belief_keeps_the_name(places, share, level):
    """One country elsewhere may be the likeliest alone; the named country is in the continent."""
    prediction = Fusion(places).decide(spread(places, {"Europe": share, "BR": 1 - share}))
    assert prediction.level is level
    assert prediction.place.continent == "Europe"


@pytest.mark.parametrize(("brazil", "continent"), [(0.15, "Europe"), (0.3, "South America")])
def test_the_continent_counts_beside_the_country(places, brazil, continent):
    shares = {"Europe": 0.45, "Asia": 0.55 - brazil, "BR": brazil}
    countries = np.bincount(places.country, Fusion(places).posterior(spread(places, shares)))
    assert countries.argmax() == places.country_codes.index("BR")
    assert Fusion(places).decide(spread(places, shares)).place.continent == continent


@pytest.mark.parametrize(
    ("lat", "lon", "code"),
    [(41.89, 12.49, "IT"), (44.06, 12.57, "IT"), (43.70, 7.27, "FR"), (36.13, -5.45, "ES")],
    ids=["Rome", "Rimini", "Nice", "Algeciras"],
)
@pytest.mark.parametrize("sigma_km", [5, 25])
def test_a_tiny_neighbour_does_not_take_the_town(places, lat, lon, code, sigma_km):
    """Vatican City, San Marino, Monaco, Gibraltar: no likelier than towns of their size."""
    assert Fusion(places).decide([near(places, lat, lon, sigma_km)]).place.country_code == code


def test_far_from_borders_a_small_country_keeps_its_share(places):
    prior = np.exp(Fusion(places).log_prior.astype(float))
    people = places.population.astype(float)
    islands, china = places.mask(["MU"]), places.mask(["CN"])
    a_head = (prior[islands].sum() / people[islands].sum()) / (
        prior[china].sum() / people[china].sum()
    )
    assert a_head > 50


def test_within_makes_other_places_impossible(places):
    belief = Fusion(places, within=places.mask(["ES"]))
    prediction = belief.decide([near(places, *PARIS, sigma_km=300)])
    assert prediction.place.country_code == "ES"
    assert belief.posterior([near(places, *PARIS, sigma_km=300)])[~places.mask(["ES"])].sum() == 0


def test_weight_scales_the_evidence(places):
    none = Fusion(places).posterior([near(places, *PARIS, 100, weight=0)])
    np.testing.assert_allclose(none, Fusion(places).posterior([]), rtol=1e-4)
    weak = Fusion(places).posterior([near(places, *PARIS, 100, weight=0.1)])
    strong = Fusion(places).posterior([near(places, *PARIS, 100, weight=1)])
    paris = int(places.nearest_rows([PARIS[0]], [PARIS[1]])[0])
    assert none[paris] < weak[paris] < strong[paris]


def test_the_point_is_where_the_mass_is_not_the_heaviest_row(places):
    """A crowd of likely towns beats one likelier town far from them."""
    belief = Fusion(places)
    germany = places.mask(["DE"])
    km = haversine_km(51.3, 6.9, places.lat, places.lon)
    crowd = germany & (km < 60)
    lone = germany & (haversine_km(48.137, 11.575, places.lat, places.lon) < 3)
    assert crowd.sum() > 20
    mass = np.full(len(places), 1e-9)
    mass[crowd] = 0.8 / crowd.sum()
    mass[lone] = 0.2 / lone.sum()
    assert mass[lone].max() > mass[crowd].max()
    evidence = Evidence("test", 1.0, "", (np.log(mass) - belief.log_prior).astype(np.float32))
    point = belief.decide([evidence]).point
    assert haversine_km(51.3, 6.9, point.lat, point.lon) < 60


def test_radius_holds_the_coverage_and_the_factor_widens_it(places):
    evidence = [near(places, 40, -100, sigma_km=400)]
    belief = Fusion(places)
    prediction = belief.decide(evidence)
    km = haversine_km(prediction.point.lat, prediction.point.lon, places.lat, places.lon)
    held = belief.posterior(evidence)[km <= prediction.radius_km].sum()
    assert 0.9 <= held < 0.93
    wider = Fusion(places, radius_factor=1.5).decide(evidence)
    assert wider.radius_km == pytest.approx(1.5 * prediction.radius_km)


def test_min_confidence_decides_the_level(places):
    evidence = [country(places, "JP", 300)]
    sure = Fusion(places, min_confidence=0.1).decide(evidence)
    strict = Fusion(places, min_confidence=1.0).decide(evidence)
    assert sure.level is not Level.NONE
    assert strict.level is Level.NONE
    assert sure.place.country_code == strict.place.country_code == "JP"


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.floats(0.01, 30))
def test_any_evidence_gives_a_sound_prediction(seed, spread):
    places = load_places()
    rng = np.random.default_rng(seed)
    evidence = [
        Evidence("a", 1.0, "", rng.normal(0, spread, len(places)).astype(np.float32)),
        Evidence("b", 0.5, "", rng.normal(0, spread, len(places)).astype(np.float32)),
    ]
    belief = Fusion(places, top_k=7)
    prediction = belief.decide(evidence)
    assert 0 <= prediction.confidence <= 1
    assert 5 <= prediction.radius_km <= 20016
    assert 1 <= len(prediction.candidates) <= 7
    assert sum(c.probability for c in prediction.candidates) <= 1.0001
    assert prediction.candidates[0].place.country_code == prediction.place.country_code
    swapped = belief.decide(evidence[::-1])
    assert swapped.point == prediction.point


def test_prior_is_a_distribution_in_which_every_row_is_possible(places):
    prior = log_prior(places, Constants.load())
    assert np.exp(prior, dtype=np.float64).sum() == pytest.approx(1, abs=1e-3)
    assert np.isfinite(prior).all()


def test_constants_are_all_used():
    text = files("geotagger.data").joinpath("belief.json").read_text("utf-8")
    assert set(json.loads(text)) == set(Constants.__dataclass_fields__)


def test_doubt_is_the_floor_under_the_likelihoods(places):
    belief = Fusion(places)
    wild = np.zeros(len(belief.places), np.float32)
    wild[belief.places.country == belief.places.country_codes.index("JP")] = 50.0
    sure = belief.posterior([Evidence("text", 1.0, "", wild)])
    doubted = belief.posterior([Evidence("text", 1.0, "", wild, outlier_probability=0.2)])
    elsewhere = belief.places.country != belief.places.country_codes.index("JP")
    assert sure[elsewhere].sum() < 1e-12
    assert doubted[elsewhere].sum() == pytest.approx(0.2, abs=0.02)


def row_at(places, point):
    return int(places.nearest_rows([point[0]], [point[1]])[0])


def only(places, *rows):
    mask = np.zeros(len(places), bool)
    mask[list(rows)] = True
    return mask


def test_a_belief_that_just_reaches_the_threshold_is_named(places):
    """`--min-confidence 1`: all of the belief in one town is enough."""
    belief = Fusion(places, min_confidence=1.0, within=only(places, row_at(places, PARIS)))
    prediction = belief.decide([])
    assert prediction.level is Level.CITY
    assert prediction.confidence == 1.0
    assert prediction.place.city == "Paris"


def test_towns_without_belief_are_no_alternatives(places):
    belief = Fusion(
        places,
        top_k=5,
        min_confidence=0.1,
        within=only(places, row_at(places, PARIS), row_at(places, SYDNEY)),
    )
    prediction = belief.decide([])
    assert prediction.level is Level.CITY
    assert len(prediction.candidates) == 2
    assert all(candidate.probability > 0 for candidate in prediction.candidates)


def test_countries_without_belief_are_no_alternatives(places):
    rows = [row_at(places, PARIS), row_at(places, SYDNEY)]
    belief = Fusion(places, top_k=5, min_confidence=2.0, within=only(places, *rows))
    prediction = belief.decide([])
    assert prediction.level is Level.NONE
    assert {c.place.country_code for c in prediction.candidates} == {"FR", "AU"}


@pytest.mark.parametrize("outlier_probability", [0.1, 0.5])
def test_doubt_leaves_every_place_its_share(places, outlier_probability):
    """However sure the evidence, a place keeps its prior times the doubt."""
    belief = Fusion(places)
    told = np.full(len(places), -1000, np.float32)
    paris = row_at(places, PARIS)
    told[paris] = 0
    mass = belief.posterior(
        [Evidence("test", 1.0, "", told, outlier_probability=outlier_probability)]
    )
    prior = belief.posterior([])
    others = np.arange(len(places)) != paris
    assert mass[others] == pytest.approx(outlier_probability * prior[others], rel=1e-2)
    assert float(mass[paris]) == pytest.approx(
        1 - outlier_probability * float(prior[others].sum()), rel=1e-3
    )


@pytest.mark.parametrize("count", [1, 3, 9])
def test_the_heaviest_rows_are_those_with_the_most_mass(count):
    mass = np.array([0.1, 0, 0.3, 0.05, 0, 0.2, 0.15, 0.2], np.float32)
    found = sorted(mass[heaviest_rows(mass, count)].tolist(), reverse=True)
    assert found == sorted(mass[mass > 0].tolist(), reverse=True)[:count]


def test_the_reason_is_worded_for_the_place_that_was_decided(places):
    """Evidence that may say more than one thing is worded once the posterior is known."""

    def reason(row):
        return f"row in {places.place(row).country_code}"

    weak = Evidence("text", 1.0, reason, np.zeros(len(places), np.float32))
    strong = country(places, "JP", 1e4)
    prediction = Fusion(places).decide([weak, strong])
    assert [note.text for note in prediction.evidence] == ["row in JP", "JP"]


def test_vision_counts_less_next_to_text(places):
    japan = np.where(places.mask(["JP"]), np.log(1e3), 0).astype(np.float32)
    picture = Evidence("vision:a", 1.0, "", japan)
    words = Evidence("text", 1.0, "", np.zeros(len(places), np.float32))
    fusion = Fusion(places)
    alone, beside = (
        fusion.posterior(evidence)[places.mask(["JP"])].sum()
        for evidence in ([picture], [picture, words])
    )
    assert beside < alone
    factor = fusion.constants.vision_weight_beside_text
    weaker = [Evidence("other", factor, "", japan)]
    assert beside == pytest.approx(fusion.posterior(weaker)[places.mask(["JP"])].sum())
