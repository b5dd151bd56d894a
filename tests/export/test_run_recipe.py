"""One command from labelled photos to a bundle that geotagger runs."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

pytest.importorskip("torch")
pytest.importorskip("accelerate")

from export import run_recipe
from geotagger import Geotagger
from geotagger.errors import UsageError
from geotagger.vision.bundle.bundle import load_bundle
from tests.fixtures.coloured_photos import COLOURS, make_photos
from training.engine import run_folder

RECIPES = {
    "cnn": {
        "trainer": "cnn",
        "backbone": "tiny",
        "train": "all",
        "loop": {"epochs": 12, "batch_size": 8, "learning_rate": 0.01},
    },
    "starter": {
        "trainer": "starter",
        "backbones": ["tiny"],
        "size_px": 32,
        "layer": {"gamma": 1.0, "components": 48, "cell_covariance": 0.0, "l2": 1e-4},
        "folds": 3,
    },
}


def run(recipe, photos, folder, *options):
    arguments = [recipe, photos, folder / "run", folder / "bundle", "--threads", 1, *options]
    return CliRunner().invoke(run_recipe.main, list(map(str, arguments)))


def write(folder, recipe):
    file = folder / "recipe.json"
    file.write_text(json.dumps(recipe))
    return file


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    def columns(source, code, number):  # noqa: ARG001
        return {"country": code}

    return make_photos(tmp_path_factory.mktemp("recipes") / "photos", columns, sources=12)


@pytest.mark.parametrize("trainer", RECIPES)
@pytest.mark.train
def test_photos_become_a_bundle_that_geotagger_runs(photos, tmp_path, trainer):
    result = run(write(tmp_path, RECIPES[trainer]), photos, tmp_path)
    assert result.exit_code == 0, (result.output, result.exception)
    document = run_folder.read(tmp_path / "run")
    assert document["family"] == trainer
    card = load_bundle(tmp_path / "bundle").card
    assert card.calibration.weight > 0
    if trainer == "starter":
        assert document["calibration"]["radius_factor"] == card.calibration.radius_factor
    files = [photos / "images" / f"0_{code}_0.png" for code in COLOURS]
    points = Geotagger(tmp_path / "bundle", device="cpu").predict(files, top_k=1).points
    for (lat, lon), code in zip(points[:, 0].tolist(), COLOURS, strict=True):
        assert abs(lat - COLOURS[code][0]) < 25
        assert abs(lon - COLOURS[code][1]) < 25


def test_the_place_of_the_bundle_is_checked_before_training(photos, tmp_path):
    (tmp_path / "bundle").mkdir()
    shutil.copy(photos / "labels.csv", tmp_path / "bundle")
    result = run(write(tmp_path, RECIPES["cnn"]), photos, tmp_path)
    assert result.exit_code == 1
    assert "is not a bundle" in result.output
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({"backbone": "tiny"}, "its trainer must be one of cnn, context, geoclip, starter"),
        ({"trainer": "oracle"}, "its trainer must be one of"),
        ({"trainer": "cnn", "epochz": 3}, "epochz is not an option"),
    ],
)
def test_recipes_that_cannot_be_used_are_named(photos, tmp_path, recipe, message):
    result = run(write(tmp_path, recipe), photos, tmp_path)
    assert result.exit_code == 1
    assert message in result.output


def test_recipes_are_found_by_their_name():
    assert run_recipe.find_recipe("starter").name == "starter.json"
    with pytest.raises(UsageError, match="oracle: is neither a file nor"):
        run_recipe.find_recipe("oracle")


def test_every_recipe_names_a_trainer():
    for file in run_recipe.RECIPES.iterdir():
        assert json.loads(file.read_text())["trainer"] == Path(file.name).stem.split("_")[0]
