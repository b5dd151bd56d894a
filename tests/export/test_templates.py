"""Graphs without weights: filled, they are the graphs that the exporter makes with PyTorch."""

import json
from functools import cache, partial
from hashlib import sha256
from itertools import product

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from click.testing import CliRunner
from msgspec import structs

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("tokenizers")

from safetensors.numpy import load_file, save_file  # noqa: E402

from export import templates  # noqa: E402
from export.published import command  # noqa: E402
from export.published.tower import ImageTowerModule, TextTowerModule  # noqa: E402
from geotagger.errors import UsageError  # noqa: E402
from geotagger.vision import parity  # noqa: E402
from geotagger.vision.bundle.bundle import load_bundle  # noqa: E402
from geotagger.vision.published import graph_template  # noqa: E402
from geotagger.vision.published.architecture import read_towers  # noqa: E402
from geotagger.vision.published.bundle import (  # noqa: E402
    BundleOptions,
    GeoClipRelease,
    make_bundle,
    make_location,
)
from geotagger.vision.published.checkpoint import Checkpoint, needed_tensors  # noqa: E402
from geotagger.vision.published.graph_template import tower_template  # noqa: E402
from geotagger.vision.published.tensor_names import RenamedTensors  # noqa: E402
from geotagger.vision.runtime.encoders import LocationEncoder  # noqa: E402
from geotagger.vision.runtime.self_test import run_self_test  # noqa: E402
from tests.fixtures.bundles import write_csv  # noqa: E402
from tests.fixtures.published_towers import save_clip, save_siglip  # noqa: E402

SAVERS = {"clip": save_clip, "siglip": save_siglip}


class Tensors(dict):
    """A checkpoint in memory."""

    read = dict.__getitem__


def save_varied(saver, folder):
    """No two norms are equal, as in a trained network: the exporter joins those that are."""
    saver(folder)
    random = np.random.default_rng(3)
    weights = {
        name: values + random.normal(0, 0.1, values.shape).astype(np.float32)
        if values.ndim == 1
        else values
        for name, values in load_file(folder / "model.safetensors").items()
    }
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return {
        family: save_varied(saver, tmp_path_factory.mktemp(family) / "tower")
        for family, saver in SAVERS.items()
    }


@pytest.fixture(scope="module")
def clip(folders):
    return folders["clip"]


@pytest.fixture(scope="module")
def add_graphs(folders, tmp_path_factory):
    """Makes the templates of a tiny tower, once, beside those of GeoCLIP."""
    made = tmp_path_factory.mktemp("graphs")
    for file in graph_template.FOLDER.glob("geoclip-*"):
        (made / file.name).write_bytes(file.read_bytes())

    @cache
    def add(family, *precisions):
        for tower in read_towers(read_config(folders[family]), "tiny"):
            graphs = partial(templates.tower_graphs, tower, precisions=precisions)
            for name, template in templates.make_templates(graphs).items():
                templates.write_template(template, made / f"{name}.zip")
        return made

    return add


@pytest.fixture
def graphs(add_graphs, monkeypatch):
    def use(family, *precisions):
        """All precisions, unless some are named."""
        monkeypatch.setattr(graph_template, "FOLDER", add_graphs(family, *precisions))

    return use


def read_config(folder, name="config.json"):
    return json.loads((folder / name).read_text())


def checkpoint_of(folder, **changes):
    """What a download of the folder would give."""
    parts = {
        "name": "local folder",
        "licence": "MIT",
        "sha256": command.find_checkpoint("clip", str(folder), "", None, True).sha256,
        "tensors": Tensors(load_file(folder / "model.safetensors")),
        "config": read_config(folder),
        "processor": read_config(folder, "preprocessor_config.json")
        if (folder / "preprocessor_config.json").is_file()
        else read_config(folder, "processor_config.json")["image_processor"],
        "tokenizer": (folder / "tokenizer.json").read_bytes(),
        "tokenizer_config": read_config(folder, "tokenizer_config.json"),
    }
    return Checkpoint(**parts | changes)


def exported(source, bundle, folder, *options):
    result = CliRunner().invoke(
        command.main, [source, str(bundle), "--tower", str(folder), "--licence", "MIT", *options]
    )
    assert result.exit_code == 0, (result.output, result.exception)
    return load_bundle(bundle)


