"""Networks as ONNX graphs: written for the export, or run on a CPU faster than by torch."""

from __future__ import annotations

import contextlib
import copy
import io
import warnings
from typing import TYPE_CHECKING

import onnxruntime as ort
import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from torch import nn


def save_onnx(
    network: nn.Module, size_px: int, file: Path, outputs: Sequence[str], opset: int = 20
) -> None:
    """Writes the graph of a network.

    Args:
        network: Maps uint8 pixels [B, S, S, 3] to one tensor for each output.
        size_px: S.
        file: The graph. Its input is `pixels`, with B free.
        outputs: The names of the outputs.
        opset: The version of the ONNX operators.
    """
    pixels = torch.zeros(2, size_px, size_px, 3, dtype=torch.uint8)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # from the exporter itself
        torch.onnx.export(
            network.eval(),
            (pixels,),
            file,
            input_names=["pixels"],
            output_names=list(outputs),
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            opset_version=opset,
            external_data=False,
            verbose=False,
        )


def run_by_onnx(
    network: nn.Module, method: str, size_px: int, file: Path, threads: int
) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """Runs a method of a network by ONNX Runtime on the CPU.

    Args:
        network: The network; it is not changed.
        method: Maps uint8 pixels [B, S, S, 3] to float32 [B, ...].
        size_px: S.
        file: Gets the graph.
        threads: CPU threads.

    Returns:
        The method as a function of numpy arrays.
    """
    network = copy.deepcopy(network).eval()
    network.forward = getattr(network, method)
    save_onnx(network, size_px, file, ["values"])
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    return lambda pixels: session.run(None, {"pixels": pixels})[0]
