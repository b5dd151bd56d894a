"""Bundles of CNN runs: every precision, calibrated, compared, refused when they fall short."""

import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

torch = pytest.importorskip("torch")
pytest.importorskip("accelerate")

from export import run_bundle, to_onnx  # noqa: E402
from export.families import family  # noqa: E402
from export.graph import precision  # noqa: E402
from export.graph.graphs import strip  # noqa: E402
from export.graph.torch_outputs import torch_outputs  # noqa: E402
from geotagger.cli.main import cli  # noqa: E402
from geotagger.errors import BundleError, UsageError  # noqa: E402
from geotagger.vision import parity  # noqa: E402
from geotagger.vision.bundle.bundle import load_bundle  # noqa: E402
from geotagger.vision.bundle.head_specs import ClassifyHead, RegressHead, RetrieveHead  # noqa: E402
from geotagger.vision.runtime.self_test import run_self_test  # noqa: E402
from geotagger.vision.runtime.session import VisionSession  # noqa: E402
from tests.fixtures.coloured_photos import make_photos, run_cnn  # noqa: E402
from training.engine import run_folder  # noqa: E402
from training.models.onnx_graph import save_onnx  # noqa: E402


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return make_photos(tmp_path_factory.mktemp("export") / "photos", per_country=4, sources=12)


