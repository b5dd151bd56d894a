"""Takes the weights of a packaged reader of scripts back out of its graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import torch
from onnx import numpy_helper

if TYPE_CHECKING:
    from pathlib import Path

    from training.models.text_reader_network import TextReaderNetwork

FOLDED_BIAS = "join.weight_bias"
"""The export folds batch normalisation into the convolution before it."""


def read_reader_graph(file: Path, network: TextReaderNetwork) -> dict[str, torch.Tensor]:
    """Returns the state of a network that computes what the graph does.

    Its weights are those of half precision. The alphabet may have another size than that of
    `network`. Batch normalisation, which the graph no longer has, becomes a mere bias: its
    statistics must stay as they are if the network learns on.

    Args:
        file: Written by `export.text_reader`.
        network: Has the names and the shapes of the state.

    Raises:
        ValueError: The graph is another one.
    """
    graph = onnx.load(file).graph
    stored = {
        tensor.name.removesuffix(".half"): torch.from_numpy(
            np.array(numpy_helper.to_array(tensor), np.float32)
        )
        for tensor in graph.initializer
    }
    stored |= _linear_weights(graph, stored)
    stored |= _unfolded_norm(stored, network)
    state = network.state_dict()
    lacking = sorted(set(state) - set(stored))
    if lacking:
        raise ValueError(f"{file} is no reader of scripts: it lacks {', '.join(lacking)}.")
    return {name: stored[name].reshape(_shape(stored[name], like)) for name, like in state.items()}


def _linear_weights(
    graph: onnx.GraphProto, stored: dict[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """The matrices, which lost their names: each is known by the bias that is added after it."""
    products = {node.output[0]: node.input[1] for node in graph.node if node.op_type == "MatMul"}
    weights = {}
    for node in graph.node:
        if node.op_type == "Add":
            biases = [name for name in node.input if name.endswith(".bias")]
            factors = [products[name] for name in node.input if name in products]
            if biases and factors:
                weights[biases[0].replace(".bias", ".weight")] = stored[factors[0]].T.contiguous()
    return weights


def _unfolded_norm(
    stored: dict[str, torch.Tensor], network: TextReaderNetwork
) -> dict[str, torch.Tensor]:
    """Batch normalisation that only adds the bias of the graph."""
    if FOLDED_BIAS not in stored:
        return {}
    bias = stored[FOLDED_BIAS]
    return {
        "norm.weight": torch.full_like(bias, (1 + network.norm.eps) ** 0.5),
        "norm.bias": bias,
        "norm.running_mean": torch.zeros_like(bias),
        "norm.running_var": torch.ones_like(bias),
        "norm.num_batches_tracked": torch.zeros((), dtype=torch.int64),
    }


def _shape(values: torch.Tensor, like: torch.Tensor) -> torch.Size:
    """The shape of a parameter; that of the values if they belong to another alphabet."""
    return like.shape if values.numel() == like.numel() else values.shape