def filled(tmp_path, checkpoint, release=None, **options):
    draft, work = tmp_path / "draft", tmp_path / "work"
    draft.mkdir()
    work.mkdir()
    make_bundle(BundleOptions(name="b", **options), checkpoint, release, draft, work)
    return load_bundle(draft)


def check_same_graph(one, two):
    """Same nodes, which take the same values from the same initializers, byte for byte."""
    first, second = (nodes_with_values(file) for file in (one, two))
    assert len(first) == len(second)
    for node, other in zip(first, second, strict=True):
        assert node == other


def nodes_with_values(file):
    """Each node, with the content of initializers in place of their names: the exporter joins those
    that are equal, such as mean and deviation of SigLIP's pixels."""
    model = onnx.load(file)
    content = {}
    for one in model.graph.initializer:
        values = onnx.numpy_helper.to_array(one)
        content[one.name] = f"{values.dtype} {values.shape} {sha256(values.tobytes()).hexdigest()}"
    found = []
    for node in model.graph.node:
        inputs = [content.get(name, name) for name in node.input]
        attributes = sorted(one.SerializeToString(deterministic=True) for one in node.attribute)
        found.append((node.op_type, node.domain, inputs, list(node.output), attributes))
    return found


def check_same_card(one, two):
    """But for hashes, and for what was compared with the original."""
    probes = [bundle.card.probe.outputs for bundle in (one, two)]
    assert probes[0].keys() == probes[1].keys()
    for output, values in probes[0].items():
        assert values == pytest.approx(probes[1][output], abs=1e-6)
    cards = [
        structs.replace(bundle.card, files={}, metrics={}, probe=one.card.probe)
        for bundle in (one, two)
    ]
    assert cards[0] == cards[1]
    pages = [(bundle.path / "README.md").read_text() for bundle in (one, two)]
    assert pages[0] == pages[1]


@pytest.mark.parametrize(
    ("family", "precision"),
    [
        ("clip", "fp32"),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in product(SAVERS, ("fp32", "fp16", "int8"))
            if case != ("clip", "fp32")
        ),
    ],
)
def test_a_filled_bundle_is_the_exported_one(
    family, precision, folders, graphs, tmp_path, monkeypatch
):
    folder = folders[family]
    graphs(family, *(["fp32"] if precision == "fp32" else []))  # the others need it, too
    monkeypatch.setattr(
        parity, "shortfall", lambda *_: ""
    )  # many captions of tiny towers are equal
    options = ("--name", "b", "--cities", "1", "--precision", precision)
    theirs = exported("clip", tmp_path / "b", folder, *options)
    ours = filled(tmp_path, checkpoint_of(folder), source="clip", cities=1, precision=precision)
    for graph in ("model.onnx", "text.onnx"):
        check_same_graph(theirs.path / graph, ours.path / graph)
    check_same_card(theirs, ours)
    for name in ("countries", "cities"):
        tables = [bundle.path / f"{name}.csv" for bundle in (theirs, ours)]
        assert tables[0].read_bytes() == tables[1].read_bytes()
        vectors = [np.load(bundle.path / f"{name}.npy") for bundle in (theirs, ours)]
        assert vectors[0].dtype == vectors[1].dtype
        assert np.abs(vectors[0].astype(np.float32) - vectors[1]).max() < 1e-3
    run_self_test(ours, "cpu")


@pytest.mark.slow
def test_geoclip_without_torch_is_the_exported_one(clip, graphs, tmp_path):
    pytest.importorskip("geoclip")
    graphs("clip", "fp32")
    write_csv(tmp_path / "g.csv", [("LAT", "LON"), (1, 2), (48.5, 2.25), (-33.5, 151), (1, 2)])
    theirs = exported(
        "geoclip", tmp_path / "b", clip, "--name", "b", "--gallery", str(tmp_path / "g.csv")
    )
    release = geoclip_release(tmp_path / "g.csv")
    ours = filled(tmp_path, checkpoint_of(clip), release, source="geoclip",
                  gallery=str(tmp_path / "g.csv"))  # fmt: skip
    for graph in ("model.onnx", "gps.onnx", "location.onnx"):
        check_same_graph(theirs.path / graph, ours.path / graph)
    check_same_card(theirs, ours)
    assert (theirs.path / "gallery.csv").read_bytes() == (ours.path / "gallery.csv").read_bytes()
    vectors = [np.load(bundle.path / "gallery.npy") for bundle in (theirs, ours)]
    assert np.abs(vectors[0] - vectors[1]).max() < 1e-6
    alone = make_location(release, tmp_path)
    gps = [[48.5, 2.25], [-33.5, 151]]
    assert np.array_equal(
        LocationEncoder(alone)(gps), LocationEncoder(ours.path / "location.onnx")(gps)
    )


