"""The packaged reader's weights come back out of its graph."""

import json
from importlib.resources import as_file

import pytest
import torch
from onnx import TensorProto, helper, save

from export.text_reader import compare
from geotagger.text.ocr.script_reader import FOLDER
from training.models.line_backbone import LineBackbone
from training.models.text_reader_graph import read_reader_graph
from training.models.text_reader_network import TextReaderNetwork
from training.train_text_reader import Training


def test_the_network_computes_what_the_packaged_graph_does():
    symbols = json.loads(FOLDER.joinpath("card.json").read_text("utf-8"))["symbols"]
    network = TextReaderNetwork(LineBackbone(), len(symbols)).eval()
    with as_file(FOLDER.joinpath("model.onnx")) as file:
        network.load_state_dict(read_reader_graph(file, network))
        assert compare(network, file) < 1e-3


def test_training_goes_on_from_the_packaged_reader():
    torch.manual_seed(0)
    known = json.loads(FOLDER.joinpath("card.json").read_text("utf-8"))["symbols"]
    training = Training(3, 1.0)
    with as_file(FOLDER) as folder:
        training.begin_with(folder, [known[7], "no symbol", known[2]])
        stored = read_reader_graph(folder / "model.onnx", training.network)
    training.keep_norm()
    assert not training.network.norm.training
    assert torch.equal(
        training.network.classify.weight[[0, 1, 3]], stored["classify.weight"][[0, 8, 3]]
    )
    assert torch.equal(training.average.norm.bias, stored["norm.bias"])


def test_another_graph_is_refused(tmp_path):
    lines = helper.make_tensor_value_info("lines", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Relu", ["lines"], ["out"])], "g", [lines], [lines])
    save(helper.make_model(graph), tmp_path / "model.onnx")
    with pytest.raises(ValueError, match="no reader of scripts"):
        read_reader_graph(tmp_path / "model.onnx", Training(3, 1.0).network)
