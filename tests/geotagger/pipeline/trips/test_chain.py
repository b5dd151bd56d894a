"""Forward-backward against the sum over all ways through the areas."""

from itertools import pairwise, product

import numpy as np
import pytest

from geotagger.pipeline.trips.chain import Moves, Stays, smooth

PRIOR = np.array([0.5, 0.3, 0.2])
KM = np.array([[0, 100, 900], [100, 0, 800], [900, 800, 0]], float)
MOVES = Moves(PRIOR, KM, stays=Stays(24.0, 240.0), near_km=300.0)
EMISSIONS = np.log(np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.3, 0.6, 0.1], [0.5, 0.3, 0.2]]))
GAPS = [1.0, 30.0, 5.0]


def transition(gap):
    """[from, to]."""
    return np.stack([MOVES.after(row, gap) for row in np.eye(3)])


def by_enumeration():
    mass = np.zeros((4, 3))
    for way in product(range(3), repeat=4):
        p = PRIOR[way[0]] * np.exp(EMISSIONS[np.arange(4), way].sum())
        for (a, b), gap in zip(pairwise(way), GAPS, strict=True):
            p *= transition(gap)[a, b]
        mass[np.arange(4), way] += p
    return mass / mass.sum(axis=1, keepdims=True)


def test_the_posterior_is_the_sum_over_all_ways():
    np.testing.assert_allclose(smooth(MOVES, EMISSIONS, GAPS).posteriors, by_enumeration())


def test_the_others_and_the_photo_itself_make_the_posterior():
    smoothed = smooth(MOVES, EMISSIONS, GAPS)
    logs = np.log(PRIOR) + smoothed.log_ratios + EMISSIONS
    mass = np.exp(logs)
    np.testing.assert_allclose(mass / mass.sum(axis=1, keepdims=True), smoothed.posteriors)


@pytest.mark.parametrize("gap", [0.0, 1.0, 24.0, 1e4])
def test_moves_are_probabilities_and_fade_to_anywhere(gap):
    np.testing.assert_allclose(transition(gap).sum(axis=1), 1)
    np.testing.assert_allclose(MOVES.before(np.ones(3), gap), 1)
    assert (np.diag(transition(0.0)) == 1).all()


def test_who_leaves_goes_nearby_more_often_than_to_a_place_of_as_many_people_far_away():
    alike = Moves(np.array([0.4, 0.3, 0.3]), KM, stays=Stays(24.0, 240.0), near_km=300.0)
    near, far = alike.after(np.array([1.0, 0, 0]), 1.0)[1:]
    assert near > 1.5 * far


def test_a_move_nearby_leaves_the_area():
    gap = 24.0
    stays, _, anywhere = MOVES._shares(gap)
    np.testing.assert_allclose(np.diag(transition(gap)), stays + anywhere * PRIOR)


def test_one_photo_alone_gets_nothing():
    smoothed = smooth(MOVES, EMISSIONS[:1], [])
    np.testing.assert_allclose(smoothed.log_ratios, 0, atol=1e-12)


def test_extreme_evidence_stays_finite():
    emissions = np.array([[0.0, -1e4, -1e4], [-1e4, 0.0, -1e4], [-1e4, -1e4, 0.0]])
    smoothed = smooth(MOVES, emissions, [0.0, 0.0])
    assert np.isfinite(smoothed.log_ratios).all()
    assert np.isfinite(smoothed.posteriors).all()
