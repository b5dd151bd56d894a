"""A starter with a head of known sights, from the run to what the program says."""

import csv
import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from export import run_bundle  # noqa: E402  (needs torch)
from export.families import sights  # noqa: E402  (needs torch)
from export.families.family import Exportable  # noqa: E402  (needs torch)
from geotagger.evidence.sights import SightSource  # noqa: E402  (needs torch)
from geotagger.evidence.vision import VisionSource  # noqa: E402  (needs torch)
from geotagger.fusion.decide import Fusion  # noqa: E402  (needs torch)
from geotagger.geography.places import load_places  # noqa: E402  (needs torch)
from geotagger.images.decode import InputSpec  # noqa: E402  (needs torch)
from geotagger.vision.bundle.bundle import load_bundle  # noqa: E402  (needs torch)
from geotagger.vision.bundle.head_specs import ClassifyHead  # noqa: E402  (needs torch)
from geotagger.vision.bundle.label_tables import Label  # noqa: E402  (needs torch)
from geotagger.vision.runtime.self_test import run_self_test  # noqa: E402  (needs torch)
from training.calibrate import fit_sights  # noqa: E402  (needs torch)
from training.models.starter_network import StarterNetwork  # noqa: E402  (needs torch)
from training.targets.label_table import write_labels  # noqa: E402  (needs torch)

SPEC = InputSpec(32, "squash", "bicubic")
SCENES = {"taj": (27.175, 78.042, "IN"), "eiffel": (48.858, 2.294, "FR"), "": (0, 0, "BR")}


def picture(name, random):
    """Stripes of a colour and a direction for each sight, noise for everything else."""
    noise = random.integers(0, 256, (32, 32, 3))
    stripes = np.zeros((32, 32, 3))
    if name == "taj":
        stripes[::2] = (250, 40, 40)
    if name == "eiffel":
        stripes[:, ::4] = (40, 40, 250)
    share = 0.25 if name else 1.0
    return (share * noise + (1 - share) * stripes).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A run with a gallery, of an untrained network, and the network."""
    folder = tmp_path_factory.mktemp("run")
    random = np.random.default_rng(0)
    torch.manual_seed(0)
    network = StarterNetwork(("tiny",))
    network.cells = torch.nn.Linear(sum(network.widths), 2)
    rows, pictures = [], []
    for source in range(10):
        for name, (lat, lon, code) in SCENES.items():
            for number in range(1 if name else 6):
                where = (lat, lon) if name else (-20 + 3 * source, -60 + 3 * number)
                rows.append((f"{source}{name}{number}.jpg", *where, code, "point", f"s{source}"))
                pictures.append(picture(name, random))
    with (folder / "labels.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "lat", "lon", "country", "precision", "source"])
        writer.writerows(rows)
    for row in rows:
        (folder / row[0]).touch()
    with torch.inference_mode():
        features = network.features(torch.from_numpy(np.stack(pictures)))
    np.save(folder / "features.npy", features.numpy())
    arguments = [folder, folder, "--features", folder / "features.npy", "--components", 16]
    fit_sights.main([str(argument) for argument in arguments], standalone_mode=False)
    return folder, network.eval()


def exportable(network):
    labels = [
        Label("IN", "Asia", "IN", "", 27.0, 78.0, round(float(-np.log(2)), 6), "point"),
        Label("FR", "Europe", "FR", "", 48.0, 2.0, round(float(-np.log(2)), 6), "point"),
    ]
    head = ClassifyHead("cells", "cell_logits", "labels.csv", 1.0, places=True)
    return Exportable(
        module=network,
        spec=SPEC,
        heads=(head,),
        write_tables=lambda folder: write_labels(folder / head.labels, labels),
        description="Two cells.",
        backbone="tiny",
        metrics={"photos": 1},
        page=lambda name, *_: f"# {name}\n",
    )


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_one_graph_has_both_heads(model, tmp_path, monkeypatch, precision):
    run, network = model
    found = sights.with_sights(run, network, exportable(network))
    document = {"data": {"photos": 1}, "options": {}}
    monkeypatch.setattr(run_bundle, "load", lambda _: (found, document))
    folder = tmp_path / "bundle"
    run_bundle.export_run(run_bundle.ExportOptions(str(run), folder, precision))
    bundle = load_bundle(folder)
    assert [head.kind for head in bundle.card.heads] == ["classify", "sights"]
    assert bundle.card.metrics["sights"]["gallery"] == 80
    assert "## Known sights" in (folder / "README.md").read_text()
    run_self_test(bundle, "cpu")

    fusion = Fusion(load_places())
    vision = VisionSource(bundle, fusion.places, device="cpu")
    head = bundle.card.heads[1]
    source = SightSource(bundle, head, fusion.places, fusion.log_prior, beside=vision)
    random = np.random.default_rng(9)
    taj, noise = source.weigh([picture("taj", random), picture("", random)])
    assert taj.reason.startswith("looks like known photos of ")
    assert ", IN (likeness " in taj.reason
    assert fusion.decide([taj]).place.country_code == "IN"
    assert noise is None or noise.outlier_probability > 0.3


def test_a_run_without_a_gallery_is_exported_as_before(model, tmp_path):
    _, network = model
    plain = exportable(network)
    assert sights.with_sights(tmp_path, network, plain) is plain


def test_the_card_has_the_fitted_constants(model):
    run, network = model
    head = sights.with_sights(run, network, exportable(network)).heads[1]
    document = json.loads((run / fit_sights.HEAD_FILE).read_text())
    assert head.scale == document["scale"]
    assert head.none_logit == document["none_logit"]
    assert head.min_probability == document["min_probability"]
