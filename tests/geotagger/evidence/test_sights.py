import math

import numpy as np
import pytest
from msgspec import structs

from geotagger.errors import BundleError
from geotagger.evidence.sights import SightSource
from geotagger.evidence.vision import VisionSource
from geotagger.fusion.decide import Fusion
from geotagger.fusion.prior import Constants
from geotagger.types import Evidence, Level
from geotagger.vision.bundle.bundle import load_bundle, load_card
from geotagger.vision.decoding.sights import MIN_NONE, SightDecoder
from tests.fixtures.bundles import (
    COLOURS,
    SIGHTS,
    TOWNS,
    make_bundle,
    picture_of,
    seal,
    small_places,
    write_csv,
)

CITIES = [town[-1] for town in TOWNS]


@pytest.fixture(scope="module")
def places():
    return small_places()


@pytest.fixture(scope="module")
def fusion(places):
    return Fusion(places)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return make_bundle(tmp_path_factory.mktemp("bundle") / "tiny", "classify", "sights")


@pytest.fixture(scope="module")
def vision(bundle, places):
    return VisionSource(bundle, places, device="cpu")


@pytest.fixture(scope="module")
def source(bundle, fusion, vision):
    return SightSource(bundle, SIGHTS, fusion.places, fusion.log_prior, beside=vision)


def decoder(bundle, fusion, **changes):
    head = structs.replace(SIGHTS, **changes)
    return SightDecoder(head, bundle.sights(head), fusion.places, fusion.log_prior)


def vector(*values):
    return np.array([values], np.float32) / np.linalg.norm(values)


def test_a_known_sight_gives_its_town(source, fusion):
    (evidence,) = source.weigh(list(picture_of(COLOURS["Tokyo"])))
    assert evidence.source == "sights"
    assert evidence.reason == "looks like known photos of Tokyo, JP (likeness 1.00)"
    prediction = fusion.decide([evidence])
    assert prediction.level is Level.CITY
    assert prediction.place.city == "Tokyo"


def test_chance_likeness_says_nothing(source):
    assert source.weigh(list(picture_of(COLOURS["Berlin"]))) == [None]


def test_the_posterior_is_the_fitted_probability(bundle, fusion):
    """Alone with the prior, "none" keeps its probability, whatever the population around."""
    (match,) = decoder(bundle, fusion).decode(vector(0.8, 0.6, 0))
    weights = [math.exp(30 * 0.8), math.exp(30 * (0.8 * 0.98 + 0.12) / math.hypot(0.98, 0.2) + 0.5)]
    expected = sum(weights) / (sum(weights) + math.exp(30 * 0.0) + math.exp(24.0))
    assert match.probability == pytest.approx(min(expected, 1 - MIN_NONE), abs=2e-3)
    evidence = Evidence("sights", 1.0, "", match.log_likelihood, (), 1 - match.probability)
    mass = fusion.posterior([evidence])
    tokyo = CITIES.index("Tokyo")
    prior = np.exp(fusion.log_prior)
    none = 1 - match.probability
    assert mass[tokyo] == pytest.approx(match.probability + none * prior[tokyo], abs=1e-3)
    assert mass[CITIES.index("Nairobi")] == pytest.approx(none * prior[-1], rel=1e-2)


def test_several_photos_of_a_place_support_each_other(bundle, fusion):
    query = vector(0.75, 0.1, 0.65)
    (together,) = decoder(bundle, fusion, min_probability=0.0).decode(query)
    photos = bundle.sights(SIGHTS)
    alone = SightDecoder(
        structs.replace(SIGHTS, min_probability=0.0),
        type(photos)(*(getattr(photos, name)[[0, 2]] for name in photos.__slots__)),
        fusion.places,
        fusion.log_prior,
    ).decode(query)[0]
    tokyo = CITIES.index("Tokyo")

    def mass(match):
        evidence = Evidence("sights", 1.0, "", match.log_likelihood, (), 1 - match.probability)
        return fusion.posterior([evidence])[tokyo]

    assert mass(together) > mass(alone) + 0.05


def test_two_sights_that_are_equally_alike_name_neither_town(bundle, fusion):
    (match,) = decoder(bundle, fusion, none_logit=0.0).decode(vector(1, 0, 1))
    evidence = Evidence("sights", 1.0, "", match.log_likelihood, (), 1 - match.probability)
    assert fusion.decide([evidence]).level is not Level.CITY


