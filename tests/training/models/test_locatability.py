"""Whether looks that say nothing of a place are found, without a list of such looks."""

import numpy as np
import pytest

pytest.importorskip("torch")

from training.data.example import Example
from training.models.locatability import (
    country_gain_nats,
    importance,
    learn_importance,
    locatability,
)
from training.targets.cells import Cells

CODES = ("KE", "NO", "JP")
CONTINENT_OF = {"KE": "Africa", "NO": "Europe", "JP": "Asia"}
CELLS = Cells(np.array([-1.3, 60.4, 35.7]), np.array([36.8, 5.3, 139.7]), np.array(CODES))


def test_meals_say_less_than_streets():
    """Streets differ between countries, meals do not; one feature shows which it is."""
    random = np.random.default_rng(0)
    examples, features, is_meal = [], [], []
    for number in range(360):
        country, meal = number % 3, number % 2 == 0
        cell = (float(CELLS.lat[country]), float(CELLS.lon[country]))
        examples.append(
            Example(f"{number}", None, *cell, CODES[country], source=f"s{number // 30}")
        )
        street = np.zeros(3) if meal else 2 * np.eye(3)[country]
        features.append(np.concatenate([street, [2.0 * meal]]) + random.normal(0, 0.4, 4))
        is_meal.append(meal)
    looks = np.array(features, np.float32)
    weights = learn_importance(looks, examples, CELLS, CONTINENT_OF, 4, 0.25)
    meals = np.array(is_meal)
    assert weights[meals].mean() < 0.75 * weights[~meals].mean()
    assert weights.min() == pytest.approx(0.25)
    assert weights.max() == 1


def test_a_label_does_not_decide_its_own_weight():
    random = np.random.default_rng(1)
    values = random.normal(size=(200, 3)).astype(np.float32)
    country, fold = np.array(["KE", "NO"] * 100), np.arange(200) // 50
    gain = values[:, 0] + random.normal(0, 0.5, 200)
    before = locatability(values, gain, country, fold)
    assert np.corrcoef(before, values[:, 0])[0, 1] > 0.9
    gain[fold == 2] = -gain[fold == 2]
    after = locatability(values, gain, country, fold)
    same = np.arange(200)[fold == 2]
    assert np.allclose(before[same], after[same], atol=0.2)
    assert np.corrcoef(after[same], values[same, 0])[0, 1] > 0.9


def test_gains_are_against_chance_and_unknown_where_no_other_fold_has_the_country():
    logits = np.array([[9.0, 0, 0], [0, 0, 0], [0, 0, 9.0], [0, 0, 0]], np.float32)
    country, fold = np.array(["KE", "KE", "KE", "JP"]), np.array([0, 1, 1, 1])
    gain = country_gain_nats(logits, CELLS, country, fold)
    assert gain[0] == pytest.approx(np.log(3), abs=0.01)
    assert gain[1] == pytest.approx(0, abs=0.01)
    assert gain[2] < -3
    assert np.isnan(gain[3])


def test_the_better_half_counts_fully_and_the_worst_photo_least():
    weights = importance(np.array([3.0, -1.0, 0.0, 5.0, 4.0]), 0.2)
    assert weights.tolist() == pytest.approx([1, 0.2, 0.6, 1, 1])
    assert importance(np.arange(4.0), 1.0).tolist() == [1, 1, 1, 1]
