"""Edges of the belief that the other tests stand back from."""

import numpy as np
import pytest

from geotagger.fusion.posterior import Belief, _heaviest
from geotagger.fusion.prior import Constants, log_prior
from geotagger.geography.places import load_places
from geotagger.types import Evidence, Level

PARIS, SYDNEY = (48.8566, 2.3522), (-33.8688, 151.2093)


@pytest.fixture(scope="module")
def places():
    return load_places()


def row_at(places, point):
    return int(places.nearest_rows([point[0]], [point[1]])[0])


def only(places, *rows):
    mask = np.zeros(len(places), bool)
    mask[list(rows)] = True
    return mask


def test_a_belief_that_just_reaches_the_threshold_is_named(places):
    """`--min-confidence 1`: all of the belief in one town is enough."""
    belief = Belief(places, min_confidence=1.0, within=only(places, row_at(places, PARIS)))
    prediction = belief.decide([])
    assert prediction.level is Level.CITY
    assert prediction.confidence == 1.0
    assert prediction.place.city == "Paris"


def test_towns_without_belief_are_no_alternatives(places):
    belief = Belief(
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
    belief = Belief(places, top_k=5, min_confidence=2.0, within=only(places, *rows))
    prediction = belief.decide([])
    assert prediction.level is Level.NONE
    assert {c.place.country_code for c in prediction.candidates} == {"FR", "AU"}


@pytest.mark.parametrize("doubt", [0.1, 0.5])
def test_doubt_leaves_every_place_its_share(places, doubt):
    """However sure the evidence, a place keeps its prior times the doubt."""
    belief = Belief(places)
    told = np.full(len(places), -1000, np.float32)
    paris = row_at(places, PARIS)
    told[paris] = 0
    mass = belief.posterior([Evidence("test", 1.0, "", told, doubt=doubt)])
    prior = belief.posterior([])
    others = np.arange(len(places)) != paris
    assert mass[others] == pytest.approx(doubt * prior[others], rel=1e-2)
    assert float(mass[paris]) == pytest.approx(1 - doubt * float(prior[others].sum()), rel=1e-3)


@pytest.mark.parametrize("count", [1, 3, 9])
def test_the_heaviest_rows_are_those_with_the_most_mass(count):
    mass = np.array([0.1, 0, 0.3, 0.05, 0, 0.2, 0.15, 0.2], np.float32)
    found = sorted(mass[_heaviest(mass, count)].tolist(), reverse=True)
    assert found == sorted(mass[mass > 0].tolist(), reverse=True)[:count]


def test_the_prior_grows_with_powers_of_the_people(places):
    """Both exponents and the pseudo population stand where the docstring says."""
    constants = Constants.load()
    share = np.exp(log_prior(places, constants).astype(np.float64))
    assert share.sum() == pytest.approx(1, rel=1e-4)

    def people(code):
        return float(places.population[places.mask([code])].sum(dtype=np.float64))

    def country(code):
        return float(share[places.mask([code])].sum())

    pseudo = constants.prior_pseudo_population
    ratio = (people("NZ") + pseudo) / (people("IS") + pseudo)  # islands, far from every border
    assert country("NZ") / country("IS") == pytest.approx(
        ratio**constants.prior_country_exponent, rel=1e-3
    )
    inside = np.flatnonzero(places.mask(["FR"]))
    order = inside[np.argsort(places.population[inside], kind="stable")]
    small, large = int(order[len(order) // 2]), int(order[-1])
    ratio = (float(places.population[large]) + pseudo) / (float(places.population[small]) + pseudo)
    assert share[large] / share[small] == pytest.approx(
        ratio**constants.prior_town_exponent, rel=1e-3
    )
