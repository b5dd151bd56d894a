import csv

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geotagger.errors import BundleError
from geotagger.fusion.prior import Constants
from geotagger.geography.sphere import haversine_km, unit_vectors64
from geotagger.vision.bundle.label_tables import Gallery, Label
from geotagger.vision.decoding.factory import make_decoder
from geotagger.vision.decoding.heads import (
    AttributeDecoder,
    ClassifyDecoder,
    RegressDecoder,
    RetrieveDecoder,
    log_softmax,
)
from geotagger.vision.decoding.label_cover import label_of_place, nearest_index
from geotagger.vision.decoding.label_prior import label_prior
from tests.fixtures.bundles import HEADS, LOG_PRIORS, POINTS, TOWNS, make_bundle, small_places

RIO, SAO_PAULO, AMAZON, BERLIN, MUNICH, TOKYO, OSAKA, NAIROBI = range(len(TOWNS))


@pytest.fixture(scope="module")
def places():
    return small_places()


def label(name, scope, log_prior=-1.0, **where):
    return Label(name, scope=scope, log_prior=log_prior, **where)


def covers(labels, places):
    return label_of_place(labels, places, "labels.csv").tolist()


def test_countries_cover_their_places_and_no_others(places):
    labels = [label("j", "country", country_code="JP"), label("b", "country", country_code="BR")]
    assert covers(labels, places) == [1, 1, 1, -1, -1, 0, 0, -1]


def test_the_finest_label_wins(places):
    labels = [
        label("europe", "continent", continent="Europe"),
        label("asia", "continent", continent="Asia"),
        label("japan", "country", country_code="JP"),
        label("osaka", "region", country_code="JP", region="Osaka"),
    ]
    assert covers(labels, places) == [-1, -1, -1, 0, 0, 2, 3, -1]
    assert covers(labels[::-1], places) == [-1, -1, -1, 3, 3, 1, 0, -1]


def test_points_take_what_no_area_covers(places):
    labels = [
        label("japan", "country", country_code="JP"),
        label("near munich", "point", lat=47.0, lon=12.0),
        label("near tokyo", "point", lat=35.0, lon=139.0),
        label("atlantic", "point", lat=-20.0, lon=-30.0),
    ]
    assert covers(labels, places) == [3, 3, 3, 1, 1, 0, 0, 1]


def test_a_point_covers_its_own_country_before_nearer_ones(places):
    labels = [
        label("berlin", "point", country_code="DE", lat=52.5, lon=13.4),
        label("osaka", "point", country_code="JP", lat=34.7, lon=135.5),
        label("poland", "point", country_code="PL", lat=52.4, lon=13.5),
        label("nowhere", "point", lat=48.0, lon=11.0),
    ]
    found = covers(labels, places)
    assert [found[row] for row in (BERLIN, MUNICH, TOKYO, OSAKA)] == [0, 0, 1, 1]
    assert set(found[:3]).isdisjoint({0, 1})


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([label("x", "country", country_code="XX")], "country of label 'x' is unknown"),
        ([label("x", "continent", continent="Atlantis")], "continent of label 'x' is unknown"),
        ([label("x", "region", country_code="DE", region="Tokyo")], "region of label 'x' is unk"),
        ([label(name, "country", country_code="JP") for name in "ab"], "label 'b' occurs twice"),
    ],
)
def test_a_label_that_does_not_fit_the_table_is_refused(places, labels, message):
    with pytest.raises(BundleError, match=rf"^labels\.csv: .*{message}"):
        label_of_place(labels, places, "labels.csv")


lats, lons = st.floats(-90, 90), st.floats(-180, 180)
points = st.lists(st.tuples(lats, lons), min_size=1, max_size=40)


@given(of=points, among=points)
@settings(deadline=None)
def test_nearest_is_what_comparing_all_with_all_finds(of, among):
    of, among = np.array(of), np.array(among)
    found = nearest_index(unit_vectors64(*of.T), unit_vectors64(*among.T))
    km = haversine_km(of[:, None, 0], of[:, None, 1], among[:, 0], among[:, 1])
    assert km[np.arange(len(of)), found] == pytest.approx(km.min(axis=1), abs=1e-3)


