"""How much the pictures of a trip count together."""

import numpy as np
import pytest

from geotagger.pipeline.trips.damping import (
    TripConstants,
    camera_bias,
    picture_weights,
    sign_weights,
)

CONSTANTS = TripConstants(0.6, 0.05, 3.0, 0.5, 1.0, 0.3, 0.2, 0.05)
BASE = np.full(200, 1 / 200)
TOGETHER = np.zeros(30)


def weights(ratios, at_hours=TOGETHER):
    return picture_weights(ratios, BASE, at_hours[: len(ratios)], CONSTANTS)


def test_near_duplicates_share_one_vote():
    ratios = np.tile(np.random.default_rng(0).normal(size=200), (30, 1))
    np.testing.assert_allclose(weights(ratios), 1 / 30, rtol=1e-6)


def test_different_scenes_have_a_vote_each_less_what_all_pictures_share():
    ratios = np.random.default_rng(1).normal(size=(30, 200))
    votes = weights(ratios).sum()
    by_kish = 30 / (1 + 29 * CONSTANTS.base_correlation)
    assert 0.9 * by_kish < votes <= by_kish
    assert votes > 5


def test_votes_grow_with_diversity():
    rng = np.random.default_rng(2)
    shared, own = rng.normal(size=200), rng.normal(size=(30, 200))
    votes = [weights(share * shared + (1 - share) * own).sum() for share in (0.9, 0.6, 0.3, 0.0)]
    assert votes == sorted(votes)


def test_the_same_scene_a_year_later_is_another_vote():
    ratios = np.tile(np.random.default_rng(3).normal(size=200), (2, 1))
    np.testing.assert_allclose(weights(ratios, np.array([0.0, 24 * 365])), 1.0, atol=1e-6)


@pytest.mark.parametrize("ratios", [np.zeros((1, 200)), np.zeros((5, 200))])
def test_pictures_that_show_nothing(ratios):
    found = weights(ratios)
    assert np.isfinite(found).all()
    assert (found <= 1).all()


def test_the_fitted_constants_are_probabilities():
    constants = TripConstants.load()
    assert 0 < constants.picture_outlier_probability < 1
    assert 0 <= constants.base_correlation < 1
    assert 0 <= constants.pictures_mislead_probability < 0.5
    assert 0 < constants.town_sign_outlier_probability < constants.sign_outlier_probability < 0.5


def test_the_same_words_share_one_vote_while_people_stay():
    votes = sign_weights(
        ["Bar Roma", "Bar Roma", None, None, "Batumi"], np.array([0, 1, 2, 3, 4.0])
    )
    assert votes[:2].sum() == pytest.approx(1, abs=0.02)
    assert (votes[2:] == 1).all()


def test_the_same_words_a_year_later_are_another_sign():
    np.testing.assert_allclose(sign_weights(["a", "a"], np.array([0, 24 * 365.0])), 1, atol=1e-6)


def journey(trips, photos=5):
    """Ratios of trips to different countries by a camera whose pictures all look like another."""
    ratios = np.zeros((trips * photos, 200))
    ratios[:, 0] = 2.0
    for trip in range(trips):
        ratios[trip * photos : (trip + 1) * photos, 1 + trip] = 1.0
    return ratios, np.repeat(100.0 * np.arange(trips), photos)


def test_what_a_camera_says_on_every_trip_is_taken_back_and_the_places_stay():
    bias = camera_bias(*journey(9), CONSTANTS)
    share = CONSTANTS.camera_bias_share * 9 / (9 + CONSTANTS.camera_bias_trips)
    assert bias[0] == pytest.approx(2.0 * share)
    assert not bias[1:].any()


def test_the_more_trips_the_more_is_taken_back():
    taken = [camera_bias(*journey(trips), CONSTANTS)[0] for trips in (1, 2, 5, 20)]
    assert taken == sorted(taken)
    assert taken[0] < 0.3 * 2.0 < taken[-1] < CONSTANTS.camera_bias_share * 2.0


def test_a_long_trip_is_one_trip():
    ratios, at_hours = journey(3)
    at_hours[5:10] = 100 + 40 * np.arange(5)
    at_hours[10:] += 200
    np.testing.assert_array_equal(
        camera_bias(ratios, at_hours, CONSTANTS), camera_bias(*journey(3), CONSTANTS)
    )