def geoclip_release(points):
    from training.models.location_encoder import published_weights

    parts = {"mlp": "image_encoder_mlp", "location": "location_encoder"}
    tensors = {
        f"{part}.{name}": values.numpy()
        for part, file in parts.items()
        for name, values in published_weights(file).items()
    }
    scale = float(published_weights("logit_scale")["logit_scale"].exp())
    return GeoClipRelease(Tensors(tensors), scale, points, "package geoclip 1.3.0")


def open_clip_names(tensors):
    """A checkpoint of OpenCLIP, written the other way round than it is read."""
    found = {"logit_scale": tensors["logit_scale"]}
    for side, prefix in (("vision_model", "visual."), ("text_model", "")):
        for name, values in tensors.items():
            if not name.startswith(f"{side}.encoder.layers."):
                continue
            layer, rest = name.removeprefix(f"{side}.encoder.layers.").split(".", 1)
            block = f"{prefix}transformer.resblocks.{layer}"
            if rest.startswith("self_attn.q_proj."):
                kind = rest.rpartition(".")[2]
                joined = [tensors[name.replace("q_proj", f"{one}_proj")] for one in "qkv"]
                found[f"{block}.attn.in_proj_{kind}"] = np.concatenate(joined)
            for ours, theirs in (("self_attn.out_proj", "attn.out_proj"), ("layer_norm1", "ln_1"),
                                 ("layer_norm2", "ln_2"), ("mlp.fc1", "mlp.c_fc"),
                                 ("mlp.fc2", "mlp.c_proj")):  # fmt: skip
                if rest.startswith(f"{ours}."):
                    found[f"{block}.{theirs}.{rest.rpartition('.')[2]}"] = values
    image, text = "vision_model.embeddings.", "text_model.embeddings."
    for theirs, ours in {
        "visual.class_embedding": f"{image}class_embedding",
        "visual.conv1.weight": f"{image}patch_embedding.weight",
        "visual.positional_embedding": f"{image}position_embedding.weight",
        "positional_embedding": f"{text}position_embedding.weight",
        "token_embedding.weight": f"{text}token_embedding.weight",
        "visual.ln_pre.weight": "vision_model.pre_layrnorm.weight",
        "visual.ln_pre.bias": "vision_model.pre_layrnorm.bias",
        "visual.ln_post.weight": "vision_model.post_layernorm.weight",
        "visual.ln_post.bias": "vision_model.post_layernorm.bias",
        "ln_final.weight": "text_model.final_layer_norm.weight",
        "ln_final.bias": "text_model.final_layer_norm.bias",
    }.items():
        found[theirs] = tensors[ours]
    found["visual.proj"] = tensors["visual_projection.weight"].T
    found["text_projection"] = tensors["text_projection.weight"].T
    return found


@pytest.mark.parametrize("text_prefix", ["", "text."])
def test_weights_of_openclip_fill_the_same_graphs(clip, graphs, tmp_path, text_prefix):
    graphs("clip", "fp32")
    ours = load_file(clip / "model.safetensors")
    theirs = {
        name if name.startswith(("visual.", "logit_")) else text_prefix + name: values
        for name, values in open_clip_names(ours).items()
    }
    config = read_config(clip)
    for number, tower in enumerate(read_towers(config, "tiny")):
        template = tower_template(tower, "fp32")
        for kind, tensors in (("a", ours), ("b", theirs)):
            pixels = graph_template.pixel_tensors([0.5] * 3, [0.25] * 3)
            template.fill(RenamedTensors(Tensors(tensors), pixels), tmp_path / f"{kind}.onnx")
            (tmp_path / template.table.data_file).rename(tmp_path / f"{kind}{number}.data")
        assert (tmp_path / f"a{number}.data").read_bytes() == (
            tmp_path / f"b{number}.data"
        ).read_bytes()
    assert needed_tensors(config, set(theirs), True, "x") == set(theirs)
    assert needed_tensors(config, set(ours), True, "x") == set(ours)
    assert needed_tensors(config, set(ours), False, "x") == {
        name for name in ours if name.startswith("vis")
    }
    with pytest.raises(UsageError, match=r"lacks 1 tensors .* visual\.proj"):
        needed_tensors(config, set(theirs) - {"visual.proj"}, True, "x")


