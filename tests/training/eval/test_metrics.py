"""Scores: of probabilities over cells, of classes, of places, beside people."""

import numpy as np
import pytest

pytest.importorskip("torch")

from geotagger.errors import UsageError
from training.data.example import Example
from training.engine.run_folder import HeldOut
from training.eval import metrics, players
from training.eval.cell_scores import by_continent, posterior, score_cells
from training.targets.cells import Cells

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
    scores = score_cells(certain, CELLS, examples, CONTINENT_OF)
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
    scores = score_cells(
        np.array([[0.3, 0.3, 0.4]]), cells, [photo(48.9, 2.35, "FR")], CONTINENT_OF
    )
    assert scores["per_photo"]["within_25_km"] == 1


def test_continents_are_told_one_by_one():
    found = by_continent(np.eye(3)[[0, 2, 1]], CELLS, ["DE", "FR", "JP"], CONTINENT_OF)
    assert found == {"Asia": {"photos": 1, "right": 0.0}, "Europe": {"photos": 2, "right": 0.5}}


def held(files, lat, lon, country, precision="point"):
    places = {"FR": "Europe", "DE": "Europe", "JP": "Asia", "BR": "South America"}
    return HeldOut(
        {},
        {},
        lat=np.array(lat, float),
        lon=np.array(lon, float),
        country=np.array(country),
        continent=np.array([places[code] for code in country]),
        precision=np.full(len(files), precision),
        source=np.full(len(files), "s"),
        file=np.array(files),
    )


def test_places_are_scored_as_geotagger_scores_them():
    truth = held(["a", "b", "c"], [48.9, 52.5, 35.7], [2.35, 13.4, 139.7], ["FR", "DE", "JP"])
    guesses = metrics.PredictedLocations.at([48.9, 48.9, -10.0], [2.35, 2.35, -52.0])
    found = metrics.geographic(guesses, truth)
    assert found["continent"] == pytest.approx(2 / 3)
    assert found["country"] == pytest.approx(1 / 3)
    assert found["within_1_km"] == pytest.approx(1 / 3)
    assert found["within_2500_km"] == pytest.approx(2 / 3)
    assert found["median_km"] == pytest.approx(878, abs=6)
    far = 17_400
    expected = (5000 + 5000 * np.exp(-878 / 1492.7) + 5000 * np.exp(-far / 1492.7)) / 3
    assert found["geoscore"] == pytest.approx(expected, rel=1e-2)
    vague = held(["a"], [48.9], [2.35], ["FR"], precision="country")
    assert (
        metrics.geographic(metrics.PredictedLocations.at([45.0], [1.0]), vague)["median_km"] is None
    )


def test_classifiers_are_scored():
    logits = np.log(
        np.array([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1], [0.9, 0.05, 0.05]])
    )
    target = np.array([0, 1, 1, -1])
    found = metrics.classification(logits, target)
    assert found["photos"] == 3
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["precision"] == pytest.approx((0.5 + 1) / 2)
    assert found["recall"] == pytest.approx((1 + 0.5) / 2)
    assert found["f1"] == pytest.approx(2 / 3)
    assert found["nll"] == pytest.approx(-np.log([0.7, 0.3, 0.8]).mean())
    brier = [0.3**2 + 0.2**2 + 0.1**2, 0.6**2 + 0.7**2 + 0.1**2, 0.1**2 + 0.2**2 + 0.1**2]
    assert found["brier"] == pytest.approx(np.mean(brier))
    assert found["ece"] == pytest.approx((0.3 + 0.6 + 0.2) / 3)
    assert found["aurc"] == pytest.approx((0 + 0 + 1 / 3) / 3)
    assert metrics.confusion(logits, target).tolist() == [[1, 0, 0], [1, 1, 0], [0, 0, 0]]
    assert metrics.classification(logits, np.full(4, -1)) == {"photos": 0}
    assert metrics.classification(np.zeros((2, 8)), np.array([3, 7]))["top5"] == 0


def test_the_finer_level_is_judged_where_the_coarser_is_right():
    above = np.array([True, True, False, False])
    assert metrics.hierarchical(above, np.array([True, False, True, True])) == 0.5
    assert metrics.hierarchical(~above & above, above) is None


def test_people_are_set_beside_the_model_on_their_own_photos(tmp_path):
    truth = held(["a", "b", "c"], [48.9, 52.5, 35.7], [2.35, 13.4, 139.7], ["FR", "DE", "JP"])
    model = metrics.PredictedLocations.at([48.9, -10.0, 35.7], [2.35, -52.0, 139.7])
    file = tmp_path / "players.csv"
    file.write_text("player,file,lat,lon\nAnn,a,52.5,13.4\nAnn,b,52.5,13.4\nBob,c,0,0\nBob,x,1,1\n")
    table = players.compare_players(players.read_players(file), model, truth)
    assert list(table) == ["Ann", "Ann: model", "Bob", "Bob: model"]
    assert (table["Ann"]["photos"], table["Bob"]["photos"]) == (2, 1)
    assert table["Ann"]["country"] == table["Ann: model"]["country"] == 0.5
    assert (table["Ann"]["wins"], table["Bob"]["wins"], table["Bob: model"]["wins"]) == (0.5, 0, 1)
    file.write_text("player,file,lat,lon\nAnn,a,far,13.4\n")
    with pytest.raises(UsageError, match="row 2"):
        players.read_players(file)
    file.write_text("player,file,lat\nAnn,a,1\n")
    with pytest.raises(UsageError, match="lon"):
        players.read_players(file)
