"""GeoScope and GeoSpottr: networks, what is frozen, and a run on coloured squares."""

import csv

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from geotagger.errors import UsageError  # noqa: E402
from geotagger.geography.sphere import haversine_km  # noqa: E402
from geotagger.images.decode import InputSpec, fit  # noqa: E402
from tests.fixtures.coloured_photos import make_photos, run_cnn  # noqa: E402
from training import train_cnn  # noqa: E402
from training.data.dataset import Example  # noqa: E402
from training.data.pixels import Augmentation, PhotoDataset  # noqa: E402
from training.data.split_dataset import SplitDataset  # noqa: E402
from training.engine import run_folder  # noqa: E402
from training.engine.recipe import read_recipe  # noqa: E402
from training.eval import __main__ as evaluation  # noqa: E402
from training.models.backbones import BACKBONES, ChannelAndSpaceAttention  # noqa: E402
from training.models.cnn import PlaceNetwork  # noqa: E402
from training.models.feature_extractor import FeatureExtractor  # noqa: E402
from training.models.sphere_loss import great_circle_km, wrap_degrees, wrapped_huber  # noqa: E402


def pixels(size, count=2):
    return torch.randint(0, 256, (count, size, size, 3), dtype=torch.uint8)


@pytest.mark.parametrize("name", sorted(set(BACKBONES) - {"lite0", "lite1", "lite2", "dual_lite"}))
def test_every_backbone_gives_logits_and_coordinates(name):
    backbone = BACKBONES[name]("none")
    network = PlaceNetwork(backbone, 5, coordinates=True).eval()
    size = backbone.size_px if name == "baseline" else 64
    with torch.no_grad():
        logits, degrees = network(pixels(size, 1))
        assert logits.shape == (1, 5)
        assert degrees.shape == (1, 2)
        assert network.features(pixels(size, 1)).shape == (1, backbone.width)


def test_facts_of_the_published_networks():
    baseline = BACKBONES["baseline"]("none")
    widths = [stage[0].out_channels for stage in baseline.stages[:6]]
    assert widths == [32, 64, 128, 256, 512, 1024]
    assert baseline.width == 128
    dual = BACKBONES["dual"]("none")
    assert dual.stages[3].widths == (1536, 2048)
    assert dual.width == 512
    attention = ChannelAndSpaceAttention(512)
    assert attention.channel[0].out_features == 64
    assert attention.space.kernel_size == (7, 7)


@pytest.mark.parametrize("how", ["head", "last", "all"])
def test_what_is_frozen_is_frozen_and_counted(how):
    """GeoSpottr froze by a name that matched nothing inside nn.Sequential: all was trained."""
    network = PlaceNetwork(BACKBONES["tiny"]("auto"), 4)
    trained = network.freeze(how)
    head = 32 * 4 + 4
    last = 3 * 3 * 16 * 32 + 32 + 2 * 32
    whole = sum(p.numel() for p in network.parameters())
    assert trained == {"head": head, "last": head + last, "all": whole}[how]
    before = {name: value.clone() for name, value in network.state_dict().items()}
    network.train()
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], 0.1)
    for _ in range(2):
        network(pixels(32))[0].square().sum().backward()
        optimizer.step()
    after = network.state_dict()
    changed = {name for name in before if (after[name] != before[name]).any()}
    count = {"head": 3, "last": 2, "all": 0}[how]
    frozen = tuple(f"stages.{number}." for number in range(count))
    assert not [name for name in changed if name.startswith(frozen)]
    assert "classes.1.weight" in changed
    assert ("stages.2.1.weight" in changed) == (how != "head")
    assert ("stages.2.1.running_mean" in changed) == (how == "all")


def test_a_size_that_does_not_fit_is_told(photos, tmp_path):
    changes = ["backbone=baseline", "weights=none", "train=all", "size_px=64"]
    given = [part for change in changes for part in ("--set", change)]
    result = CliRunner().invoke(train_cnn.main, [str(photos), str(tmp_path / "run"), *given])
    assert result.exit_code == 1
    assert "size_px: 64 does not fit; baseline was made for 128" in result.output


