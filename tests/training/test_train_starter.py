"""The whole recipe on a few coloured squares: train, export, load, compare."""

import csv
import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

torch = pytest.importorskip("torch")

from export import run_bundle, to_onnx  # noqa: E402  (needs torch)
from export.families import starter  # noqa: E402  (needs torch)
from geotagger.errors import UsageError  # noqa: E402
from geotagger.vision import parity  # noqa: E402
from geotagger.vision.bundle.bundle import load_bundle  # noqa: E402
from geotagger.vision.bundle.head_specs import ClassifyHead  # noqa: E402
from geotagger.vision.runtime.self_test import run_self_test  # noqa: E402
from geotagger.vision.runtime.session import VisionSession  # noqa: E402
from training import train_starter  # noqa: E402
from training.engine.recipe import build_options  # noqa: E402
from training.experiments import starter_answers, starter_trials  # noqa: E402
from training.models.efficientnet_lite import MEAN, SCALE  # noqa: E402
from training.models.starter_network import StarterNetwork  # noqa: E402

COUNTRIES = {
    "JP": (35.7, 139.7, (220, 40, 40)),
    "DE": (52.5, 13.4, (40, 200, 40)),
    "BR": (-22.9, -43.2, (40, 60, 220)),
}
RECIPE = {
    "backbones": ["tiny", "tiny"],
    "size_px": 32,
    "layer": {"gamma": 1.0, "components": 48, "cell_covariance": 0.0, "levels": 0.5, "l2": 1e-4},
    "folds": 3,
}


