"""What the training scripts have in common: their command line, their recipes, their photos."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from geotagger.errors import UsageError
from tests.fixtures.coloured_photos import make_photos
from training import train_cnn, train_context, train_geoclip, train_streetclip
from training.data.split_dataset import read_split_dataset
from training.engine.experiment import Experiment
from training.engine.recipe import read_recipe

RECIPES = Path(__file__).parents[3] / "training" / "recipes"
SCRIPTS = {
    "cnn": train_cnn,
    "context": train_context,
    "geoclip": train_geoclip,
    "streetclip": train_streetclip,
}
OPTIONS = {
    "cnn": train_cnn.CnnOptions,
    "context": train_context.ContextOptions,
    "geoclip": train_geoclip.GeoClipOptions,
    "streetclip": train_streetclip.StreetClipOptions,
}
OWN = [file.stem for file in RECIPES.glob("*.json") if file.stem.split("_")[0] in SCRIPTS]


@pytest.mark.parametrize("name", OWN)
def test_every_recipe_is_sound(name):
    script = SCRIPTS[name.split("_")[0]]
    script.check_options(read_recipe(OPTIONS[name.split("_")[0]], RECIPES / f"{name}.json"))


@pytest.mark.parametrize("name", ["cnn", "context", "geoclip"])
def test_what_cannot_be_used_is_told_in_a_line(name, tmp_path):
    def say(*arguments):
        result = CliRunner().invoke(SCRIPTS[name].main, [*map(str, arguments)])
        assert (result.exit_code, type(result.exception)) == (1, SystemExit)
        return result.output

    run = tmp_path / "run"
    assert "nothing.csv" in say(tmp_path / "nothing.csv", run)
    assert "epochz is not an option" in say(tmp_path, run, "--set", "epochz=3")
    recipe = tmp_path / "r.json"
    recipe.write_text("{")
    assert "r.json: is not a recipe" in say(tmp_path, run, "--recipe", recipe)
    recipe.write_text(json.dumps({"fit": "stretch"}))
    assert "fit: stretch is not one of crop" in say(tmp_path, run, "--recipe", recipe)


def test_a_recipe_for_another_trainer_is_refused():
    with pytest.raises(UsageError, match=r"trainer geoclip, not for cnn"):
        read_recipe(train_cnn.CnnOptions, RECIPES / "geoclip_small.json")


def test_photos_are_read_counted_and_split(tmp_path, capsys):
    def columns(source, code, number):
        nowhere = {"lat": "", "lon": ""} if (source, code, number) == (0, "FR", 0) else {}
        rights = "agency" if source == 1 else "CC0"
        return {"country": code, "rights": rights, **nowhere}

    folder = make_photos(tmp_path / "p", columns, per_country=1)
    data = Experiment({"train": str(folder)}, tmp_path / "run", None, ("agency",)).read_data(
        0, "lat"
    )
    assert "left out: images/0_FR_0.png: lacks lat" in capsys.readouterr().err
    card = data.card()
    assert (card["photos"], card["left_out"], card["sources"]) == (26, 1, 9)
    assert card["excluded_rights"] == ["agency"]
    assert sum(card[split] for split in ("train", "val", "test")) == 26
    sources = [{example.source for example in data.of(split)} for split in data.splits]
    assert not sources[0] & sources[1] | sources[0] & sources[2] | sources[1] & sources[2]


def test_one_table_for_testing_is_not_split(tmp_path):
    folder = make_photos(tmp_path / "p", per_country=1)
    data, problems = read_split_dataset({"test": str(folder / "labels.csv")}, folder)
    assert not problems
    assert {split: len(rows) for split, rows in data.splits.items()} == {
        "train": 0, "val": 0, "test": 30,
    }  # fmt: skip
