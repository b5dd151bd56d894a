"""The gallery of known sights, made of drawn features: sights that sources share, and the rest."""

import csv
import json
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

torch = pytest.importorskip("torch")

from geotagger.fusion.decide import Fusion  # noqa: E402  (needs torch)
from geotagger.geography.places import load_places  # noqa: E402  (needs torch)
from geotagger.vision.bundle.head_specs import SightHead  # noqa: E402  (needs torch)
from geotagger.vision.bundle.label_tables import read_sights  # noqa: E402  (needs torch)
from geotagger.vision.decoding.sights import MIN_NONE, SightDecoder  # noqa: E402  (needs torch)
from training.calibrate import fit_sights  # noqa: E402  (needs torch)
from training.data.dataset import read_photos  # noqa: E402  (needs torch)
from training.experiments import starter_answers  # noqa: E402  (needs torch)
from training.models.sight_projection import SightProjection  # noqa: E402  (needs torch)
from training.targets.sight_gallery import precise_photos  # noqa: E402  (needs torch)

SIGHTS = {
    "taj": (27.175, 78.042, "IN"),
    "eiffel": (48.858, 2.294, "FR"),
    "uluru": (-25.3, 131, "AU"),
}
SOURCES = 12
LONELY = 15
"""Photos of each source that no other source has."""
WIDTH = 48


