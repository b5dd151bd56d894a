import json

import numpy as np
import pytest

from geotagger.config import RunOptions
from geotagger.errors import BundleError, UsageError
from geotagger.evidence.vision import VisionSource
from geotagger.geography.area import Area
from geotagger.geography.named_places import NamedPlace, parse_places
from geotagger.vision.decoding.captions import LocalCaptionDecoder
from geotagger.vision.decoding.factory import make_decoder
from geotagger.vision.search_space import CandidateSpace, captions_for, gallery_for, read_points
from tests.fixtures.bundles import (
    COLOURS,
    POINTS,
    TOWNS,
    make_bundle,
    picture_of,
    small_places,
    write_csv,
)
from tests.fixtures.matching_bundles import caption_bundle, position_bundle

RIO, SAO_PAULO, AMAZON, BERLIN, MUNICH, TOKYO, OSAKA, NAIROBI = range(len(TOWNS))


@pytest.fixture(scope="module")
def places():
    return small_places()


@pytest.fixture(scope="module")
def captions(tmp_path_factory):
    return caption_bundle(tmp_path_factory.mktemp("captions") / "captions")


@pytest.fixture(scope="module")
def positions(tmp_path_factory):
    return position_bundle(tmp_path_factory.mktemp("positions") / "positions")


def evidence(bundle, places, colour, search=None):
    source = VisionSource(bundle, places, device="cpu", search=search)
    return source.weigh(list(picture_of(COLOURS[colour])))[0]


def test_countries_and_then_cities(captions, places):
    found = evidence(captions, places, "Tokyo").log_likelihood
    assert found.argmax() == TOKYO
    assert found[TOKYO] > found[OSAKA] > found[NAIROBI]


def test_the_hierarchy_is_the_product_of_area_and_town(captions, places):
    countries, cities = (make_decoder(captions, head, places) for head in captions.card.heads)
    vector = np.array([[0.8, 0.6, 0.0]], np.float32)
    assert isinstance(cities, LocalCaptionDecoder)
    inside = np.exp(cities.log_probabilities(vector)[0])
    assert inside[[0, 1]].sum() == inside[[2, 3]].sum() == pytest.approx(1)
    assert inside[4] == pytest.approx(1)
    logits = 20 * np.array([0.8, 1.0])
    assert inside[1] == pytest.approx(1 / (1 + np.exp(logits[0] - logits[1])), rel=1e-3)
    above = cities.decode(vector)[0].log_likelihood
    assert above[OSAKA] == pytest.approx(np.log(2 * inside[1]), abs=1e-4)
    assert above[NAIROBI] == above[RIO] == above[AMAZON] == 0
    shares = np.exp(countries.log_probabilities(vector)[0])
    assert shares.sum() == pytest.approx(1)


def test_candidates_replace_the_captions(captions, places):
    search = CandidateSpace(
        candidates=(
            NamedPlace("Tokyo", "Tokyo", "JP", False, 35.69, 139.69),
            NamedPlace("Munich", "Bavaria", "DE", False, 48.14, 11.58),
            NamedPlace("", "", "BR"),
        )
    )
    countries, cities = captions.card.heads
    labels, vectors = captions_for(search, captions, countries, places)
    assert [label.label for label in labels] == ["Japan", "Germany", "Brazil"]
    assert vectors == pytest.approx(np.eye(3), abs=0.05)
    labels, vectors = captions_for(search, captions, cities, places)
    assert [label.label for label in labels] == ["Tokyo, Japan", "Munich, Bavaria, Germany"]
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1], abs=1e-5)
    assert np.flatnonzero(search.rows(places)).tolist() == [RIO, SAO_PAULO, AMAZON, MUNICH, TOKYO]
    assert evidence(captions, places, "Rio de Janeiro", search).log_likelihood.argmax() == RIO


def test_countries_alone_leave_no_cities(captions, places):
    search = CandidateSpace(candidates=(NamedPlace("", "", "BR"), NamedPlace("", "", "JP")))
    assert captions_for(search, captions, captions.card.heads[1], places)[0] == ()
    found = evidence(captions, places, "Tokyo", search)
    assert found.log_likelihood[TOKYO] == found.log_likelihood[OSAKA] > found.log_likelihood[RIO]