def make_photos(folder):
    random = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True)
    rows = []
    for source in range(6):
        for code, (lat, lon, colour) in COUNTRIES.items():
            for number in range(3):
                file = f"images/{source}_{code}_{number}.png"
                noise = random.normal(colour, 40, (48, 64, 3)).clip(0, 255).astype(np.uint8)
                Image.fromarray(noise).save(folder / file)
                rows.append((file, lat + number, lon, code, "city", f"site{source}", "own"))
    (folder / "images" / "broken.png").write_bytes(b"")
    rows.append(("images/broken.png", 0, 0, "DE", "city", "site0", "own"))
    Image.fromarray(noise).save(folder / "images" / "agency.png")
    rows.append(("images/agency.png", -22.9, -43.2, "BR", "city", "agency", "agency"))
    with (folder / "labels.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "lat", "lon", "country", "precision", "source", "rights"])
        writer.writerows(rows)


def run_command(command, *arguments):
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    assert result.exit_code == 0, (result.output, result.exception)
    return result


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("starter")
    photos, run = folder / "photos", folder / "run"
    make_photos(photos)
    recipe = folder / "recipe.json"
    recipe.write_text(json.dumps(RECIPE))
    result = run_command(
        train_starter.main,
        photos,
        run,
        "--recipe",
        recipe,
        "--exclude-rights",
        "agency",
        "--threads",
        1,
    )
    return photos, run, result


@pytest.fixture(scope="module")
def bundle(trained, tmp_path_factory):
    photos, run, _ = trained
    target = tmp_path_factory.mktemp("bundles") / "mini"
    run_command(to_onnx.main, run, target, "--photos", photos / "images_only", "--name", "mini")
    return load_bundle(target)


@pytest.fixture(scope="module", autouse=True)
def good_photos(trained):
    """The pictures that can be decoded, in a folder of their own."""
    photos, _, _ = trained
    folder = photos / "images_only"
    folder.mkdir()
    for file in sorted((photos / "images").iterdir()):
        if file.stat().st_size:
            (folder / file.name).write_bytes(file.read_bytes())


@pytest.mark.train
def test_a_run_learns_colours_from_sources_that_it_has_not_seen(trained):
    _, run, result = trained
    assert "54 photos, 1 left out" in result.output
    assert "broken.png" in result.stderr
    document = json.loads((run / "run.json").read_text())
    scores = document["metrics"]["unseen_sources"]["per_photo"]
    assert scores["country"] > 0.9
    assert document["metrics"]["majority"]["per_photo"]["country"] < 0.5
    assert document["metrics"]["sources"] == 6


@pytest.mark.train
def test_out_of_fold_logits_are_kept_for_every_photo(trained):
    _, run, _ = trained
    kept = np.load(run / "oof.npz")
    assert kept["logits"].shape == (54, len(kept["cell_lat"]))
    assert len(kept["photo"]) == len(set(kept["photo"].tolist())) == 54
    assert all(
        len(set(kept["fold"][kept["source"] == source])) == 1 for source in set(kept["source"])
    )
    best = kept["cell_country"][kept["logits"].argmax(axis=1)]
    assert (best == kept["country"]).mean() > 0.9


@pytest.mark.train
def test_a_second_run_uses_the_cache_and_other_photos_do_not(trained, tmp_path):
    photos, _, _ = trained
    options = build_options(train_starter.StarterOptions, RECIPE, "options")
    examples, _ = train_starter.read_photos(photos, exclude_rights=["agency"])
    file = tmp_path / "features.npy"
    network = StarterNetwork(options.backbones)
    first = train_starter.cached_features(network, "tiny", examples, options.spec, file)
    written = file.stat().st_mtime_ns
    again = train_starter.cached_features(network, "tiny", examples, options.spec, file)
    assert file.stat().st_mtime_ns == written
    assert np.array_equal(first, again)
    fewer = train_starter.cached_features(network, "tiny", examples[:9], options.spec, file)
    assert fewer.shape == (9, 64)
    assert fewer == pytest.approx(first[:9], abs=1e-5)


def test_a_recipe_with_an_unknown_option_is_refused():
    with pytest.raises(UsageError, match="epochs is not an option"):
        build_options(train_starter.StarterOptions, {"epochs": 3}, "recipe")
    with pytest.raises(UsageError, match="split is not an option"):
        build_options(train_starter.StarterOptions, {"layer": {"split": 3}}, "recipe")


def test_pixels_are_normalised_in_the_graph():
    model = StarterNetwork(("tiny",))
    model.backbones[0] = torch.nn.Identity()
    pixels = torch.tensor([0, 127, 255], dtype=torch.uint8).repeat(1, 2, 2, 1)
    values = model.features(pixels)
    assert values.shape == (1, 3)
    assert values[0].tolist() == pytest.approx([-MEAN / SCALE, 0, 1])


def test_the_features_of_backbones_are_concatenated():
    model = StarterNetwork(("tiny", "tiny"))
    pixels = torch.randint(0, 255, (2, 32, 32, 3), dtype=torch.uint8)
    values = model.features(pixels)
    alone = [
        backbone((pixels.permute(0, 3, 1, 2) - MEAN) / SCALE).mean((2, 3))
        for backbone in model.backbones
    ]
    assert torch.equal(values, torch.cat(alone, 1))


@pytest.mark.train
def test_the_bundle_reads_pictures_as_the_trained_network_does(bundle, trained):
    _, run, _ = trained
    assert run_self_test(bundle, "cpu")["cell_logits"] <= bundle.card.probe.tolerance
    squares = np.zeros((3, 32, 32, 3), np.uint8)
    for square, (_, _, colour) in zip(squares, COUNTRIES.values(), strict=True):
        square[:] = colour
    (logits,) = VisionSession(bundle, "cpu").run(squares)
    document = json.loads((run / "run.json").read_text())["options"]
    options = build_options(train_starter.StarterOptions, document, "run.json")
    network = starter.load_network(run, options, logits.shape[1])
    with torch.inference_mode():
        wanted = network(torch.from_numpy(squares)).numpy()
    assert logits == pytest.approx(wanted, abs=1e-3)
    labels = bundle.labels(bundle.card.heads[0])
    assert [labels[best].country_code for best in logits.argmax(axis=1)] == list(COUNTRIES)


@pytest.mark.train
def test_the_card_tells_data_scores_and_limits(bundle):
    assert bundle.card.name == "mini"
    assert bundle.card.metrics["photos"] == 54
    assert "agency" in bundle.card.provenance["data"]
    page = (bundle.path / "README.md").read_text()
    assert "must not be used for" in page
    assert bundle.card.metrics["by_continent"]["Asia"]["photos"] == 18
    assert "| South America | 18 |" in page
    country = bundle.card.metrics["unseen_sources"]["per_photo"]["country"]
    assert f"{100 * country:.1f} %" in page
    assert "/" + "home" not in (bundle.path / "model.onnx").read_bytes().decode("latin-1")


@pytest.mark.parametrize("precision", ["fp16", "int8"])
@pytest.mark.train
def test_smaller_precisions_load_and_stay_close(trained, tmp_path, precision):
    photos, run, _ = trained
    target = tmp_path / precision
    run_command(
        to_onnx.main, run, target, "--precision", precision, "--photos", photos / "images_only"
    )
    assert load_bundle(target).card.provenance["precision"] == precision


@pytest.mark.train
def test_int8_wants_photos(trained, tmp_path):
    _, run, _ = trained
    arguments = [str(run), str(tmp_path / "new"), "--precision", "int8"]
    result = CliRunner().invoke(to_onnx.main, arguments)
    assert result.exit_code == 1
    assert "--photos" in result.output
    assert not (tmp_path / "new").exists()


@pytest.mark.train
def test_an_export_that_computes_something_else_is_refused_and_the_old_bundle_stays(
    trained, tmp_path, monkeypatch
):
    _, run, _ = trained
    target = tmp_path / "kept"
    run_command(to_onnx.main, run, target)
    before = (target / "card.json").read_bytes()
    save = run_bundle.save_onnx

    def spoilt(network, *arguments):
        with torch.no_grad():
            network.cells[1].bias += 1
        save(network, *arguments)
        with torch.no_grad():
            network.cells[1].bias -= 1

    monkeypatch.setattr(run_bundle, "save_onnx", spoilt)
    result = CliRunner().invoke(to_onnx.main, [str(run), str(target)])
    assert result.exit_code == 1
    assert "computes something else" in result.output
    assert (target / "card.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_limits_bite():
    heads = (ClassifyHead("cells", "cell_logits", "labels.csv", 1.0, places=True),)

    def shortfall(apart, same, precision):
        found = {"cells.max_difference": apart, "cells.same_first": same}
        return parity.shortfall(found, precision, heads)

    assert "needed" in shortfall(float("nan"), 1.0, "fp32")
    assert "needed" in shortfall(0.0, 0.5, "int8")
    assert "needed" in shortfall(0.5, 1.0, "fp16")
    assert not shortfall(0.0005, 1.0, "fp32")


def run_trial(*arguments):
    return run_command(starter_trials.main, "--threads", 1, *arguments)


def rows_of(output):
    """The rows of the printed table, by their first cell."""
    cells = [line.strip("| ").split(" | ") for line in output.splitlines() if line.startswith("| ")]
    return {row[0]: row[1:] for row in cells[1:]}


@pytest.mark.train
def test_the_starter_is_set_beside_simpler_answers(trained):
    photos, run, _ = trained
    rows = rows_of(run_trial("baselines", photos, run).output)
    assert list(rows) == [
        "---",
        "commonest places",
        "nearest photo",
        "logistic regression",
        "the starter",
    ]
    right = {name: float(row[2].split(" / ")[0]) for name, row in rows.items() if name != "---"}
    assert right["commonest places"] < 50
    assert right["the starter"] > 90
    document = json.loads((run / "run.json").read_text())
    country = document["metrics"]["unseen_sources"]["per_photo"]["country"]
    assert right["the starter"] == pytest.approx(100 * country)


@pytest.mark.train
def test_the_answers_of_the_whole_program_on_held_out_photos(trained, bundle):
    photos, run, _ = trained
    output = run_command(starter_answers.main, photos, run, bundle.path).output
    parts = dict(part.split("\n", 1) for part in output.split("== ")[1:])
    assert list(parts) == ["fold 0", "fold 1", "fold 2", "all"]
    assert "54 of 54 photos scored" in parts["all"]
    (country,) = [line for line in parts["all"].splitlines() if line.startswith("  country  ")][:1]
    assert float(country.split()[1]) > 90


@pytest.mark.train
def test_every_source_is_judged_by_what_never_saw_it(trained):
    photos, run, _ = trained
    rows = rows_of(run_trial("leave-one-source-out", photos, run).output)
    assert [rows[f"site{number}"][0] for number in range(6)] == ["9"] * 6
    assert rows["all"][0] == "54"


@pytest.mark.train
def test_more_photos_are_learned_from_along_the_curve(trained):
    photos, run, _ = trained
    arguments = ["learning-curve", photos, run, "--start", 9, "--extra-rights", "agency"]
    rows = rows_of(run_trial(*arguments).output)
    assert [rows[f"{count} photos"][0] for count in (9, 18, 36)] == ["9", "18", "36"]
    assert rows["and those of agency"][0] == "37"


@pytest.mark.train
def test_what_the_photos_of_a_source_bring(trained):
    photos, run, _ = trained
    rows = rows_of(run_trial("gain", photos, run, "site0", "site1").output)
    without, everything = (int(rows[f"{how} site0, site1"][0]) for how in ("without", "with"))
    assert everything == 36
    assert everything - without in {9, 18}
    arguments = ["gain", str(photos), str(run), "nowhere"]
    assert "nowhere" in CliRunner().invoke(starter_trials.main, arguments).output
