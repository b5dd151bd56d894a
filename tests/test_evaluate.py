import pytest

from geotagger.evaluate import Scored, score
from geotagger.labels import Truth
from geotagger.records import Candidate, Level, Place, Point, Prediction, Status

PARIS = Place(Point(48.8566, 2.3522), "FR", "France", "Île-de-France", "Paris", "Europe")
BERLIN = Place(Point(52.52, 13.405), "DE", "Germany", "Berlin", "Berlin", "Europe")


def guess(place, level=Level.COUNTRY, radius_km=500.0, others=()):
    candidates = tuple(Candidate(p, p.point, 0.3) for p in (place, *others))
    return Prediction(place.point, place, level, 0.7, radius_km, candidates)


def scored(prediction, code, point=None, continent="Europe"):
    return Scored(prediction, Truth(code, point), continent)


def test_shares_distances_and_coverage():
    items = [
        scored(guess(PARIS), "FR", Point(48.86, 2.35)),
        scored(guess(PARIS, others=[BERLIN]), "DE", BERLIN.point),
        scored(guess(BERLIN), "JP", Point(35.7, 139.7), "Asia"),
    ]
    result = score(items, 5, [Status.PREDICTED] * 3 + [Status.FAILED], unlabelled=1)
    assert result.photos == 4
    assert result.failed == 1
    assert result.continent == pytest.approx(2 / 3)
    assert result.country == pytest.approx(1 / 3)
    assert result.country_top_k == pytest.approx(2 / 3)
    assert result.within_km["1"] == pytest.approx(1 / 3)
    assert result.within_km["2500"] == pytest.approx(2 / 3)
    assert result.median_km == pytest.approx(878, abs=3)
    assert result.radius_coverage == pytest.approx(1 / 3)
    assert result.geoscore == pytest.approx((5000 + 2776 + 12) / 3, abs=30)


def test_countries_weigh_alike_whatever_their_photos():
    items = [scored(guess(PARIS), "FR")] * 9 + [scored(guess(PARIS), "DE")]
    result = score(items, 5, [Status.PREDICTED] * 10, 0)
    assert result.country == pytest.approx(0.9)
    assert result.country_by_country == pytest.approx(0.5)
    assert result.median_km is None


def test_answers_are_judged_at_their_level():
    items = [
        scored(guess(PARIS, Level.CITY), "FR", Point(48.86, 2.35)),
        scored(guess(PARIS, Level.CITY), "FR", Point(45.7, 4.8)),
        scored(guess(PARIS, Level.CONTINENT), "DE", BERLIN.point),
        scored(guess(PARIS, Level.NONE), "DE", BERLIN.point),
    ]
    result = score(items, 5, [Status.PREDICTED] * 4, 0)
    assert result.right == {"city": 0.5, "continent": 1.0}
    assert result.answered["none"] == 0.25


def test_nothing_scored_is_no_error():
    assert "0 of 0 photos" in score([], 5, [], 0).to_text()