def test_within_leaves_captions_out(captions, places):
    search = CandidateSpace(area=Area(frozenset({"DE"})))
    countries, cities = captions.card.heads
    assert [one.label for one in captions_for(search, captions, countries, places)[0]] == [
        "Germany"
    ]
    assert {one.label for one in captions_for(search, captions, cities, places)[0]} == {
        "Berlin",
        "Munich",
    }


def test_within_leaves_points_of_the_gallery_out(positions):
    head = positions.card.heads[0]
    found = gallery_for(CandidateSpace(area=Area(frozenset({"DE", "JP"}))), positions, head)
    assert sorted(found.lat.round(2).tolist()) == sorted([np.float32(35.69), np.float32(52.52)])
    with pytest.raises(UsageError, match="no point of the gallery lies --within"):
        gallery_for(CandidateSpace(area=Area(frozenset({"KE"}))), positions, head)


def test_another_gallery_is_encoded_without_torch(positions, tmp_path):
    write_csv(tmp_path / "g.csv", [("LAT", "LON"), (60, 10), (60, 10), (0, 20), (-60, 30)])
    gallery = gallery_for(
        CandidateSpace(gallery=tmp_path / "g.csv"), positions, positions.card.heads[0]
    )
    assert gallery.count.tolist() == [1, 1, 2]
    assert gallery.lat.tolist() == [-60, 0, 60]
    assert np.linalg.norm(gallery.vectors, axis=1) == pytest.approx([1, 1, 1], abs=1e-5)
    assert gallery.vectors.argmax(axis=1).tolist() == [2, 1, 0]


@pytest.mark.parametrize(
    "rows",
    [
        [("a", "b"), (1, 2)],
        [("lat", "lon")],
        [("lat", "lon"), (91, 0)],
        [("lat", "lon"), ("x", 1)],
        [("lat", "lon", "count"), (1, 2, "nan")],
        [("lat", "lon", "count"), (1, 2, "1e999")],
        [("lat", "lon", "count"), (1, 2, "1e300")],
        [("lat", "lon"), (1, "1e300")],  # more than a float32 holds
    ],
)
def test_a_gallery_that_is_none(tmp_path, rows):
    write_csv(tmp_path / "g.csv", rows)
    with pytest.raises(UsageError, match=r"g\.csv"):
        read_points(tmp_path / "g.csv")


def test_a_bundle_that_cannot_says_what_can(tmp_path, captions, positions):
    starter = make_bundle(tmp_path / "tiny")
    with pytest.raises(BundleError, match="--gallery needs a bundle with a location encoder"):
        CandidateSpace(gallery=tmp_path / "g.csv").check([starter, captions])
    with pytest.raises(BundleError, match="need a bundle with a text encoder"):
        CandidateSpace(candidates=(NamedPlace("", "", "BR"),)).check([starter, positions])
    CandidateSpace(gallery=tmp_path / "g.csv").check([starter, positions])


def test_candidates_outside_the_area(places):
    search = CandidateSpace(area=Area(frozenset({"KE"})), candidates=(NamedPlace("", "", "BR"),))
    with pytest.raises(UsageError, match="none of the candidates lies --within"):
        search.rows(places)


def test_a_run_with_places(captions, tmp_path):
    from PIL import Image

    from geotagger.pipeline import run as pipeline

    Image.new("RGB", (20, 20), (0, 255, 0)).save(tmp_path / "green.png")
    file = tmp_path / "c.json"
    file.write_text(json.dumps({"locations": [{"city": "Munich", "country": "Germany"}]}))
    options = RunOptions(
        paths=(tmp_path / "green.png",),
        models=(str(captions.path),),
        candidates=file,
        places="Tokyo, Japan",
        read_text=False,
        crops=10,
    )
    (outcome,) = pipeline.predictions(options)
    assert outcome.prediction.place.country_code == "DE"
    assert {one.place.country_code for one in outcome.prediction.candidates} <= {"DE", "JP"}


def test_points_of_the_gallery_are_places_of_the_world():
    assert parse_places("Berlin, Germany")[0].lat == pytest.approx(POINTS[1][0], abs=0.05)
