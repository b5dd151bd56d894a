"""Calibration on the user's own photos: what is fitted, kept, applied and refused."""

import csv
import json

import numpy as np
import pytest
from click.testing import CliRunner
from msgspec import structs

from geotagger.cache.keys import run_key
from geotagger.calibration.stored import (
    CalibratedModel,
    HeldOutScores,
    UserCalibration,
    calibrated,
    calibration_file,
    card_sha256,
    store,
    with_temperature,
)
from geotagger.cli.main import cli
from geotagger.config import RunOptions
from geotagger.errors import GeotaggerError, UsageError
from geotagger.vision.bundle.card import Calibration
from tests.fixtures.bundles import make_bundle
from tests.fixtures.gps_photos import make_library

SCORES = HeldOutScores(1.0, 0.9, 80)


def run(*arguments):
    return CliRunner().invoke(cli, [str(one) for one in arguments], catch_exceptions=False)


def installed(tmp_path, *names, kind="classify"):
    for name in names:
        bundle = make_bundle(tmp_path / "made" / name, kind)
        card = structs.replace(bundle.card, name=name, calibration=Calibration(3.0, 1.0))
        (bundle.path / "card.json").write_text(card.to_json())
        run("models", "import", bundle.path)


def rows(report):
    with report.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return make_library(tmp_path_factory.mktemp("library"), days=75)


def fitted(bundle, weight=0.7, temperature=2.0):
    model = CalibratedModel(bundle.card.name, card_sha256(bundle.path), temperature, weight)
    return UserCalibration((model,), 1.5, 200, 50, 3, SCORES, SCORES)


def test_an_overconfident_model_is_calibrated_and_tag_uses_it(tmp_path, library):
    """The colour is wrong on three photos in ten, and the model is always sure."""
    installed(tmp_path, "tiny")
    before = {path.name: path.read_bytes() for path in library.iterdir()}
    arguments = (
        "tag",
        library / "0000.jpg",
        "-q",
        "--model",
        "tiny",
        "--no-read-text",
        "--no-album",
    )
    run(*arguments, "--report", tmp_path / "plain.csv")

    output = run("models", "calibrate", "tiny", library).output
    (shown,) = json.loads(run("models", "info", "tiny").output)["user_calibrations"]
    (model,) = shown["models"]
    assert f"tiny: temperature {model['temperature']:g}, weight {model['weight']:g}" in output
    assert model["weight"] / model["temperature"] < 1
    assert shown["after"]["country_loss"] < shown["before"]["country_loss"]
    assert shown["photos"] + shown["after"]["photos"] == 225
    assert shown["countries"] == 3
    assert shown["file"].endswith("tiny.calibration.json")

    run(*arguments, "--report", tmp_path / "calibrated.csv")
    plain, later = (rows(tmp_path / name)[0] for name in ("plain.csv", "calibrated.csv"))
    assert float(later["confidence"]) < float(plain["confidence"]) - 0.05
    assert before == {path.name: path.read_bytes() for path in library.iterdir()}


@pytest.mark.slow
def test_a_useless_model_gets_next_to_no_weight(tmp_path):
    """It is always sure, and the photos are from none of its countries."""
    installed(tmp_path, "tiny")
    elsewhere = ((-33.87, 151.21), (30.04, 31.24), (41.9, 12.5))
    library = make_library(tmp_path / "elsewhere", days=75, points=elsewhere)
    run("models", "calibrate", "tiny", library)
    (shown,) = json.loads(run("models", "info", "tiny").output)["user_calibrations"]
    (model,) = shown["models"]
    assert model["weight"] / model["temperature"] < 0.05
    assert shown["after"]["country_loss"] < shown["before"]["country_loss"] - 1


def test_a_model_that_adds_nothing_is_named(tmp_path, monkeypatch):
    from geotagger.calibration import user
    from geotagger.vision.bundle.bundle import find_bundle, load_bundle

    installed(tmp_path, "tiny")
    found = fitted(load_bundle(find_bundle("tiny")), weight=0.0)
    monkeypatch.setattr(user, "calibrate", lambda *_: found)
    output = run("models", "calibrate", "tiny", tmp_path).output
    assert "tiny: temperature 2, weight 0 (adds nothing to the others: run without it)" in output
    assert "inside their 90 % radius    90 % before, 90 % now" in output


@pytest.mark.slow
def test_models_are_weighed_together(tmp_path, library):
    """Of two models that say the same, the second adds nothing: the evidence counts once."""
    installed(tmp_path, "one", "two")
    run("models", "calibrate", "one", "two", library)
    options = RunOptions(paths=(library,), models=("one", "two"))
    (shown,) = json.loads(run("models", "info", "two").output)["user_calibrations"]
    together = sum(model["weight"] / model["temperature"] for model in shown["models"])
    run("models", "calibrate", "one", library)
    alone = json.loads(run("models", "info", "one").output)["user_calibrations"]
    (own,) = next(one for one in alone if one["file"].endswith("one.calibration.json"))["models"]
    assert together == pytest.approx(own["weight"] / own["temperature"], rel=0.35)
    assert run_key(options) != run_key(RunOptions(paths=(library,), models=("one",)))


