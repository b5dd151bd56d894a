"""The reader of scripts: its backbone is that of the package, its graph computes what it does."""

# ruff: noqa: RUF001  letters of other scripts look like Latin ones, on purpose

from importlib.resources import as_file, files

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx.utils import Extractor

from export.text_reader import MAX_DIFFERENCE, compare, write_graph
from geotagger.text.ocr.reader import RECOGNITION
from training.eval.text_scores import fit_temperature, read_line, score_lines
from training.models.line_backbone import LineBackbone, load_line_backbone
from training.models.text_reader_network import TextReaderNetwork
from training.synthetic.text_lines import Line

ALPHABET = "абвгд"


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return TextReaderNetwork(LineBackbone(), len(ALPHABET)).eval()


def test_the_backbone_computes_what_the_package_does(tmp_path):
    with as_file(files("rapidocr").joinpath("models", RECOGNITION)) as file:
        model = onnx.shape_inference.infer_shapes(onnx.load(file))
    (pooling,) = [node for node in model.graph.node if node.op_type == "AveragePool"]
    part = Extractor(model).extract_model([model.graph.input[0].name], [pooling.input[0]])
    onnx.save(part, tmp_path / "backbone.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "backbone.onnx")
    lines = np.random.default_rng(0).uniform(-1, 1, (2, 3, 48, 96)).astype(np.float32)
    (expected,) = session.run(None, {session.get_inputs()[0].name: lines})
    with torch.no_grad():
        found = load_line_backbone().eval()(torch.from_numpy(lines)).numpy()
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("width", [16, 97, 640])
def test_there_are_classes_for_every_four_pixels(network, width):
    with torch.no_grad():
        probabilities = network(torch.zeros(2, 3, 48, width))
    assert probabilities.shape == (2, -(-width // 4), 1 + len(ALPHABET))
    assert probabilities.sum(2).numpy() == pytest.approx(1, abs=1e-5)


@pytest.mark.slow
def test_the_graph_computes_what_the_network_does(network, tmp_path):
    write_graph(network, tmp_path / "model.onnx")
    assert compare(network, tmp_path / "model.onnx") < MAX_DIFFERENCE


def test_lines_are_scored_and_confidence_is_fitted(network):
    random = np.random.default_rng(0)
    lines = [
        Line(random.integers(0, 256, (48, 160, 3), np.uint8), text, "Cyrl") for text in ("аб", "вг")
    ]
    read = [read_line(network, line, ALPHABET) for line in lines]
    assert all(len(some.logits) == len(some.symbols) for some in read)
    (scores,) = score_lines(network, lines, ALPHABET).values()
    assert scores["lines"] == 2
    assert scores["character_errors"] > 0
    assert 0.5 <= fit_temperature(network, lines, ALPHABET) <= 6
    certain = [
        Line(line.pixels, some.symbols, "Cyrl") for line, some in zip(lines, read, strict=True)
    ]
    assert fit_temperature(network, certain, ALPHABET) == 0.5