def test_nearest_is_exact_for_many_points():
    rng = np.random.default_rng(1)
    of, among = (rng.normal(size=(n, 3)) for n in (3000, 500))
    of /= np.linalg.norm(of, axis=1, keepdims=True)
    among /= np.linalg.norm(among, axis=1, keepdims=True)
    assert np.array_equal(nearest_index(of, among), np.argmax(of @ among.T, axis=1))


def test_classify_is_bayes_rule(places):
    """ln p(label | photo) - ln p(label), with the temperature inside the softmax."""
    labels = [
        label("j", "country", np.log(0.5), country_code="JP"),
        label("g", "country", np.log(0.3), country_code="DE"),
        label("k", "country", np.log(0.2), country_code="KE"),
    ]
    logits = np.array([[2.0, 1.0, -1.0]], np.float32)
    share = np.exp(logits[0] / 2)
    share /= share.sum()
    expected = np.log(share) - np.log([0.5, 0.3, 0.2])
    (reading,) = ClassifyDecoder(labels, 2.0, places, "labels.csv").decode(logits)
    ours = reading.log_likelihood
    assert ours.dtype == np.float32
    assert ours[[TOKYO, BERLIN, NAIROBI]] == pytest.approx(expected, abs=1e-5)
    assert ours[OSAKA] == ours[TOKYO]
    assert ours[RIO] == pytest.approx(expected.min(), abs=1e-5), "not covered: the floor"


def test_a_label_that_covers_nothing_does_not_set_the_floor(places):
    labels = [
        label("japan", "country", np.log(0.9), country_code="JP"),
        label("at sea", "point", np.log(0.1), lat=0.0, lon=0.0),
        *[label(f"{row}", "point", -5.0, lat=t[0], lon=t[1]) for row, t in enumerate(TOWNS)],
    ]
    decoder = ClassifyDecoder(labels, 1.0, places, "labels.csv")
    logits = np.zeros((1, len(labels)), np.float32)
    logits[0, 1] = -50
    (reading,) = decoder.decode(logits)
    assert reading.log_likelihood.min() > -5


def test_reasons_add_up_labels_by_country(places):
    labels = [
        label("kanto", "point", lat=35.7, lon=139.7, country_code="JP"),
        label("kansai", "point", lat=34.7, lon=135.5),  # the nearest place says which country
        label("berlin", "region", country_code="DE", region="Berlin"),
        label("africa", "continent", continent="Africa"),
        label("brazil", "country", country_code="BR"),
    ]
    shares = np.array([[0.25, 0.16, 0.12, 0.45, 0.02], [0.0, 0.0, 1.0, 0.0, 0.0]])
    logits = np.log(np.maximum(shares, 1e-9)).astype(np.float32)
    first, second = ClassifyDecoder(labels, 1.0, places, "labels.csv").decode(logits)
    assert first.reason == "picture looks like Africa 45 %, Japan 41 %, Germany 12 %"
    assert second.reason == "picture looks like Germany 100 %"


def test_attributes_say_nothing_of_places():
    decoder = AttributeDecoder("climate", [Label("humid"), Label("oceanic")], 1.0)
    logits = np.log([[0.2, 0.8], [0.7, 0.3]]).astype(np.float32)
    first, second = decoder.decode(logits)
    assert first.reason == "climate: oceanic 80 %"
    assert first.attributes == (("climate", "oceanic"),)
    assert first.log_likelihood is None
    assert second.attributes == (("climate", "humid"),)


def gallery_of(rows, vectors):
    lat, lon, count = np.array(rows, np.float32).T
    return Gallery(np.array(vectors), lat, lon, count)


