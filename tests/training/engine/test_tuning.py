"""Tuning a backbone: what it learns, stops, and how it becomes part of a starter."""

import csv
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from click.testing import CliRunner  # noqa: E402

from export import to_onnx  # noqa: E402
from export.families import starter  # noqa: E402
from geotagger.errors import UsageError  # noqa: E402
from geotagger.images.decode import InputSpec  # noqa: E402
from geotagger.vision.bundle.bundle import load_bundle  # noqa: E402
from geotagger.vision.runtime.self_test import run_self_test  # noqa: E402
from tests.fixtures.coloured_photos import COLOURS, make_photos  # noqa: E402
from training import train_starter  # noqa: E402
from training.data.example import Example  # noqa: E402
from training.engine import loop, run_folder, tuning  # noqa: E402
from training.engine.loop_options import LoopOptions  # noqa: E402
from training.engine.recipe import build_options  # noqa: E402
from training.engine.tuning import TuneOptions, TuningPhotos  # noqa: E402
from training.experiments import starter_trials  # noqa: E402
from training.models.mixed_layer import MixedLayer  # noqa: E402
from training.models.starter_network import StarterNetwork, backbone_stages  # noqa: E402
from training.targets.cells import make_cells  # noqa: E402

CONTINENT_OF = {"DE": "Europe", "JP": "Asia"}
OPTIONS = TuneOptions(
    frozen_stages=1,
    size_px=32,
    per_epoch=24,
    align=0.0,
    dropout=0.0,
    probe_steps=20,
    loop=LoopOptions(
        epochs=3, batch_size=8, learning_rate=3e-3, schedule="cosine", average_decay=0.5
    ),
)


