"""Scores by trip."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from geotagger.evaluation.by_trip import TripCollector
from geotagger.evaluation.labels import KnownPlace
from geotagger.evaluation.scored import ScoredPhoto
from geotagger.types import Level, Outcome, Photo, PhotoMetadata, Place, Point, Prediction

NOON = datetime.fromisoformat("2024-05-01T12:00:00")
HERE = Point(0.0, 0.0)


def add(collector, hours, truth, predicted, camera="X"):
    taken = (NOON + timedelta(hours=hours)).isoformat() if camera else ""
    metadata = PhotoMetadata(taken_at=taken, camera=camera)
    prediction = Prediction(HERE, Place(HERE, predicted, predicted), Level.COUNTRY, 0.6, 900.0)
    outcome = Outcome(Photo(Path("a.jpg"), Path()), metadata=metadata, prediction=prediction)
    collector.add(outcome, ScoredPhoto(prediction, KnownPlace(truth), Place(HERE, truth, truth)))


def test_each_trip_has_the_same_weight():
    collector = TripCollector()
    for hour in range(8):
        add(collector, hour, "GE", "GE")
    add(collector, 200, "FR", "DE")
    add(collector, 201, "FR", "DE")
    scores = collector.result()
    assert (scores.trips, scores.photos, scores.median_photos) == (2, 10, 5.0)
    assert scores.country.value == pytest.approx(0.5)
    assert scores.mostly.value == pytest.approx(0.5)


def test_a_trip_is_mostly_right_if_most_of_its_photos_are():
    collector = TripCollector()
    for hour, predicted in enumerate(("GE", "GE", "AM")):
        add(collector, hour, "GE", predicted)
    scores = collector.result()
    assert scores.country.value == pytest.approx(2 / 3)
    assert scores.mostly.value == 1.0


def test_two_cameras_are_two_trips_and_a_photo_alone_is_none():
    collector = TripCollector()
    for hour in range(2):
        add(collector, hour, "GE", "GE", camera="X")
        add(collector, hour, "GE", "FR", camera="Y")
    add(collector, 500, "GE", "GE")
    add(collector, 0, "GE", "GE", camera="")
    add(collector, 1, "", "GE")
    scores = collector.result()
    assert (scores.trips, scores.photos) == (2, 4)


def test_without_trips_there_are_no_figures():
    scores = TripCollector().result()
    assert scores.trips == 0
    assert scores.country.value is None