def test_too_few_photos_are_refused(tmp_path):
    installed(tmp_path, "tiny")
    few = make_library(tmp_path / "few", days=20)
    with pytest.raises(UsageError, match=r"60 photos of 20 days .* needs 200 photos of 12 days"):
        run("models", "calibrate", "tiny", few)
    one_trip = make_library(tmp_path / "trip", days=3, a_day=70)
    with pytest.raises(UsageError, match="210 photos of 3 days"):
        run("models", "calibrate", "tiny", one_trip)


def test_positions_that_geotagger_predicted_do_not_count(tmp_path):
    installed(tmp_path, "tiny")
    folder = make_library(tmp_path / "photos", days=4)
    arguments = ("--write-exif", "--overwrite", "always", "--min-confidence", "0.01", "--touch")
    run("tag", folder, "-q", "--model", "tiny", "--no-read-text", "--max-radius", "20000",
        "--report", tmp_path / "r.csv", *arguments)  # fmt: skip
    with pytest.raises(UsageError, match="0 photos of 0 days"):
        run("models", "calibrate", "tiny", folder)


def test_a_result_that_is_worse_on_other_days_is_not_kept(tmp_path, library, monkeypatch):
    installed(tmp_path, "tiny")
    from geotagger.calibration import user

    monkeypatch.setattr(
        user,
        "_fit",
        lambda models, *_: user._Result(
            (CalibratedModel("tiny", card_sha256(models[0].bundle.path), 0.05, 100.0),), 1.0
        ),
    )
    with pytest.raises(GeotaggerError, match="not calibrated: on 75 photos of other days"):
        run("models", "calibrate", "tiny", library)
    assert "user_calibrations" not in json.loads(run("models", "info", "tiny").output)


@pytest.mark.parametrize(
    ("kind", "field", "before", "after"),
    [
        ("classify", "temperature", 1.0, 2.0),
        ("retrieve", "logit_scale", 10.0, 5.0),
        ("regress", "sigma_km", 300.0, 300.0 * 2**0.5),
        ("attribute", "temperature", 1.0, 1.0),
    ],
)
def test_the_temperature_reaches_every_kind_of_head(tmp_path, kind, field, before, after):
    bundle = make_bundle(tmp_path / "tiny", kind)
    assert getattr(bundle.card.heads[0], field) == before
    changed = with_temperature(bundle, 2.0).card.heads[0]
    assert getattr(changed, field) == pytest.approx(after)


def test_a_calibration_is_applied_to_its_own_bundle_alone(tmp_path, caplog):
    bundle = make_bundle(tmp_path / "tiny")
    file = store(fitted(bundle), [bundle.path])
    assert file == calibration_file([bundle.path])
    (found,) = calibrated([bundle])
    assert (found.card.calibration.weight, found.card.calibration.radius_factor) == (0.7, 1.5)
    assert found.card.heads[0].temperature == 2.0
    assert found.card.model_id == bundle.card.model_id

    card = structs.replace(bundle.card, description="another version")
    (bundle.path / "card.json").write_text(card.to_json())
    assert calibrated([bundle]) == [bundle]
    assert "fitted for another version" in caplog.text


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b'{"format": 2}', b"[" * 100_000,
                                     b'{"format":' + b"[" * 100_000])  # fmt: skip
def test_a_damaged_file_is_ignored_with_a_warning(tmp_path, caplog, content):
    bundle = make_bundle(tmp_path / "tiny")
    calibration_file([bundle.path]).write_bytes(content)
    assert calibrated([bundle]) == [bundle]
    assert "delete it" in caplog.text
    assert "user_calibrations" not in json.loads(run("models", "info", bundle.path).output)


def test_without_one_for_all_together_each_keeps_its_own(tmp_path):
    one, two = make_bundle(tmp_path / "one"), make_bundle(tmp_path / "two")
    two = structs_named(two, "two")
    store(fitted(one), [one.path])
    assert [bundle.card.calibration.weight for bundle in calibrated([one, two])] == [0.7, 0.5]
    both = structs.replace(
        fitted(one),
        models=(
            CalibratedModel("one", card_sha256(one.path), 1.0, 0.25),
            CalibratedModel("two", card_sha256(two.path), 1.0, 0.75),
        ),
    )
    store(both, [one.path, two.path])
    assert [bundle.card.calibration.weight for bundle in calibrated([two, one])] == [0.75, 0.25]


def structs_named(bundle, name):
    from dataclasses import replace

    card = structs.replace(bundle.card, name=name)
    (bundle.path / "card.json").write_text(card.to_json())
    return replace(bundle, card=card)


def test_a_new_calibration_is_a_new_run(tmp_path):
    bundle = make_bundle(tmp_path / "tiny")
    options = RunOptions(paths=(tmp_path,), models=(str(bundle.path),))
    before = run_key(options)
    store(fitted(bundle), [bundle.path])
    assert run_key(options) != before


def test_the_days_are_shared_evenly():
    from geotagger.calibration.collect import GpsPhoto, spread_over_days

    photos = [
        GpsPhoto(None, None, day)
        for day, count in (("a", 50), ("b", 2), ("c", 1))
        for _ in range(count)
    ]
    chosen = spread_over_days(photos, 7)
    assert [photo.day for photo in chosen].count("a") == 4
    assert np.unique([photo.day for photo in chosen]).tolist() == ["a", "b", "c"]
