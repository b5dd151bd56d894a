"""training/train_geoclip.py and what it stands on."""

import numpy as np
import onnx
import pytest
import torch

from geotagger.errors import UsageError
from geotagger.geography.land_points import fibonacci_land
from geotagger.geography.sphere import haversine_km
from geotagger.vision.bundle.bundle import load_bundle
from tests.fixtures.coloured_photos import export, make_photos, tag, train
from training import train_geoclip
from training.data.example import Example
from training.engine import run_folder
from training.engine.experiment import Experiment
from training.engine.recipe import read_recipe
from training.models.geoclip import GeoClip, hard_negatives, jitter, position_contrast
from training.models.location_encoder import RandomFourierLocationEncoder, equal_earth
from training.models.towers import make_tower
from training.targets import galleries


def test_the_projection_keeps_areas_and_the_published_constants():
    """Equal Earth: known values of the poles and the antimeridian, and equal areas of cells."""
    x, y = equal_earth(torch.tensor([[0.0, 180.0], [90.0, 0.0]], dtype=torch.float64)).unbind(1)
    radius = 66.50336 / 180
    assert x[0].item() == pytest.approx(2.7066 * radius, rel=1e-4)
    assert y[1].item() == pytest.approx(1.3173 * radius, rel=1e-4)
    points = torch.tensor([[0.0, 10.0], [30.0, 40.0], [-60.0, 170.0], [80.0, -100.0]])
    for point in points.double():
        slope = torch.autograd.functional.jacobian(equal_earth, point)
        area = slope.det().abs() / torch.deg2rad(point[0]).cos()
        assert area.item() == pytest.approx((radius * np.pi / 180) ** 2, rel=1e-4)


def test_the_location_encoder_is_the_published_one_in_size_and_names():
    encoder = RandomFourierLocationEncoder()
    assert sum(value.numel() for value in encoder.state_dict().values()) == 9_449_472
    assert "LocEnc2.capsule.0.b" in encoder.state_dict()
    spread = [encoder.get_submodule(f"LocEnc{i}.capsule.0").b.std().item() for i in range(3)]
    assert spread == pytest.approx([1, 16, 256], rel=0.15)
    assert encoder(torch.tensor([[48.85, 2.35], [0.0, 180.0]])).shape == (2, 512)


def test_the_location_encoder_stays_in_full_precision():
    """In half precision its finest scale is noise: mean cosine 0.88 beside the true one."""
    encoder = RandomFourierLocationEncoder(hidden=32, dimensions=16).eval()
    points = torch.rand(64, 2) * torch.tensor([180.0, 360.0]) - torch.tensor([90.0, 180.0])
    with torch.no_grad():
        plain = encoder(points)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            mixed = encoder(points)
            half = torch.nn.functional.linear(points, torch.ones(1, 2))
    assert half.dtype == torch.bfloat16
    assert mixed.dtype == torch.float32
    assert torch.equal(plain, mixed)


def test_published_weights_give_what_the_package_gives():
    package = pytest.importorskip("geoclip.model.location_encoder", exc_type=ImportError)
    points = torch.tensor([[48.85, 2.35], [-33.9, 151.2], [0.0, -179.9], [89.9, 10.0]])
    with torch.no_grad():
        theirs = package.LocationEncoder().eval()(points)
        ours = RandomFourierLocationEncoder(published=True).eval()(points)
    assert torch.nn.functional.cosine_similarity(theirs, ours).min() > 0.99999


def test_a_gallery_of_photos_holds_each_place_once_and_counts_it():
    """The published gallery has 5,900 points twice or more."""
    lat, lon, count = galleries.unique_points(
        np.array([1.0, 2.0, 1.0]), np.array([5.0, 6.0, 5.00001])
    )
    assert (lat.tolist(), lon.tolist(), count.tolist()) == ([1, 2], [5, 6], [2, 1])