def write_source(folder, *, alike=True):
    """Every source has a photo of every sight, and some that are like nothing else.

    `alike`: the photos of a sight look alike.
    """
    random = np.random.default_rng(0)
    look = {name: random.gamma(1, 1, WIDTH) for name in SIGHTS}
    rows, features = [], []
    for source in range(SOURCES):
        for name, (lat, lon, code) in SIGHTS.items():
            rows.append((f"{source}-{name}.jpg", lat, lon, code, "point", f"site{source}"))
            own = look[name] if alike else random.gamma(1, 1, WIDTH)
            features.append(own * random.gamma(40, 1 / 40, WIDTH))
        for number in range(LONELY):
            lat, lon = -50 + 8 * source, -150 + 4 * number
            rows.append((f"{source}-{number}.jpg", lat, lon, "BR", "city", f"site{source}"))
            features.append(random.gamma(1, 1, WIDTH))
        rows.append((f"{source}-country.jpg", "", "", "BR", "country", f"site{source}"))
        features.append(random.gamma(1, 1, WIDTH))
    with (folder / "labels.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "lat", "lon", "country", "precision", "source"])
        writer.writerows(rows)
    for row in rows:
        (folder / row[0]).touch()
    np.save(folder / "features.npy", np.array(features, np.float32))
    return rows


def run(folder, *more):
    out = folder / "run"
    out.mkdir(exist_ok=True)
    arguments = [folder, out, "--features", folder / "features.npy", "--components", 24, *more]
    return out, CliRunner().invoke(fit_sights.main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sights")
    rows = write_source(folder)
    out, result = run(folder)
    assert result.exit_code == 0, (result.output, result.exception)
    return folder, out, rows, json.loads((out / fit_sights.HEAD_FILE).read_text())


def test_sights_of_held_out_sources_are_found_and_nothing_else_is_named(fitted):
    scores = fitted[3]["metrics"]
    assert scores["sights_within_25_km"] == {
        "hits": 36,
        "of": 36,
        "share": 1.0,
        "interval": [0.904, 1.0],
    }
    assert scores["sights_named"]["share"] > 0.9
    assert scores["answers_right"]["share"] >= 0.9
    assert scores["false_alarms_not_in_gallery"]["of"] == SOURCES * LONELY
    assert scores["false_alarms_not_in_gallery"]["hits"] <= 2


def test_where_nothing_is_alike_nothing_is_named(tmp_path):
    write_source(tmp_path, alike=False)
    _, result = run(tmp_path)
    scores = json.loads(result.output)["metrics"]
    assert scores["sights_within_25_km"]["share"] < 0.5
    assert scores["answers_right"]["of"] <= 2


def test_the_gallery_has_the_precise_photos_alone(fitted):
    _, out, rows, document = fitted
    photos = read_sights(out / fit_sights.VECTORS_FILE, out / fit_sights.TABLE_FILE)
    assert len(photos.lat) == sum(row[4] != "country" for row in rows)
    assert document["metrics"]["gallery"] == len(photos.lat)
    assert photos.log_trust[:3] == pytest.approx(photos.log_trust[0], abs=1)
    assert photos.log_trust[0] > photos.log_trust[3]  # the sight has company, the next photo none


def test_the_program_decodes_what_the_fit_measured(fitted):
    """A new photo of a sight gets its town; a new photo of elsewhere gets nothing."""
    _, out, _, document = fitted
    state = torch.load(out / fit_sights.PROJECTION_FILE, weights_only=True)
    projection = SightProjection(*state["projection"].shape)
    projection.load_state_dict(state)
    keys = ("scale", "none_logit", "min_probability")
    head = SightHead("sights", "x", "sights.npy", "sights.csv", *(document[key] for key in keys))
    fusion = Fusion(load_places())
    photos = read_sights(out / fit_sights.VECTORS_FILE, out / fit_sights.TABLE_FILE)
    decoder = SightDecoder(head, photos, fusion.places, fusion.log_prior)
    random = np.random.default_rng(0)
    look = {name: random.gamma(1, 1, WIDTH) for name in SIGHTS}
    pictures = [look["taj"] * random.gamma(40, 1 / 40, WIDTH), random.gamma(1, 1, WIDTH)]
    vectors = projection(torch.from_numpy(np.array(pictures, np.float32))).numpy()
    sight, other = decoder.decode(vectors)
    assert fusion.places.place(sight.row).country_code == "IN"
    assert sight.probability == pytest.approx(1 - MIN_NONE)  # no match is surer than that
    assert other is None


def test_held_out_photos_are_compared_without_their_own_source(fitted):
    """The gallery holds the very photos; only those of other sources count."""
    folder, out, _, document = fitted
    keys = ("scale", "none_logit", "min_probability")
    head = SightHead("sights", "x", "sights.npy", "sights.csv", *(document[key] for key in keys))
    photos = read_sights(out / fit_sights.VECTORS_FILE, out / fit_sights.TABLE_FILE)
    bundle = SimpleNamespace(card=SimpleNamespace(heads=(head,)), sights=lambda _: photos)
    fusion = Fusion(load_places())
    sight, lonely = starter_answers.sights_of_photos(
        read_photos(folder, check=False)[0],
        np.array(["0-taj.jpg", "0-0.jpg"]),
        out,
        bundle,
        [folder / "features.npy"],
        fusion,
    )
    row = int(sight.log_likelihood.argmax())
    assert fusion.places.place(row).country_code == "IN"
    assert lonely is None


def test_own_source_is_never_a_match(fitted):
    folder, *_ = fitted
    examples = fit_sights.read_photos(str(folder), check=False)[0]
    photos = precise_photos(examples)
    vectors = np.tile(np.eye(1, 8, dtype=np.float32), (len(photos), 1))  # all pictures the same
    queries = fit_sights.make_queries(photos, vectors, np.arange(len(photos)))
    own = photos.source[queries.rows][:, None]
    assert (photos.source[queries.candidates] != own).all()


def test_the_trust_of_a_candidate_leaves_out_the_source_of_the_query(fitted):
    folder, *_ = fitted
    photos = precise_photos(fit_sights.read_photos(str(folder), check=False)[0])
    vectors = np.tile(np.eye(1, 8, dtype=np.float32), (len(photos), 1))
    queries = fit_sights.make_queries(photos, vectors, np.array([0]))
    of_sight = queries.candidates[0] % (3 + LONELY) == 0  # the same sight, by other sources
    assert of_sight.any()
    expected = np.log((SOURCES - 2) * np.exp(20.0))
    assert queries.log_mass[0, of_sight] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--held-out", "nobody"], "has no source nobody"),
        (["--fit-features", "{short}"], "has the shape (3, 5) for"),
    ],
)
def test_wrong_arguments_are_explained(fitted, tmp_path, arguments, message):
    short = tmp_path / "short.npy"
    np.save(short, np.zeros((3, 5), np.float32))
    _, result = run(fitted[0], *[text.format(short=short) for text in arguments])
    assert result.exit_code == 1
    assert message in result.output


def test_photos_without_features_are_left_out(fitted, tmp_path):
    folder, _, rows, _ = fitted
    names = [row[0] for row in rows][::-1]
    values = np.load(folder / "features.npy")[::-1]
    np.save(tmp_path / "some.npy", values[5:])
    (tmp_path / "some.key").write_text(json.dumps(["lite0", 288, names[5:]]))
    examples = fit_sights.read_photos(str(folder), check=False)[0]
    kept = fit_sights.with_features(examples, [tmp_path / "some.npy"])
    assert [example.file for example in kept] == [row[0] for row in rows][:-5]
    features = fit_sights.read_features([tmp_path / "some.npy"], [e.file for e in kept])
    assert np.array_equal(features.numpy(), np.load(folder / "features.npy")[:-5])
