import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from geotagger.evidence.source import LoadedPhoto
from geotagger.evidence.vision import VisionSource
from geotagger.images.decode import Picture
from geotagger.types import Photo, PhotoMetadata
from tests.fixtures.bundles import COLOURS, HEADS, TOWNS, make_bundle, picture_of, small_places

CITIES = [town[-1] for town in TOWNS]


@pytest.fixture(scope="module")
def places():
    return small_places()


def source_of(folder, places, *kinds, **options):
    return VisionSource(make_bundle(folder / "tiny", *kinds), places, device="cpu", **options)


def shot(colour, size=(40, 30)):
    picture = Picture(Image.new("RGB", size, colour), *size)
    return LoadedPhoto(Photo(Path("a.jpg"), Path()), PhotoMetadata(), lambda _: picture)


@pytest.mark.parametrize("kinds", [("classify",), ("retrieve",), ("regress",), tuple(HEADS)])
def test_a_picture_becomes_evidence_of_its_place(tmp_path, places, kinds):
    source = source_of(tmp_path, places, *kinds)
    batch = [source.prepare(shot(colour)) for colour in COLOURS.values()]
    for city, evidence in zip(COLOURS, source.weigh(batch), strict=True):
        likely = np.flatnonzero(evidence.log_likelihood == evidence.log_likelihood.max())
        assert city in [CITIES[row] for row in likely]
        assert evidence.source == "vision"
        assert evidence.weight == 0.5
        assert evidence.log_likelihood.shape == (len(places),)
        assert evidence.log_likelihood.dtype == np.float32
        assert evidence.reason.startswith("picture ")


def test_heads_add_up(tmp_path, places):
    pixels = list(picture_of(COLOURS["Berlin"]))
    parts = [
        source_of(tmp_path / kind, places, kind).weigh(pixels)[0].log_likelihood
        for kind in ("classify", "retrieve", "regress")
    ]
    together = source_of(tmp_path, places, "classify", "retrieve", "regress").weigh(pixels)[0]
    assert together.log_likelihood == pytest.approx(sum(parts), abs=1e-3)
    assert together.reason.count("; ") == 2


def test_an_attribute_moves_no_place(tmp_path, places):
    source = source_of(tmp_path, places, "attribute")
    (evidence,) = source.weigh(list(picture_of(COLOURS["Berlin"])))
    assert evidence.attributes == (("climate", "oceanic"),)
    assert evidence.reason == "climate: oceanic 100 %"
    assert not evidence.log_likelihood.any()


def test_prepare_brings_the_picture_to_the_input_of_the_model(tmp_path, places):
    source = source_of(tmp_path, places)
    pixels = source.prepare(shot((10, 20, 30), size=(400, 33)))
    assert pixels.shape == (8, 8, 3)
    assert pixels.dtype == np.uint8
    assert (pixels == (10, 20, 30)).all()
    assert source.min_side_px == 8
    assert source.model_id.startswith("tiny-1.0@")


def test_a_photo_without_finite_numbers_spoils_no_other(tmp_path, places, caplog):
    source = source_of(tmp_path, places, "retrieve", batch_size=2)
    black, red = (0, 0, 0), COLOURS["Tokyo"]
    with caplog.at_level(logging.WARNING):
        answers = source.weigh(list(picture_of(black, red, black, red, red)))
    assert [answer is None for answer in answers] == [True, False, True, False, False]
    for answer in (answers[1], answers[3], answers[4]):
        assert CITIES[int(answer.log_likelihood.argmax())] == "Tokyo"
    assert "no finite numbers for 2 of 5 photos" in caplog.text


def test_only_photos_without_finite_numbers(tmp_path, places):
    source = source_of(tmp_path, places, *HEADS)
    assert source.weigh(list(picture_of((0, 0, 0)))) == [None]


def test_no_photos_no_evidence(tmp_path, places):
    assert source_of(tmp_path, places).weigh([]) == []


def test_several_bundles_are_told_apart_by_name(tmp_path, places):
    source = source_of(tmp_path, places, name="vision:tiny")
    (evidence,) = source.weigh(list(picture_of(COLOURS["Tokyo"])))
    assert evidence.source == source.name == "vision:tiny"