def test_retrieve_takes_the_mean_likelihood_of_a_place(places):
    """Worked by hand: the counts weigh the points of one place and do not favour the place."""
    tokyo, berlin = TOWNS[TOKYO][:2], TOWNS[BERLIN][:2]
    gallery = gallery_of(
        [(*tokyo, 3), (*berlin, 10), (tokyo[0] + 0.01, tokyo[1], 1)],
        np.array([[1, 0], [0, 1], [0.6, 0.8]], np.float16),
    )
    scale, embedding = 5.0, np.array([[0.8, 0.6]], np.float32)
    (reading,) = RetrieveDecoder(gallery, scale, places).decode(embedding)
    ours = reading.log_likelihood
    in_tokyo = (3 * np.exp(scale * 0.8) + np.exp(scale * 0.96)) / 4
    in_berlin = np.exp(scale * 0.6)
    assert ours[TOKYO] - ours[BERLIN] == pytest.approx(np.log(in_tokyo / in_berlin), abs=0.01)
    assert ours[OSAKA] == ours[TOKYO], "no gallery point: the nearest place that has one"
    assert ours[NAIROBI] == ours[MUNICH] == ours[BERLIN]
    share = 4 * in_tokyo / (4 * in_tokyo + 10 * in_berlin)
    assert f"Japan {100 * share:.0f} %" in reading.reason


def test_retrieve_does_not_depend_on_the_batch(places):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(50, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = np.column_stack([rng.uniform(-60, 60, 50), rng.uniform(-180, 180, 50), np.ones(50)])
    decoder = RetrieveDecoder(gallery_of(rows, vectors), 20.0, places)
    together = decoder.decode(vectors[:5])
    for one, photo in zip(together, vectors[:5], strict=True):
        (alone,) = decoder.decode(photo[None])
        assert alone.log_likelihood == pytest.approx(one.log_likelihood, abs=1e-4)
        assert alone.reason == one.reason


def test_regress_falls_off_like_a_gaussian_near_by(places):
    (reading,) = RegressDecoder(400.0, places).decode(np.array([TOWNS[TOKYO][:2]], np.float32))
    ours = reading.log_likelihood
    km = haversine_km(*TOWNS[TOKYO][:2], *TOWNS[OSAKA][:2])
    assert ours[TOKYO] == pytest.approx(0, abs=1e-3)
    assert ours[OSAKA] == pytest.approx(-0.5 * (km / 400) ** 2, rel=0.01)
    assert ours[BERLIN] == ours[RIO] == pytest.approx(np.log(1e-3)), "a far miss stays possible"
    assert reading.reason == "picture points to 35.7, 139.7 near Tokyo, Japan"


def test_regress_names_a_land_point_without_a_city(places):
    (reading,) = RegressDecoder(400.0, places).decode(np.array([[-8.0, -55.0]], np.float32))
    assert reading.reason == "picture points to -8.0, -55.0 near Brazil"


def test_regress_bears_degrees_out_of_range(places):
    values = np.array([[95, 10], [0, 139.69 + 360], [1e30, -1e30]], np.float32)
    for reading in RegressDecoder(300.0, places).decode(values):
        assert np.isfinite(reading.log_likelihood).all()


def test_make_decoder_reads_the_tables_of_the_bundle(tmp_path, places):
    bundle = make_bundle(tmp_path / "tiny", *HEADS)
    decoders = [make_decoder(bundle, head, places) for head in bundle.card.heads]
    kinds = [ClassifyDecoder, AttributeDecoder, RetrieveDecoder, RegressDecoder]
    assert [type(decoder) for decoder in decoders] == kinds
    (reading,) = decoders[0].decode(np.zeros((1, 3), np.float32))
    covering = label_of_place(decoders[0].labels, places, "labels.csv")
    raised, _ = label_prior(decoders[0].labels, covering, places, Constants.load())
    expected = np.log(1 / 3) - LOG_PRIORS[0] + raised[TOKYO]
    assert reading.log_likelihood[TOKYO] == pytest.approx(expected)
    with (bundle.path / "gallery.csv").open() as stream:
        assert len(list(csv.reader(stream))) == len(POINTS) + 1


finite = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(logits=st.lists(finite, min_size=3, max_size=3), temperature=st.floats(1e-3, 1e3))
@settings(deadline=None)
def test_any_finite_logits_give_finite_evidence(logits, temperature):
    places = small_places()
    labels = [label(code, "country", country_code=code) for code in ("JP", "DE", "BR")]
    values = np.array([logits], np.float32)
    (reading,) = ClassifyDecoder(labels, temperature, places, "labels.csv").decode(values)
    assert np.isfinite(reading.log_likelihood).all()
    total = np.exp(log_softmax(values, temperature)).sum()
    assert total == pytest.approx(1)