def test_freezing_a_network_that_has_nothing_to_keep_is_an_error():
    with pytest.raises(UsageError, match="no pretrained"):
        PlaceNetwork(BACKBONES["baseline"]("none"), 4).freeze("head")


@pytest.mark.parametrize("name", ["tiny", "dual_tiny"])
def test_kept_outputs_of_frozen_stages_are_as_good_as_pixels(name):
    network = PlaceNetwork(BACKBONES[name]("auto"), 4, coordinates=True).eval()
    network.freeze("head")
    some = pixels(32)
    for direct, cached in zip(network(some), network(network.frozen(some)), strict=True):
        assert torch.equal(direct, cached)


def test_weights_of_a_file_are_taken_and_others_refused(tmp_path):
    from torchvision import models

    source = models.resnet18(num_classes=3)
    torch.save(source.state_dict(), tmp_path / "w.pth")
    backbone = BACKBONES["resnet18"](str(tmp_path / "w.pth"))
    assert torch.equal(backbone.stages[1][0].conv1.weight, source.layer1[0].conv1.weight)
    assert backbone.pretrained == 5
    torch.save({"conv1.weight": source.conv1.weight}, tmp_path / "part.pth")
    with pytest.raises(UsageError, match="lacks"):
        BACKBONES["resnet18"](str(tmp_path / "part.pth"))
    with pytest.raises(UsageError, match="cannot be read"):
        BACKBONES["resnet18"](str(tmp_path / "none.pth"))


def test_distances_are_great_circles_and_have_gradients_everywhere():
    """geolocation_clip's loss was an L2 norm in degrees."""
    one = torch.tensor([[0.0, 179.0], [89.0, 0.0], [10.0, 10.0]], requires_grad=True)
    two = torch.tensor([[0.0, -179.0], [89.0, 180.0], [10.0, 10.0]])
    km = great_circle_km(one, two)
    expected = haversine_km(*one.detach().numpy().T, *two.numpy().T)
    assert km.detach().numpy() == pytest.approx(expected, abs=0.01)
    km.sum().backward()
    assert torch.isfinite(one.grad).all()
    span = torch.tensor([45.0, 90.0])
    west = wrapped_huber(torch.tensor([[0.0, 179.0]]), torch.tensor([[0.0, -179.0]]), span)
    near = wrapped_huber(torch.tensor([[0.0, 1.0]]), torch.tensor([[0.0, -1.0]]), span)
    assert west == pytest.approx(near)


def test_exported_coordinates_are_on_the_map():
    found = wrap_degrees(torch.tensor([[95.0, 190.0], [-100.0, -540.0], [1.0, 2.0], [0.0, 180.0]]))
    assert found.tolist() == [[90, -170], [-90, -180], [1, 2], [0, -180]]


def test_only_training_sees_altered_views(tmp_path):
    """GeoScope altered the validation photos as well."""
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    examples = [Example("a.png", tmp_path / "a.png")]
    spec, rows = InputSpec(32, "crop", "bicubic"), np.array([0])
    plain = PhotoDataset(examples, rows, spec)
    shown = fit(Image.fromarray(noise), spec)
    assert (plain[0][0].numpy() == shown).all()
    altered = PhotoDataset(examples, rows, spec, Augmentation(), seed=1)
    first = altered[0][0].numpy()
    assert (altered[0][0].numpy() == first).all()
    altered.set_epoch(1)
    assert (altered[0][0].numpy() != first).any()
    seen = FeatureExtractor(SplitDataset("", examples, {}), spec, Augmentation())
    ((pixels_seen, _),) = seen.dataset(rows, augmented=False)
    assert (pixels_seen.numpy() == shown).all()


