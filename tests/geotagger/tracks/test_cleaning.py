"""What no receiver can have measured is left out, and the rest is in order."""

import numpy as np
import pytest

from geotagger.tracks.cleaning import clean
from geotagger.tracks.fixes import FixCollector
from tests.fixtures.tracks import START_S, STEP_S, WALK

NOW_S = START_S + 10 * 86_400


def cleaned(*segments):
    fixes = FixCollector()
    for segment in segments:
        fixes.start_segment()
        for fix in segment:
            fixes.add(*fix)
    return clean(fixes.table(), NOW_S)


def times(fixes):
    return fixes.time_s.tolist()


def test_a_sound_track_stays_as_it_is():
    fixes, left_out = cleaned(WALK, [(fix[0] + 9000, *fix[1:]) for fix in WALK])
    assert len(fixes) == 2 * len(WALK)
    assert not left_out
    assert fixes.segment.tolist() == [0] * len(WALK) + [1] * len(WALK)


def test_reversed_and_shuffled_tracks_are_sorted():
    shuffled = [WALK[i] for i in np.random.default_rng(0).permutation(len(WALK))]
    for walk in (WALK[::-1], shuffled):
        assert times(cleaned(walk).fixes) == [fix[0] for fix in WALK]


@pytest.mark.parametrize(
    ("fix", "reason"),
    [
        ((START_S + 45, 0.0, 0.0), "at 0/0"),
        ((START_S + 45, 91.0, 2.35), "out of range"),
        ((START_S + 45, 48.85, 181.0), "out of range"),
        ((START_S + 45, float("nan"), 2.35), "out of range"),
        ((START_S + 45, float("inf"), 2.35), "out of range"),
        ((12.0, 48.85, 2.35), "dated before 1990"),
        ((315_964_800.0, 48.85, 2.35), "dated before 1990"),  # week 0 of GPS
        ((2_085_978_496.0, 48.85, 2.35), "dated in the future"),  # 2036, the end of NTP's era
        ((float("inf"), 48.85, 2.35), "dated in the future"),
        ((float("nan"), 48.85, 2.35), "without a time"),
        ((START_S + STEP_S, 48.9, 2.4), "at the time of another"),
        ((START_S + 45, 49.5, 2.35), "impossibly fast"),
        ((START_S + 45, 48.85, -2.35), "impossibly fast"),
        ((START_S - 30, 52.0, 2.35), "impossibly fast"),  # the first one
        ((START_S + 330, 52.0, 2.35), "impossibly fast"),  # the last one
    ],
)
def test_an_impossible_fix_is_left_out(fix, reason):
    fixes, left_out = cleaned([*WALK[:2], fix, *WALK[2:]])
    assert left_out == {reason: 1}
    assert times(fixes) == [one[0] for one in WALK]


def test_several_spikes_and_a_short_excursion_are_left_out():
    walk = [(START_S + 10 * i, 48.85, 2.35) for i in range(60)]
    for at in (5, 20, 21, 22, 40):
        walk[at] = (walk[at][0], 10.0, 2.35)
    fixes, left_out = cleaned(walk)
    assert left_out == {"impossibly fast": 5}
    assert set(fixes.lat.tolist()) == {48.85}
    assert len(set(fixes.segment.tolist())) == 1


def test_a_jump_that_nothing_explains_starts_a_segment():
    away = [(fix[0] + 600, fix[1] - 60, fix[2]) for fix in WALK]
    fixes, left_out = cleaned([*WALK, *away])
    assert not left_out
    assert fixes.segment.tolist() == [0] * len(WALK) + [1] * len(WALK)


def test_two_receivers_in_one_segment_lose_one_of_them_and_not_both():
    mixed = [fix for at in range(40) for fix in _both(at)]
    fixes, _ = cleaned(mixed)
    assert len(fixes) >= 38
    assert not np.any(np.diff(fixes.lat)[np.diff(fixes.segment) == 0] > 1)


def _both(at):
    return [(START_S + 20 * at, 48.85, 2.35), (START_S + 20 * at + 10, 43.3, 5.4)]


def test_airliners_are_possible():
    flight = [(START_S + 60 * i, 48.85 + 0.16 * i, 2.35) for i in range(30)]  # 300 m/s
    fixes, left_out = cleaned(flight)
    assert not left_out
    assert set(fixes.segment.tolist()) == {0}


def test_across_the_antimeridian_nothing_is_fast():
    fixes, left_out = cleaned(
        [(START_S + 30 * i, -16.8, (179.9 + 0.02 * i + 180) % 360 - 180) for i in range(11)]
    )
    assert not left_out
    assert set(fixes.segment.tolist()) == {0}


def test_a_stay_keeps_both_ends():
    fixes = FixCollector()
    fixes.add_stay(START_S, START_S, 48.85, 2.35, 100.0)
    fixes.add_stay(START_S + 60, START_S + 600, 48.85, 2.35, 100.0)
    found = clean(fixes.table(), NOW_S).fixes
    assert times(found) == [START_S, START_S, START_S + 60, START_S + 600]
    assert found.is_stay[found.segment].tolist() == [True] * 4


def test_nothing_left_is_an_empty_table():
    assert len(cleaned([(0.0, 0.0, 0.0)]).fixes) == 0
    assert len(cleaned([]).fixes) == 0
