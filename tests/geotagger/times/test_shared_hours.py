"""Days and nights of two cameras."""

import numpy as np
import pytest

from geotagger.times.shared_hours import MIN_SESSIONS, use_same_hours
from tests.fixtures.walks import START_S, Way

HOUR_S = 3600.0


def used(error_hours, seed=1, count=60):
    rng = np.random.default_rng(seed)
    way = Way(rng)
    camera = [photo.clock_s for photo in way.photos(rng, count, error_hours * HOUR_S)]
    return use_same_hours(camera, list(way.path(rng, 150).utc_s + 2 * HOUR_S))


@pytest.mark.parametrize("seed", range(4))
def test_half_a_day_is_noticed_and_an_hour_is_not(seed):
    assert used(0, seed)
    assert used(1, seed)
    assert used(-1, seed)
    assert not used(12, seed)
    assert not used(-12, seed)


def test_few_occasions_say_nothing():
    night = [START_S + 20.0 * i for i in range(500)]  # one long burst
    day = [START_S + 12 * HOUR_S + 1000 * i for i in range(MIN_SESSIONS + 20)]
    assert use_same_hours(night[:40], day)
    assert use_same_hours([], day)
    assert use_same_hours(day, [])


def test_years_apart_are_not_judged_by_hours():
    day = [START_S + 86_400 * d + 1800 * i for d in range(5) for i in range(12)]
    assert use_same_hours([at_s - 1e9 for at_s in day], day)
