"""Scores of probabilities over cells."""

import numpy as np
import pytest

from training.cells import Cells
from training.data import Example
from training.metrics import by_continent, posterior, score

CELLS = Cells(
    np.array([48.9, 43.3, 35.7]), np.array([2.35, 5.4, 139.7]), np.array(["FR", "FR", "JP"])
)
CONTINENT_OF = {"FR": "Europe", "JP": "Asia", "DE": "Europe"}


def photo(lat, lon, country):
    return Example("", lat=lat, lon=lon, country=country)


def test_countries_are_alike_before_anything_is_seen():
    assert posterior(np.zeros((1, 3)), CELLS, 1.0)[0] == pytest.approx([0.25, 0.25, 0.5])
    sharp = posterior(np.array([[0.0, 2, 0]]), CELLS, 0.5)[0]
    assert sharp[1] / sharp[0] == pytest.approx(np.exp(4))


def test_scores_by_photo_and_by_country():
    examples = [photo(48.9, 2.35, "FR")] * 3 + [photo(35.7, 139.7, "JP"), photo(52.5, 13.4, "DE")]
    certain = np.eye(3)[[0, 0, 0, 0, 0]]
    scores = score(certain, CELLS, examples, CONTINENT_OF)
    assert scores["per_photo"]["country"] == pytest.approx(3 / 5)
    assert scores["per_country"]["country"] == pytest.approx(1 / 3, abs=1e-4)
    assert scores["per_photo"]["continent"] == pytest.approx(4 / 5)
    assert scores["per_photo"]["within_25_km"] == pytest.approx(3 / 5)
    assert scores["per_photo"]["within_2500_km"] == pytest.approx(4 / 5)
    assert scores["per_photo"]["median_km"] == 0
    assert scores["per_country"]["median_km"] == pytest.approx(877, abs=6)  # Paris to Berlin


def test_the_point_is_where_most_lies_near_and_not_the_likeliest_cell():
    cells = Cells(
        np.array([48.9, 49.4, 35.7]), np.array([2.35, 1.1, 139.7]), np.array(["FR", "FR", "JP"])
    )
    scores = score(np.array([[0.3, 0.3, 0.4]]), cells, [photo(48.9, 2.35, "FR")], CONTINENT_OF)
    assert scores["per_photo"]["within_25_km"] == 1


def test_continents_are_told_one_by_one():
    found = by_continent(np.eye(3)[[0, 2, 1]], CELLS, ["DE", "FR", "JP"], CONTINENT_OF)
    assert found == {"Asia": {"photos": 1, "right": 0.0}, "Europe": {"photos": 2, "right": 0.5}}
