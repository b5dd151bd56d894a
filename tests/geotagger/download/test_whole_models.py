"""Known models of true shape are pulled, checked, and place photos. Their weights are random."""

import csv

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from geotagger.cli.main import cli
from geotagger.download.known import known_models
from geotagger.vision.bundle.bundle import find_bundle, load_bundle
from geotagger.vision.published import bundle as published_bundle
from tests.fixtures.whole_checkpoints import serve_checkpoint

pytest.importorskip("tokenizers")
pytestmark = pytest.mark.slow


def run(*arguments):
    result = CliRunner().invoke(cli, [*map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    random = np.random.default_rng(0)
    for number in range(3):
        coarse = random.integers(0, 256, (9, 12, 3), np.uint8)
        Image.fromarray(coarse).resize((480, 360), Image.Resampling.BICUBIC).save(
            folder / f"{number}.jpg"
        )
    return folder


@pytest.mark.parametrize(
    ("name", "as_torch"),
    [("clip-b32", False), ("clip-b32", True), ("clip-b16", False), ("siglip", False),
     ("siglip2", False)],
)  # fmt: skip
def test_a_known_model_is_pulled_and_places_photos(
    hub, tmp_path, photos, name, as_torch, monkeypatch
):
    if as_torch:
        pytest.importorskip("torch")
    one_each = tuple(prompts[:1] for prompts in published_bundle.PLAIN)
    monkeypatch.setattr(published_bundle, "PLAIN", one_each)
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    model = known_models()[name]
    files = serve_checkpoint(folder, model.config, as_torch=as_torch)
    hub.files |= {f"{model.repository}/{file}": data for file, data in files.items()}
    assert f"{name}: ready" in run("models", "pull", name, "--cities", 1)
    assert f"{name}: " in run("models", "check", name)
    bundle = load_bundle(find_bundle(name))
    assert [head.kind for head in bundle.card.heads] == ["caption", "caption"]
    vectors = np.load(bundle.path / "countries.npy")
    assert len(vectors) > 200
    assert len(np.unique(vectors.round(3), axis=0)) > 200
    report = tmp_path / "report.csv"
    run("tag", photos, "--model", name, "--report", report, "--no-read-text", "--no-gate", "-q")
    with report.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 3
    assert all(row["lat"] for row in rows)