def test_kinds_of_galleries():
    examples = [Example("a", lat=1, lon=2), Example("b", lat=1, lon=2), Example("c")]
    assert galleries.make_gallery("photos", examples, 0)[2].tolist() == [2]
    both = galleries.make_gallery("both", examples, 500)
    land = galleries.make_gallery("land", examples, 500)
    assert len(both[0]) == len(land[0]) + 1


def test_photos_of_one_spot_are_no_counter_examples():
    true = torch.tensor([[48.85, 2.35], [48.8501, 2.35], [35.0, 139.0]])
    others = torch.tensor([[48.85, 2.35], [10.0, 10.0]])
    logits = torch.zeros(3, 5)
    # of five positions the first photo sees: itself, Japan, and the second of the queue
    expected = (np.log(3) + np.log(3) + np.log(5)) / 3
    assert position_contrast(logits, true, others, 0.5).item() == pytest.approx(expected)
    alone = position_contrast(torch.zeros(1, 1), true[:1], others[:0], 0.5)
    assert alone.item() == 0


def test_the_queue_is_a_ring_and_is_kept_with_the_model():
    model = GeoClip(
        make_tower("tiny_clip"), RandomFourierLocationEncoder(hidden=8, dimensions=4), 4, 3
    )
    assert len(model.queued()) == 0
    model.enqueue(torch.tensor([[1.0, 1.0], [2.0, 2.0]]))
    assert model.queued()[:, 0].tolist() == [1, 2]
    model.enqueue(torch.tensor([[3.0, 3.0], [4.0, 4.0]]))
    assert model.queued()[:, 0].tolist() == [4, 2, 3]
    assert torch.equal(model.state_dict()["queue"], model.queue)
    model.enqueue(torch.empty(0, 2))
    assert model.queued()[:, 0].tolist() == [4, 2, 3]


def test_noise_has_its_size_everywhere_and_stays_on_the_map():
    torch.manual_seed(0)
    for lat, lon in ((0.0, 0.0), (60.0, 179.999), (-80.0, -180.0)):
        points = torch.tensor([[lat, lon]]).repeat(4000, 1)
        moved = jitter(points, 1.0)
        km = haversine_km(lat, lon, *moved.double().numpy().T)
        assert np.sqrt((km**2).mean()) == pytest.approx(np.sqrt(2), rel=0.1)
        assert moved[:, 1].abs().max() <= 180
    assert jitter(torch.tensor([[90.0, 0.0]]), 5.0)[0, 0] <= 90


def test_hard_points_are_near_but_not_the_same():
    lat, lon = fibonacci_land(2000)
    found = hard_negatives(np.array([48.85]), np.array([2.35]), (lat, lon), 4, 300.0)
    km = haversine_km(48.85, 2.35, found[0, :, 0], found[0, :, 1])
    every = np.sort(haversine_km(48.85, 2.35, lat, lon))
    assert np.sort(km) == pytest.approx(every[every >= 300][:4], rel=1e-3)
    few = hard_negatives(
        np.array([0.0]), np.array([0.0]), (np.array([50.0]), np.array([50.0])), 3, 1
    )
    assert few.shape == (1, 3, 2)


def test_options_are_checked():
    with pytest.raises(UsageError, match="gallery"):
        train_geoclip.check_options(
            read_recipe(train_geoclip.GeoClipOptions, None, ["gallery=moon"])
        )
    options = read_recipe(train_geoclip.GeoClipOptions, None, ["trained_blocks=-1", "views=2"])
    with pytest.raises(UsageError, match="views"):
        train_geoclip.check_options(options)


RECIPE = {
    "tower": "tiny_clip", "trained_blocks": 0, "hidden": 32, "dimensions": 16,
    "queue": 32, "hard": 2,
    "hard_min_km": 500, "gallery": "both", "land_points": 300, "views": 2,
    "loop": {"epochs": 12, "batch_size": 16, "learning_rate": 3e-3, "weight_decay": 0.0},
}  # fmt: skip


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return make_photos(tmp_path_factory.mktemp("geoclip") / "photos")


def run_geoclip(photos, run, **changes):
    return train(train_geoclip, photos, run, RECIPE | changes)


