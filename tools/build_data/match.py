"""Build geotagger/data/match.onnx, the graph that matches embeddings with a gallery.

    python -m tools.build_data.match

The gallery is an input, so any gallery can be bound, and it stays on the device between runs.
Inputs: the embeddings of photos [B, D], the gallery [G, D], the scale of the cosines, and for each
row of the gallery its logit offset (`log_prior`) and a further offset in the normalising sum
(`log_weight`). Outputs: the logits [B, G], and the rows and probabilities of the best k [B, K].
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tools.build_data import DATA

FLOAT, WHOLE = TensorProto.FLOAT, TensorProto.INT64


def make() -> onnx.ModelProto:
    node, value = helper.make_node, helper.make_tensor_value_info
    nodes = [
        node("Mul", ["embedding", "scale"], ["scaled"]),
        node("Gemm", ["scaled", "gallery"], ["matched"], transB=1),
        node("Add", ["matched", "log_prior"], ["logits"]),
        node(
            "TopK",
            [
                "logits",
                "k",
            ],
            ["best", "rows"],
        ),
        node("Add", ["logits", "log_weight"], ["counted"]),
        node("ReduceMax", ["counted", "last"], ["most"]),
        node("Sub", ["counted", "most"], ["below"]),
        node("Exp", ["below"], ["shares"]),
        node("ReduceSum", ["shares", "last"], ["all"]),
        node("Sub", ["best", "most"], ["best_below"]),
        node("Exp", ["best_below"], ["best_shares"]),
        node("Div", ["best_shares", "all"], ["probabilities"]),
    ]
    graph = helper.make_graph(
        nodes,
        "match",
        [
            value("embedding", FLOAT, ["B", "D"]),
            value("gallery", FLOAT, ["G", "D"]),
            value("scale", FLOAT, []),
            value("log_prior", FLOAT, ["G"]),
            value("log_weight", FLOAT, ["G"]),
            value("k", WHOLE, [1]),
        ],
        [
            value("logits", FLOAT, ["B", "G"]),
            value("rows", WHOLE, ["B", "K"]),
            value("probabilities", FLOAT, ["B", "K"]),
        ],
        [numpy_helper.from_array(np.array([-1]), "last")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=DATA, help="folder of the tables")
    onnx.save(make(), parser.parse_args().out / "match.onnx")


if __name__ == "__main__":
    main()
