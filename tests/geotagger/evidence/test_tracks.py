"""A track as evidence: exact, with words to check, and a remark where it says nothing."""

from pathlib import Path

import numpy as np
import pytest

from geotagger.evidence.source import LoadedPhoto
from geotagger.evidence.tracks import TrackSource
from geotagger.fusion.decide import predict
from geotagger.reasons import ReasonCode
from geotagger.tracks.load import load_tracks
from geotagger.types import (
    Evidence,
    Level,
    Outcome,
    Photo,
    PhotoEvidence,
    PhotoMetadata,
    Point,
    Status,
)
from tests.fixtures import tracks
from tests.fixtures.tracks import START_S, VISIT, WALK


@pytest.fixture
def weigh(tmp_path, places):
    def weigh(data, taken_at, name="walk.gpx", **more):
        file = tmp_path / name
        file.write_text(data, "utf-8")
        source = TrackSource(places, load_tracks([file]), **more)
        photo = LoadedPhoto(
            Photo(tmp_path / "a.jpg", tmp_path), PhotoMetadata(taken_at=taken_at), None
        )
        prepared = source.prepare(photo)
        return (source.weigh([prepared])[0] if prepared else None), photo.remarks

    return weigh


@pytest.mark.parametrize(
    ("data", "taken_at", "words"),
    [
        (
            tracks.gpx(),
            "2019-07-01T12:00:15",
            "track: walk.gpx, between two fixes 30 s apart, by local time of Europe/Paris",
        ),
        (
            tracks.gpx(),
            "2019-07-01T09:59:00+00:00",
            "track: walk.gpx, 60 s from the nearest fix, by UTC+00:00",
        ),
        (
            tracks.timeline_ios(),
            "2019-07-01T11:00:00Z",
            "track: walk.gpx, during a stay of 2 h, by UTC",
        ),
    ],
)
def test_the_reason_names_the_file_the_fixes_and_the_way_to_utc(weigh, data, taken_at, words):
    found, remarks = weigh(data, taken_at)
    assert found.reason == words
    assert not remarks


def test_a_rolled_over_track_says_so(weigh):
    old = [(seconds - 1024 * 7 * 86_400, *at) for seconds, *at in WALK]
    found, _ = weigh(tracks.gpx(old), "2019-07-01T12:00:15+02:00")
    assert found.reason.endswith("dates 1,024 weeks too early")


def test_off_the_track_is_a_remark_and_no_evidence(weigh):
    found, remarks = weigh(tracks.gpx(), "2019-07-03T12:00:15")
    assert found is None
    assert [remark.code for remark in remarks] == [ReasonCode.OFF_TRACK]


def test_it_places_exactly_whatever_the_others_say(weigh, belief, places):
    found, _ = weigh(tracks.gpx(), "2019-07-01T12:00:00")
    tokyo = np.where(places.mask({"JP"}), 6.0, 0.0).astype(np.float32)
    wrong = Evidence("vision", 1.0, "looks like Tokyo", tokyo)
    alone, contested = belief.decide([found]), belief.decide([found, wrong])
    for prediction in (alone, contested):
        assert prediction.measured_by == "track"
        assert (prediction.point.lat, prediction.point.lon) == pytest.approx((48.85, 2.35))
        assert prediction.place.city == "Paris"
        assert prediction.level is Level.CITY
        assert 0.01 < prediction.radius_km < 0.2
    assert alone.confidence > 0.95
    assert contested.confidence < alone.confidence


def test_of_two_measurements_the_more_precise_counts(weigh, belief):
    fine, _ = weigh(tracks.gpx(), "2019-07-01T12:00:00+02:00")
    coarse, _ = weigh(tracks.kml_visit(), "2019-07-01T12:45:00+02:00", "visit.kml")
    assert belief.decide([coarse, fine]).point.lat == pytest.approx(48.85)
    assert belief.decide([coarse]).point == Point(*VISIT[2:])


def test_at_sea_it_is_placed_without_names(weigh, belief):
    sea = [(START_S + 60 * i, 45.0 + 0.003 * i, -30.0) for i in range(20)]
    found, _ = weigh(tracks.gpx(sea), "2019-07-01T10:00:30Z")
    photo = Photo(Path("a.jpg"), Path())
    outcome = predict(PhotoEvidence(Outcome(photo), (found,)), belief)
    assert outcome.status is Status.PREDICTED
    assert outcome.prediction.level is Level.NONE
    assert outcome.prediction.place.country == ""
    assert outcome.prediction.point.lon == pytest.approx(-30)
