"""Which photos of its trip moved the prediction of a photo."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from geotagger.explanation import pictures, words
from geotagger.explanation import trip as trips
from geotagger.explanation.steps import explained
from geotagger.explanation.trip import explain_trip, neighbours_of, placed_together
from geotagger.fusion.decide import predict
from geotagger.images.excludes import Excludes
from geotagger.types import Evidence, Outcome, Photo, PhotoEvidence, PhotoMetadata

NOON = datetime.fromisoformat("2024-05-01T12:00:00")


def item(places, name, hours, source="vision", country="", strength=1e4):
    likelihood = np.where(places.mask([country] if country else []), np.log(strength), 0.0)
    evidence = Evidence(source, 1.0, f"{source}: {country}", likelihood.astype(np.float32))
    taken = (NOON + timedelta(hours=hours)).isoformat()
    metadata = PhotoMetadata(taken_at=taken, camera="X")
    return PhotoEvidence(Outcome(Photo(Path(name), Path()), metadata=metadata), (evidence,))


@pytest.fixture
def trip(places):
    return [
        item(places, "a.jpg", 0),
        item(places, "sign.jpg", -1, "text", "SE"),
        item(places, "far.jpg", 24 * 300),
    ]


def explain(belief, items, use_gps=True):
    return explain_trip(Path("a.jpg"), items, belief, use_gps=use_gps)


def test_the_neighbour_that_moved_the_answer_is_named(belief, trip):
    found = explain(belief, trip)
    assert found.country == "Sweden"
    sign, far = found.neighbours
    assert (sign.name, sign.hours_after, sign.country) == ("sign.jpg", -1.0, "Sweden")
    assert sign.without_it < 0.05 < 0.6 < found.support
    assert far.without_it == pytest.approx(found.support, abs=1e-3)
    (first, last) = words.neighbour_sentences(found)
    assert first.startswith("its neighbour sign.jpg (60 min before, Sweden) raises Sweden from")
    assert last == "2 neighbours in the folder looked at."


def test_what_it_shows_is_what_the_run_predicts(belief, trip):
    placed = placed_together(trip, belief, use_gps=True)[0]
    prediction = belief.decide(placed.evidence)
    assert explain(belief, trip).country == prediction.place.country


def test_a_photo_without_neighbours_or_evidence_has_no_trip(belief, trip):
    assert explain(belief, trip[:1]) is None
    silent = PhotoEvidence(trip[0].outcome)
    assert explain(belief, [silent, *trip[1:]]) is None


def test_the_strip_and_the_json(belief, trip):
    own = placed_together(trip, belief, use_gps=True)[0]
    explanation = explained(predict(own, belief), own.evidence, belief, explain(belief, trip))
    figures = pictures.figures(explanation, belief.places)
    assert figures[-1].title == "The trip"
    assert "this photo" in figures[-1].to_svg()
    document = json.loads(words.to_json(explanation))
    assert [one["name"] for one in document["trip"]["neighbours"]] == ["sign.jpg", "far.jpg"]


def save(path, taken="", camera="X"):
    exif = Image.Exif()
    exif[0x0110] = camera
    if taken:
        exif.get_ifd(0x8769)[0x9003] = taken
    Image.new("RGB", (32, 24), "grey").save(path, exif=exif)


def test_neighbours_are_the_nearest_in_time_by_the_same_camera(tmp_path, monkeypatch):
    monkeypatch.setattr(trips, "MAX_NEIGHBOURS", 2)
    for hour in (9, 10, 12, 18):
        save(tmp_path / f"{hour:02}.jpg", f"2024:05:05 {hour:02}:00:00")
    save(tmp_path / "other.jpg", "2024:05:05 10:01:00", camera="Y")
    save(tmp_path / "untimed.jpg")
    (tmp_path / "sub").mkdir()
    save(tmp_path / "sub" / "11.jpg", "2024:05:05 11:00:00")
    found = neighbours_of(tmp_path / "10.jpg", Excludes())
    assert [path.name for path in found] == ["09.jpg", "12.jpg"]
    assert neighbours_of(tmp_path / "untimed.jpg", Excludes()) == []
    assert neighbours_of(tmp_path / "none.jpg", Excludes()) == []