def test_min_probability_is_that_of_the_best_place(bundle, fusion):
    query = vector(1, 0, 1.02)  # about half the probability for each of two towns
    assert decoder(bundle, fusion, none_logit=0.0, min_probability=0.4).decode(query)[0]
    assert decoder(bundle, fusion, none_logit=0.0, min_probability=0.8).decode(query) == [None]


def test_a_sight_outside_the_area_of_a_run_is_none(bundle, places):
    inside = np.array([city != "Tokyo" and city != "Osaka" for city in CITIES])
    fusion = Fusion(places, within=inside)
    assert decoder(bundle, fusion).decode(vector(1, 0, 0)) == [None]


def test_nothing_is_certain(bundle, fusion):
    (match,) = decoder(bundle, fusion, scale=900.0).decode(vector(1, 0, 0))
    assert match.probability == 1 - MIN_NONE
    assert np.isfinite(match.log_likelihood).all()


def test_the_network_runs_once_for_both_sources(vision, source, monkeypatch):
    assert source._session._network is vision._session._network
    runs = []
    network = vision._session._network
    real = network._run_batch
    monkeypatch.setattr(network, "_run_batch", lambda batch: runs.append(len(batch)) or real(batch))
    pixels = list(picture_of((9, 200, 3)))
    vision.infer(pixels)
    source.infer(pixels)
    assert runs == [1]


def test_the_classes_do_not_see_the_embedding(vision, bundle):
    assert len(vision.decoders) == 1
    assert [len(output) for output in vision.infer(list(picture_of(COLOURS["Tokyo"])))] == [3]
    assert len(bundle.card.heads) == 2


def test_an_output_that_is_not_finite_is_no_sight(source):
    assert source.weigh(list(picture_of((0, 0, 0)))) == [None]


def test_vision_counts_less_as_far_as_a_sight_is_shown(fusion, vision, source):
    pixels = list(picture_of(COLOURS["Tokyo"]))
    (classes,), (sight,) = vision.weigh(pixels), source.weigh(pixels)
    factor = Constants.load().vision_weight_beside_sight
    shown = 1 - sight.outlier_probability
    weight = classes.weight * (1 - (1 - factor) * shown)
    lighter = Evidence(classes.source, weight, "", classes.log_likelihood)
    beside = Evidence("names", 1.0, "", sight.log_likelihood, (), sight.outlier_probability)
    assert fusion.posterior([classes, sight]) == pytest.approx(
        fusion.posterior([lighter, beside]), abs=1e-5
    )
    assert 0 < factor < 1


def spoiled(tmp_path, name, content):
    folder = tmp_path / "tiny"
    make_bundle(folder, "classify", "sights")
    if isinstance(content, np.ndarray):
        np.save(folder / name, content)
    else:
        write_csv(folder / name, content)
    return folder, load_card(folder)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("sights.npy", np.zeros((3, 3), np.int8), "zero or not finite"),
        ("sights.npy", np.full((3, 3), np.nan, np.float16), "zero or not finite"),
        ("sights.npy", np.ones((2, 3), np.int8), "does not fit the 3 rows"),
        ("sights.npy", np.ones((3, 3), np.int64), "must hold int8 or float16 or float32"),
        ("sights.csv", [("lat", "lon"), (1, 2)], "lacks the column 'radius_km'"),
        (
            "sights.csv",
            [("lat", "lon", "radius_km", "log_trust"), *[(91, 0, 3, 0)] * 3],
            "lat must be a number from -90 to 90",
        ),
        (
            "sights.csv",
            [("lat", "lon", "radius_km", "log_trust"), *[(1, 0, 0, 0)] * 3],
            "radius_km must be",
        ),
    ],
)
def test_a_gallery_that_cannot_be_used_is_refused(tmp_path, name, content, message):
    folder, card = spoiled(tmp_path, name, content)
    with pytest.raises(BundleError, match=message):
        seal(folder, card.heads, size_px=8, probe=card.probe)


def test_a_model_of_sights_alone_is_refused(tmp_path):
    with pytest.raises(BundleError, match="a head besides known sights"):
        make_bundle(tmp_path / "tiny", "sights")


def test_the_card_survives_writing_and_reading(bundle):
    assert load_bundle(bundle.path).card == bundle.card
    assert bundle.card.heads[1] == SIGHTS