def test_recipes_are_checked(tmp_path):
    recipe = tmp_path / "r.json"
    recipe.write_text('{"backbone": "tiny", "loop": {"epochs": 2, "betas": [0.9, 0.98]}}')
    options = read_recipe(train_cnn.CnnOptions, recipe, ["loop.epochs=3", "classes=city"])
    assert (options.backbone, options.classes, options.loop.epochs) == ("tiny", "city", 3)
    assert options.loop.betas == (0.9, 0.98)
    with pytest.raises(UsageError, match="epoch is not an option"):
        read_recipe(train_cnn.CnnOptions, recipe, ["loop.epoch=3"])
    with pytest.raises(UsageError, match="backbone"):
        train_cnn.check_options(read_recipe(train_cnn.CnnOptions, None, ["backbone=vgg"]))


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return make_photos(tmp_path_factory.mktemp("cnn") / "photos", per_country=4, sources=12)


@pytest.fixture(scope="module")
def trained(photos, tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "cnn"
    return run_cnn(photos, run, train="all", coordinates=True, tau_km=75)


def test_a_run_learns_colours_and_leaves_what_the_export_needs(trained):
    run, output = trained
    document = run_folder.read(run)
    assert document["family"] == "cnn"
    assert document["metrics"]["classes"]["model"]["accuracy"] > 0.9
    assert document["metrics"]["classes"]["commonest"]["accuracy"] < 0.5
    assert document["metrics"]["places"]["model"]["country"] > 0.9
    km = {name: found["median_km"] for name, found in document["metrics"]["places"].items()}
    assert km["coordinates"] < km["commonest"]
    assert "parameters are trained" in output
    held = run_folder.read_held_out(run / "test.npz")
    assert set(held.outputs) == {"class_logits", "degrees"}
    assert set(held.source) & set(run_folder.read_held_out(run / "val.npz").source) == set()
    assert (held.outputs["class_logits"].argmax(axis=1) == held.target["class_logits"]).mean() > 0.9


def test_a_run_goes_on_where_it_was_stopped(photos, trained):
    run, _ = trained
    _, output = run_cnn(photos, run, train="all", coordinates=True, tau_km=75)
    assert "resuming after epoch 12" in output


@pytest.mark.parametrize(
    "changes",
    [
        {"classes": "cluster", "train": "head", "views": 2, "hidden": 8},
        {"classes": "quadtree", "quadtree_max_photos": 30, "quadtree_min_photos": 3,
         "train": "last"},
        {"classes": "continent", "backbone": "dual_tiny", "coordinates": True,
         "coordinate_loss": "huber", "train": "head", "views": 2},
    ],
)  # fmt: skip
@pytest.mark.train
def test_classes_backbones_and_ways_of_training(photos, tmp_path, changes):
    run, _ = run_cnn(photos, tmp_path / "run", **changes)
    found = run_folder.read(run)["metrics"]["classes"]
    assert found["model"]["accuracy"] > found["commonest"]["accuracy"]


def test_tables_and_pictures_of_a_run(trained, tmp_path):
    run, _ = trained
    held = run_folder.read_held_out(run / "test.npz")
    players = tmp_path / "players.csv"
    with players.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["player", "file", "lat", "lon"])
        writer.writerows(("Ann", file, lat, lon) for file, lat, lon in
                         zip(held.file[:5], held.lat[:5], held.lon[:5], strict=True))  # fmt: skip
        writer.writerow(["Bob", held.file[0], "0", "0"])
    result = CliRunner().invoke(evaluation.main, [str(run), "--guesses", str(players)])
    assert result.exit_code == 0, (result.output, result.exception)
    assert "| Ann | Ann: model | Bob | Bob: model |" in result.output
    assert "| country | 100.0 %" in result.output
    for name in ("confusion", "reliability"):
        with Image.open(run / f"class_logits_{name}.png") as image:
            assert image.width > 100


@pytest.mark.train
def test_folders_of_countries_without_positions_can_be_told_apart(photos, tmp_path):
    """A table of names alone, as StreetCLIP has them, says nothing of distances."""
    for file in sorted((photos / "images").iterdir()):
        folder = tmp_path / "by_class" / file.name.split("_")[1]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file.name).write_bytes(file.read_bytes())
    run, _ = run_cnn(tmp_path / "by_class", tmp_path / "run", train="all", classes="label")
    document = run_folder.read(run)
    assert document["metrics"]["classes"]["model"]["accuracy"] > 0.8
    assert set(document["metrics"]) == {"classes"}
    assert document["places"]