@pytest.fixture(scope="module")
def run(photos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "cnn"
    return run_cnn(photos, folder, train="all", coordinates=True, classes="cluster")[0]


def export(run, bundle, *options):
    return CliRunner().invoke(to_onnx.main, [str(run), str(bundle), *map(str, options)])


@pytest.mark.parametrize("kind", run_bundle.PRECISIONS)
def test_a_bundle_of_each_precision_says_what_the_network_says(run, photos, tmp_path, kind):
    result = export(run, tmp_path / "b", "--precision", kind, "--photos", photos / "images")
    assert result.exit_code == 0, (result.output, result.exception)
    bundle = load_bundle(tmp_path / "b")
    run_self_test(bundle, "cpu")
    assert [head.kind for head in bundle.card.heads] == ["classify", "regress"]
    assert bundle.card.provenance["precision"] == kind
    assert "1.0000" not in bundle.card.provenance["made"]
    pixels = parity.parity_pixels(photos / "images", bundle.card.input)
    logits, degrees = VisionSession(bundle, "cpu").run(pixels)
    assert (np.abs(degrees) <= (90, 180)).all()
    exportable, _ = family.load(run)
    wanted = torch_outputs(exportable.module, pixels)
    assert (logits.argmax(axis=1) == wanted[0].argmax(axis=1)).mean() >= 0.9
    operators = {node.op_type for node in onnx_nodes(bundle.model_file)}
    assert ("DequantizeLinear" in operators) == (kind == "int8")


def onnx_nodes(file):
    import onnx

    return onnx.load(file).graph.node


def test_the_card_is_calibrated_on_validation_photos(run, tmp_path):
    assert export(run, tmp_path / "b").exit_code == 0
    card = load_bundle(tmp_path / "b").card
    held = run_folder.read_held_out(run / "val.npz")
    assert card.heads[0].temperature != 1.0
    assert 1 <= card.heads[1].sigma_km < 20_000
    assert card.calibration.radius_factor != 1.0
    assert len(held) == json.loads(card.provenance["data"])["val"]
    page = (tmp_path / "b" / "README.md").read_text()
    assert "| model | commonest | nearest |" in page
    assert "must not be used for" in page


def test_geotagger_runs_it(run, photos, tmp_path):
    assert export(run, tmp_path / "b").exit_code == 0
    report = tmp_path / "r.csv"
    folder = tmp_path / "some"
    folder.mkdir()
    for file in sorted((photos / "images").iterdir())[:6]:
        shutil.copy(file, folder)
    arguments = ["tag", str(folder), "--model", str(tmp_path / "b"), "--report", str(report), "-q"]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, (result.output, result.exception)
    assert len(report.read_text().splitlines()) == 7


def test_a_run_is_found_by_its_name(run, tmp_path, monkeypatch):
    (tmp_path / "runs").mkdir()
    shutil.copytree(run, tmp_path / "runs" / "mine")
    monkeypatch.chdir(tmp_path)
    assert export("mine", tmp_path / "b").exit_code == 0
    result = export("yours", tmp_path / "c")
    assert result.exit_code == 1
    assert "yours" in result.output


def test_an_unknown_family_is_named(tmp_path):
    (tmp_path / "run.json").write_text('{"family": "oracle"}')
    with pytest.raises(UsageError, match="oracle is unknown; the families are starter, cnn"):
        family.load(tmp_path)


def test_int8_that_falls_short_is_refused_in_every_way(run, photos, tmp_path, monkeypatch):
    limits = parity.LIMITS["int8"] | {"classify": parity.Limit(1e-9, 1.0)}
    monkeypatch.setitem(parity.LIMITS, "int8", limits)
    result = export(run, tmp_path / "b", "--precision", "int8", "--photos", photos / "images")
    assert result.exit_code == 1
    assert "computes something else" in result.output
    assert not (tmp_path / "b").exists()


def test_a_graph_without_anything_to_quantise_is_no_int8(run, photos, tmp_path):
    full = tmp_path / "full.onnx"
    exportable, _ = family.load(run)
    save_onnx(exportable.module, exportable.spec.size_px, full, ["a", "b"])
    pixels = parity.parity_pixels(photos / "images", exportable.spec)[:4]
    with pytest.raises(BundleError, match="no operator that can be quantised"):
        precision.StaticQuantisation(50, 0).quantise(full, tmp_path / "out.onnx", pixels)


def test_every_kind_of_head_is_compared():
    heads = (
        ClassifyHead("a", "x", "labels.csv", 1.0, places=True),
        RetrieveHead("b", "y", "gallery.npy", "gallery.csv", 10.0),
        RegressHead("c", "z", 100.0),
    )

    class Bundle:
        card = type("Card", (), {"heads": heads})

        def vectors(self, _):
            return np.eye(3, dtype=np.float16)

    logits = np.array([[0.0, 1, 2], [3, 2, 1]], np.float32)
    vectors = np.eye(3, dtype=np.float32)[[0, 1]]
    degrees = np.array([[0.0, 179.95], [10, 10]], np.float32)
    wanted = (logits, vectors, degrees)
    other = (logits[:, ::-1] * 1.0, vectors[::-1], np.array([[0.0, -179.95], [50, 10]], np.float32))
    same = parity.compare(wanted, wanted, Bundle())
    apart = parity.compare(wanted, other, Bundle())
    assert not parity.shortfall(same, "fp32", heads)
    assert [same[f"{name}.same_first"] for name in "abc"] == [1, 1, 1]
    assert [apart[f"{name}.same_first"] for name in "abc"] == [0, 0, 0.5]
    assert apart["b.max_difference"] == pytest.approx(1)
    assert apart["c.max_difference"] == pytest.approx(40 * 111.19, rel=1e-3)
    far = {**same, "c.max_difference": 60.0}
    assert "head c" in parity.shortfall(far, "int8", heads)
    assert not parity.shortfall(far | {"c.max_difference": 40.0}, "int8", heads)
    assert "head a" in parity.shortfall(apart, "int8", heads)
    nearly = parity.shortfall({**same, "a.same_first": 0.996}, "fp32", heads)
    assert nearly.endswith("same first choice for 99.6 %, needed is 100 %")


def test_weights_alone_in_8_bits_stay_close_and_are_small(tmp_path):
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 64, 5, padding=2),
        torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(64, 40),
    )

    class Small(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.network = network

        def forward(self, pixels):
            return self.network(pixels.permute(0, 3, 1, 2).float() / 255)

    import onnxruntime

    small = Small().eval()
    full, target = tmp_path / "full.onnx", tmp_path / "small.onnx"
    save_onnx(small, 16, full, ["values"])
    strip(full)
    precision.WeightQuantisation().quantise(full, target, None)
    pixels = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), np.uint8)
    found = [
        onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"]).run(
            None, {"pixels": pixels}
        )[0]
        for file in (full, target)
    ]
    spread = found[0].std()
    assert 0 < np.abs(found[0] - found[1]).max() < 0.05 * spread
    assert target.stat().st_size < 0.5 * full.stat().st_size