SHIPPED = [
    pytest.param(tower, precision, id=f"{tower.name}-{precision}")
    for tower in templates.TOWERS
    for precision in templates.PRECISIONS[tower.side]
    if (graph_template.FOLDER / f"{tower.name}-{precision}.zip").is_file()
]


def test_the_graphs_in_the_package_are_of_known_towers():
    names = {parameter.id for parameter in SHIPPED}
    names |= {graph_template.GEOCLIP_HEAD, graph_template.GEOCLIP_LOCATION}
    assert {path.name for path in graph_template.FOLDER.iterdir()} == {f"{n}.zip" for n in names}


@pytest.mark.parametrize(("tower", "precision"), SHIPPED)
def test_a_shipped_table_names_every_tensor_of_its_tower(tower, precision):
    with torch.device("meta"):
        model = transformers.AutoModel.from_config(templates.tower_config(tower))
    prefixes = ("vision_", "visual_") if tower.side == "image" else "text_"
    shapes = {
        name: tuple(values.shape)
        for name, values in model.state_dict().items()
        if name.startswith(prefixes)
    }
    table = tower_template(tower, precision).table
    used = {weight.tensor: weight.shape for weight in table.weights}
    for name in ("pixel_mean", "pixel_deviation"):
        assert used.pop(name, (1, 3, 1, 1)) == (1, 3, 1, 1)
    assert used == shapes
    assert read_towers(model.config.to_dict(), "x")[tower.side == "text"] == tower


EXPORTED = [
    tower
    for tower in templates.TOWERS
    if tower.name in ("clip-image-12x768-patch32-224-quick_gelu", "clip-text-12x512-49408x77-gelu")
]


@pytest.mark.slow
@pytest.mark.parametrize("tower", EXPORTED, ids=lambda tower: tower.name)
def test_a_shipped_graph_is_the_exported_one(tower, tmp_path):
    """With other weights than those it was made with, bit for bit."""
    for graph in templates.tower_graphs(tower, 5, tmp_path):
        template = tower_template(tower, graph.name.rpartition("-")[2])
        assert templates.make_template(graph).table == template.table
        template.fill(Tensors(graph.tensors), tmp_path / "filled.onnx")
        check_same_graph(graph.file, tmp_path / "filled.onnx")


LARGEST_ERROR = {"fp32": 1e-5, "fp16": 2e-3, "int8": 0.05}
"""Of the numbers of vectors of length 1."""


@pytest.mark.slow
@pytest.mark.parametrize("tower", templates.TOWERS, ids=lambda tower: tower.name)
def test_a_shipped_graph_computes_what_pytorch_does(tower, tmp_path):
    """At full size, without an export."""
    network, random = templates.random_network(tower, 5), np.random.default_rng(0)
    if tower.side == "image":
        pixels = templates.RandomPixels.make(5)
        tensors = {**network.tensors, **pixels.tensors}
        size = (2, tower.size_px, tower.size_px, 3)
        inputs = {"pixels": random.integers(0, 256, size, np.uint8)}
        module = ImageTowerModule(network.model, pixels)
    else:
        tensors = network.tensors
        inputs = {"tokens": random.integers(0, tower.vocabulary, (2, tower.length))}
        module = TextTowerModule(network.model)
    with torch.inference_mode():
        computed = module(*map(torch.from_numpy, inputs.values()))
    expected = (computed if tower.side == "text" else computed[-1]).numpy()
    file = tmp_path / "filled.onnx"
    for precision in templates.PRECISIONS[tower.side]:
        tower_template(tower, precision).fill(Tensors(tensors), file)
        found = ort.InferenceSession(file).run(None, inputs)[-1]
        assert np.abs(found - expected).max() <= LARGEST_ERROR[precision], precision
    for one in tmp_path.iterdir():
        one.unlink()