@pytest.fixture(scope="module")
def trained(photos, tmp_path_factory):
    return run_geoclip(photos, tmp_path_factory.mktemp("runs") / "geoclip")


@pytest.mark.train
def test_a_run_learns_colours_and_leaves_what_the_export_needs(trained):
    run, output = trained
    document = run_folder.read(run)
    assert document["family"] == "geoclip"
    found = document["metrics"]["places"]
    assert found["model"]["country"] > 0.8
    assert found["commonest"]["country"] < 0.5
    assert found["best gallery point"]["within_750_km"] > 0.8
    assert 0 < document["logit_scale"] <= 1000
    gallery = np.load(run / "gallery.npy")
    assert gallery.dtype == np.float16
    assert len(gallery) == document["gallery_points"]
    assert np.linalg.norm(gallery.astype(float), axis=1) == pytest.approx(1, abs=2e-3)
    assert "parameters are trained" in output
    assert (run / "tensorboard").is_dir()


@pytest.mark.train
def test_a_run_goes_on_where_it_was_stopped(photos, trained):
    run, _ = trained
    before = np.load(run / "gallery.npy")
    _, output = run_geoclip(photos, run)
    assert "resuming after epoch 12" in output
    assert np.array_equal(np.load(run / "gallery.npy"), before)


@pytest.mark.train
def test_the_tower_stays_as_it_was(trained):
    run, _ = trained
    options = read_recipe(train_geoclip.GeoClipOptions, run.parent / "geoclip.json")
    torch.manual_seed(0)
    fresh = train_geoclip.make_model(options)
    state = {k: v for k, v in fresh.state_dict().items() if k.startswith("tower.")}
    run_folder.load_weights(run, fresh)
    kept = fresh.state_dict()
    assert all(torch.equal(kept[name], value) for name, value in state.items())


@pytest.mark.train
def test_no_held_out_position_is_in_the_gallery(photos, tmp_path, monkeypatch):
    class SeenError(Exception):
        pass

    def look(_kind, examples, _points):
        raise SeenError({example.source for example in examples})

    monkeypatch.setattr(train_geoclip, "make_gallery", look)
    experiment = Experiment({"train": str(photos)}, tmp_path / "run")
    options = read_recipe(train_geoclip.GeoClipOptions, None, ["tower=tiny_clip", "gallery=photos"])
    with pytest.raises(SeenError) as seen:
        train_geoclip.train(experiment, options)
    data = experiment.read_data(0, "lat")
    (sources,) = seen.value.args
    assert sources == {example.source for example in data.of("train")}
    assert not sources & {example.source for split in ("val", "test") for example in data.of(split)}


@pytest.mark.train
def test_photos_without_positions_are_named(tmp_path):
    def columns(source, code, number):
        nowhere = {"lat": "", "lon": ""} if (source, code, number) == (0, "FR", 0) else {}
        return {"country": code, **nowhere}

    folder = make_photos(tmp_path / "p", columns, per_country=1)
    _, output = run_geoclip(folder, tmp_path / "run", loop={"epochs": 1, "batch_size": 4})
    assert "0_FR_0.png: lacks lat" in output


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
@pytest.mark.train
def test_geotagger_runs_the_bundle(trained, photos, tmp_path, precision):
    run, _ = trained
    rows = tag(run, photos, tmp_path, precision)
    right = [row["country_code"] == row["path"].split("_")[-2] for row in rows]
    assert np.mean(right) > 0.8


@pytest.mark.train
def test_the_location_encoder_is_not_in_the_graph(trained, photos, tmp_path):
    run, _ = trained
    bundle = export(run, photos, tmp_path / "b", "fp32")
    weights = sum(np.prod(i.dims) for i in onnx.load(bundle / "model.onnx").graph.initializer)
    options = read_recipe(train_geoclip.GeoClipOptions, run.parent / "geoclip.json")
    model = train_geoclip.make_model(options)
    assert weights < sum(p.numel() for p in model.tower.parameters()) + 20 + sum(
        p.numel() for p in model.mlp.parameters()
    )
    assert load_bundle(bundle).card.heads[0].kind == "retrieve"