def textures(row):
    """Germany has vertical stripes, Japan horizontal ones, of the same colours."""
    from PIL import Image

    random = np.random.default_rng(row)
    stripes = np.where(np.arange(32) // 2 % 2, 200, 50) + random.normal(0, 10, 32)
    lines = np.tile(stripes, (32, 1)) if row % 2 else np.tile(stripes[:, None], (1, 32))
    return Image.fromarray(np.repeat(lines.clip(0, 255)[..., None], 3, 2).astype(np.uint8))


def photos():
    examples = [
        Example(f"{row}", None, 52.5, 13.4, "DE", source=f"s{row % 5}")
        if row % 2
        else Example(f"{row}", country="JP", precision="country", source=f"s{row % 5}")
        for row in range(20)
    ]
    return TuningPhotos(
        examples, textures, make_cells(examples, 400), CONTINENT_OF, np.arange(20), np.ones(20)
    )


def tuned(folder, options=OPTIONS, **more):
    stages = backbone_stages("tiny", pretrained=True)
    pixels = torch.from_numpy(np.stack([np.asarray(textures(row)) for row in range(20)]))
    with torch.inference_mode():
        features = StarterNetwork(("tiny",)).features(pixels).numpy()
    spec = InputSpec(32, "squash", "bicubic")
    return tuning.tune(stages, features, photos(), spec, folder, options, **more), pixels


@pytest.mark.train
def test_photos_of_a_position_and_of_a_country_alone_are_told_apart(tmp_path):
    options = replace(OPTIONS, loop=replace(OPTIONS.loop, epochs=12))
    network, pixels = tuned(tmp_path, options)
    (logits,) = network(pixels)
    country = photos().cells.country[logits.argmax(dim=1).numpy()]
    assert (country == [example.country for example in photos().examples]).mean() > 0.9
    before = backbone_stages("tiny", pretrained=True)
    assert torch.equal(network.stages[0][0].weight, before[0][0].weight)
    assert not torch.equal(network.stages[2][0].weight, before[2][0].weight)


@pytest.mark.train
def test_a_stopped_tuning_goes_on_to_the_same_weights(tmp_path, monkeypatch):
    whole, _ = tuned(tmp_path / "whole")
    calls = []

    def stop(network):  # noqa: ARG001
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return {}

    with pytest.raises(KeyboardInterrupt):
        tuned(tmp_path / "stopped", validate=stop)
    monkeypatch.setattr(tuning, "probe_heads", None)  # the heads are in the checkpoint
    again, _ = tuned(tmp_path / "stopped")
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_validations_are_as_far_apart_as_asked_and_the_last_epoch_has_one(tmp_path):
    counts = []
    points = torch.utils.data.TensorDataset(torch.zeros(4, 2), torch.arange(4))
    options = LoopOptions(epochs=5, batch_size=4, validate_epochs=2)
    loop.fit(
        torch.nn.Linear(2, 1),
        lambda model, inputs, rows: {"loss": model(inputs).mean() + 0 * rows.sum()},
        points,
        tmp_path,
        options,
        lambda network: counts.append(network) or {},
        report=lambda text: None,  # noqa: ARG005
    )
    assert len(counts) == 3


RECIPE = {
    "backbones": ["tiny", "tiny:tuned"],
    "size_px": 32,
    "tune": {
        "frozen_stages": 1,
        "size_px": 32,
        "decoded_px": 32,
        "per_epoch": 16,
        "align": 0.0,
        "probe_steps": 5,
        "loop": {"epochs": 1, "batch_size": 8},
    },
    "layer": {"gamma": 1.0, "components": 40, "cell_covariance": 0.0, "levels": 0.5, "l2": 1e-4},
    "least_importance": 0.5,
    "hold_out": {"pictures": ["site8"], "street": ["site9", "nobody"]},
    "folds": 3,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Photos of ten sites; those of Brazil name the country alone."""

    def columns(source, code, number):  # noqa: ARG001
        vague = {"lat": "", "lon": "", "precision": "country"} if code == "BR" else {}
        return {"country": code, **vague}

    return make_photos(tmp_path_factory.mktemp("tuned") / "photos", columns)


def run(photos, run, recipe, *more):
    file = run.parent / f"{run.name}.json"
    file.write_text(json.dumps(recipe))
    arguments = [photos, run, "--recipe", file, "--threads", 1, *more]
    return CliRunner().invoke(train_starter.main, list(map(str, arguments)))


@pytest.fixture(scope="module")
def finished(folder, tmp_path_factory):
    target = tmp_path_factory.mktemp("runs") / "run"
    result = run(folder, target, RECIPE)
    assert result.exit_code == 0, (result.output, result.exception)
    return target, result


@pytest.mark.train
def test_held_out_sources_are_scored_by_group_and_photos_of_a_country_count(finished):
    target, result = finished
    assert "30 photos are known only to their country" in result.output
    assert "| pictures | 9 |" in result.output
    document = json.loads((target / "run.json").read_text())
    metrics = document["metrics"]
    assert metrics["photos"] == 18
    assert metrics["trained_on"] == 90
    assert metrics["unseen_sources"]["per_photo"]["country"] > 0.9
    assert list(metrics["groups"]) == ["pictures", "street"]
    assert document["cells"]["country"] == ["BR", "FR", "JP"]
    kept = np.load(target / "oof.npz")
    assert set(kept["source"].tolist()) == {"site8", "site9"}
    assert sorted(set(kept["fold"].tolist())) == [0, 1]
    assert set(kept["precision"].tolist()) == {"city", "country"}


@pytest.mark.train
def test_one_tuning_that_never_saw_the_held_out_serves_and_is_used_again(folder, finished):
    target, _ = finished
    tuned_files = list((target / "tuned").glob("*/tuned.pt"))
    assert len(tuned_files) == 1
    written = tuned_files[0].stat().st_mtime_ns
    result = run(folder, target, RECIPE)
    assert result.exit_code == 0
    assert "tuning" not in result.output
    assert tuned_files[0].stat().st_mtime_ns == written


@pytest.mark.train
def test_a_second_tuning_on_all_photos_is_asked_for(folder, finished, tmp_path):
    _, _ = finished
    result = run(folder, tmp_path / "run", RECIPE, "--set", "retune=true")
    assert result.exit_code == 0, (result.output, result.exception)
    assert "tuning tiny on 72 photos" in result.output
    assert "tuning tiny on 90 photos" in result.output


@pytest.mark.train
def test_the_bundle_holds_pretrained_and_tuned_backbones(folder, finished, tmp_path):
    target, _ = finished
    arguments = [str(target), str(tmp_path / "mini"), "--photos", str(folder / "images")]
    result = CliRunner().invoke(to_onnx.main, arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    page = (load_bundle(tmp_path / "mini").path / "README.md").read_text()
    assert "Tiny and Tiny (tuned)" in page
    assert "| street | 9 |" in page
    assert "all held out at once" in page
    document = json.loads((target / "run.json").read_text())["options"]
    options = build_options(train_starter.StarterOptions, document, "run.json")
    network = starter.load_network(target, options, 3)
    plain, own = network.backbones
    assert torch.equal(plain[0][0].weight, own[0][0].weight)
    assert not torch.equal(plain[2][0].weight, own[2][0].weight)


@pytest.mark.train
def test_the_heads_of_a_tuned_backbone_answer_beside_the_layer(folder, finished, tmp_path):
    target, _ = finished
    shutil.copytree(target, tmp_path / "run")  # its tuned backbone serves again
    changes = ["--set", "head_share=0.5", "--set", "layer_on_tuned=false"]
    result = run(folder, tmp_path / "run", RECIPE, *changes)
    assert result.exit_code == 0, (result.output, result.exception)
    assert "tuning" not in result.output
    document = run_folder.read(tmp_path / "run")
    assert document["metrics"]["unseen_sources"]["per_photo"]["country"] > 0.9
    arguments = [str(tmp_path / "run"), str(tmp_path / "mini"), "--photos", str(folder / "images")]
    result = CliRunner().invoke(to_onnx.main, arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    bundle = load_bundle(tmp_path / "mini")
    assert run_self_test(bundle, "cpu")["cell_logits"] <= bundle.card.probe.tolerance
    options = build_options(train_starter.StarterOptions, document["options"], "run.json")
    network = starter.load_network(tmp_path / "run", options, 3)
    assert isinstance(network.cells, MixedLayer)
    assert network.cells.layer[0].projection.shape[0] == 32
    assert float(network.cells.heads["1"].log_prior.exp().sum()) == pytest.approx(1, abs=1e-3)


@pytest.mark.train
def test_the_learning_curve_is_that_of_pretrained_backbones_where_asked(folder, finished):
    target, _ = finished
    arguments = ["--threads", "1", "learning-curve", str(folder), str(target), "--start", "36"]
    result = CliRunner().invoke(starter_trials.main, [*arguments, "--pretrained"])
    assert result.exit_code == 0, (result.output, result.exception)
    assert "tuning" not in result.output
    assert "| 72 photos | 72 |" in result.output
    result = CliRunner().invoke(starter_trials.main, arguments)
    assert "tuning tiny on 36 photos" in result.output
    assert "| 36 photos | 36 |" in result.output


@pytest.mark.train
def test_the_learning_curve_tells_the_layer_from_the_heads(folder, finished, tmp_path):
    target, _ = finished
    shutil.copytree(target, tmp_path / "run")  # the trial on all photos is tuned already
    document = run_folder.read(target)
    document["options"] |= {"head_share": 0.5, "layer_on_tuned": False}
    (tmp_path / "run" / "run.json").write_text(json.dumps(document))
    arguments = ["--threads", "1", "learning-curve", str(folder), str(tmp_path / "run")]
    trials = ["--start", "18", "--growth", "4"]
    result = CliRunner().invoke(starter_trials.main, [*arguments, *trials])
    assert result.exit_code == 0, (result.output, result.exception)
    names = [line.split(" | ")[0] for line in result.output.splitlines() if " photos" in line]
    parts = ("", ", layer alone", ", heads alone")
    assert [name for name in names if name.startswith("| ")] == [
        f"| {count} photos{part}" for count in (18, 72) for part in parts
    ]
    assert "tuning tiny on 18 photos" in result.output
    assert "tuning tiny on 72 photos" not in result.output
    refused = CliRunner().invoke(starter_trials.main, [*arguments, "--growth", "1"])
    assert "must be above 1" in refused.output


def test_fewer_photos_are_drawn_as_often_each_for_tuning():
    examples = photos().examples
    options = train_starter.StarterOptions(tune=replace(OPTIONS, per_epoch=80))
    nothing = np.zeros(0)
    data = train_starter.StarterData(
        examples, nothing, {}, photos().cells, CONTINENT_OF, options, nothing, None
    )
    quarter = starter_trials.with_share_of_draws(data, 0.25).options.tune
    assert quarter == replace(options.tune, per_epoch=20)
    assert starter_trials.with_share_of_draws(data, 1.0).options == options


@pytest.mark.parametrize(
    ("hold_out", "message"),
    [
        ({"a": ["nobody"]}, "0 of 90 photos"),
        ({"a": [f"site{i}" for i in range(10)]}, "90 of 90 photos"),
        ({"a": ["site1"], "b": ["site1"]}, "site1 is in a and b"),
    ],
)
def test_groups_that_hold_out_nothing_or_all_are_refused(folder, tmp_path, hold_out, message):
    recipe = {"backbones": ["tiny"], "size_px": 32, "layer": RECIPE["layer"], "hold_out": hold_out}
    result = run(folder, tmp_path / "run", recipe)
    assert result.exit_code == 1
    assert message in result.output


def test_photos_without_any_country_are_refused(tmp_path):
    with (tmp_path / "labels.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([["file", "lat", "lon"], ["a.png", 1, 2]])
    from PIL import Image

    Image.new("RGB", (40, 40), COLOURS["FR"][2]).save(tmp_path / "a.png")
    result = run(tmp_path, tmp_path / "run", {"backbones": ["tiny"], "size_px": 32})
    assert result.exit_code == 1
    assert "country" in result.output
    assert UsageError.__name__ not in result.output
