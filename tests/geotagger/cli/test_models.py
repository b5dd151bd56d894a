import csv
import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from geotagger.cli import models as command
from geotagger.cli.main import cli
from geotagger.errors import GeotaggerError, UsageError
from geotagger.vision.bundle.bundle import find_bundle
from tests.fixtures.bundles import COLOURS, make_bundle, write_csv
from tests.fixtures.matching_bundles import make_location_encoder, position_bundle


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GEOTAGGER_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


def run(*arguments):
    return CliRunner().invoke(cli, [str(one) for one in arguments], catch_exceptions=False)


def test_a_finished_bundle_is_checked_copied_and_found_by_name(tmp_path, folder):
    bundle = make_bundle(tmp_path / "tiny")
    assert "mine: imported" in run("models", "import", bundle.path, "--name", "mine").output
    assert find_bundle("mine") == folder / "mine"
    listed = run("models", "list").output
    assert "starter" in listed
    assert "CC0-1.0" in next(line for line in listed.splitlines() if line.startswith("mine"))
    assert "country_logits within" in run("models", "check", "mine", "starter").output
    assert json.loads(run("models", "info", "mine").output)["name"] == "tiny"
    run("models", "import", bundle.path, "--name", "mine")
    assert [path.name for path in folder.iterdir()] == ["mine"]


def test_a_damaged_bundle_is_not_imported(tmp_path, folder):
    bundle = make_bundle(tmp_path / "tiny")
    (bundle.path / "labels.csv").write_text("label\nchanged\n")
    with pytest.raises(GeotaggerError, match="SHA-256"):
        run("models", "import", bundle.path)
    assert not list(folder.iterdir())


@pytest.mark.parametrize("name", ["starter", "../x", ".hidden"])
def test_reserved_and_invalid_names(tmp_path, name):
    bundle = make_bundle(tmp_path / "tiny")
    with pytest.raises(GeotaggerError, match="invalid or reserved name"):
        run("models", "import", bundle.path, "--name", name)


def test_a_published_model_is_left_to_the_export(tmp_path, folder, monkeypatch):
    asked = []

    def fake(command, **options):
        asked.append((command[1:], options["env"]["PYTHONPATH"]))
        return type("Done", (), {"returncode": len(asked) - 1})

    monkeypatch.setattr(command.subprocess, "run", fake)
    run("models", "import", "geoclip", "--tower", tmp_path, "--offline", "--precision", "int8")
    options = ["--tower", str(tmp_path), "--offline", "--precision", "int8"]
    module = ["-m", "export.to_onnx", "geoclip", str(folder / "geoclip")]
    assert asked[0][0] == [*module, *options]
    with pytest.raises(GeotaggerError, match="was not imported"):
        run("models", "import", "location-encoder")
    assert asked[1][0][-1] == str(folder / "location-encoder.onnx")


def test_without_a_checkout_the_remedy_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "__file__", str(tmp_path / "a" / "b" / "c.py"))
    with pytest.raises(UsageError, match="needs a checkout"):
        run("models", "import", "geoclip")


def test_embedded_points(tmp_path):
    make_location_encoder(tmp_path / "location.onnx")
    write_csv(tmp_path / "p.csv", [("name", "lat", "lon"), ("a", 60, 10), ("b", -60, 20)])
    arguments = ("embed", "points", tmp_path / "p.csv", "--encoder", tmp_path / "location.onnx")
    assert "2 points, 3 numbers each" in run(*arguments, "-o", tmp_path / "v.npy").output
    assert np.load(tmp_path / "v.npy").shape == (2, 3)
    with (tmp_path / "v.csv").open() as stream:
        assert [float(row["lat"]) for row in csv.DictReader(stream)] == [-60, 60]
    with pytest.raises(UsageError, match=r"\.npy or \.parquet"):
        run(*arguments, "-o", tmp_path / "v.txt")


def test_embedded_photos_and_those_that_cannot_be_read(tmp_path):
    bundle = position_bundle(tmp_path / "bundle")
    album = tmp_path / "album"
    album.mkdir()
    for city, colour in COLOURS.items():
        Image.new("RGB", (30, 20), colour).save(album / f"{city}.png")
    (album / "bad.jpg").write_bytes(b"none")
    done = run("embed", "photos", album, "--model", bundle.path, "-o", tmp_path / "v.npy")
    assert done.exit_code == 3
    assert "bad.jpg" in done.output
    with (tmp_path / "v.csv").open() as stream:
        names = [row["path"].rsplit("/", 1)[-1] for row in csv.DictReader(stream)]
    assert sorted(names) == sorted(f"{city}.png" for city in COLOURS)
    vectors = dict(zip(names, np.load(tmp_path / "v.npy"), strict=True))
    assert vectors["Berlin.png"] == pytest.approx([0, 1, 0], abs=1e-6)


def test_a_table_of_the_users_beside_the_vectors_is_kept(tmp_path):
    make_location_encoder(tmp_path / "location.onnx")
    labels = tmp_path / "labels.csv"
    write_csv(labels, [("file", "lat", "lon"), ("a.jpg", 60, 10)])
    before = labels.read_text()
    arguments = ("--encoder", tmp_path / "location.onnx", "-o", tmp_path / "labels.npy")
    run("embed", "points", labels, *arguments)
    run("embed", "points", tmp_path / "labels.1.csv", *arguments)
    assert (tmp_path / "labels.1.csv").read_text() == before
    assert labels.read_text().split() == ["lat,lon,count", "60.0,10.0,1"]
    assert len(list(tmp_path.glob("labels*.csv"))) == 2


def test_parquet_where_it_is_installed(tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    make_location_encoder(tmp_path / "location.onnx")
    write_csv(tmp_path / "p.csv", [("lat", "lon"), (60, 10)])
    run("embed", "points", tmp_path / "p.csv", "--encoder", tmp_path / "location.onnx",
        "-o", tmp_path / "v.parquet")  # fmt: skip
    table = pq.read_table(tmp_path / "v.parquet").to_pylist()
    assert table[0]["lat"] == 60
    assert len(table[0]["vector"]) == 3


def test_a_missing_folder_is_not_taken_for_a_hub_id(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "_convert", lambda *_: pytest.fail("the export was asked"))
    with pytest.raises(UsageError, match="there is no such folder"):
        run("models", "import", tmp_path / "bundel")
