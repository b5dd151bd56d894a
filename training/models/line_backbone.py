"""The convolutions of PP-OCRv6's small line recogniser, with their published weights.

The package `rapidocr` carries the recogniser as ONNX (Apache-2.0). Its convolutions were trained on
tens of thousands of Chinese, Japanese and Latin characters. Their features serve other scripts too.
"""

from __future__ import annotations

from importlib.resources import as_file, files
from typing import TYPE_CHECKING

import onnx
import torch
from onnx import numpy_helper
from torch import nn
from torch.nn import functional

from geotagger.text.ocr.reader import RECOGNITION

if TYPE_CHECKING:
    from collections.abc import Iterator

STEM_CHANNELS, CHANNELS = 48, (96, 192, 384)
SQUEEZED = ((True, False, False), (True, False, True, False, True, False), (True, False))
"""Whether each block of each stage has squeeze-and-excitation."""


class _Stem(nn.Module):
    """Two strided convolutions, with a branch of small ones between."""

    def __init__(self) -> None:
        super().__init__()
        width = STEM_CHANNELS
        self.first = nn.Conv2d(3, width, 3, 2, 1)
        self.narrow = nn.Conv2d(width, width // 2, 2)
        self.wide = nn.Conv2d(width // 2, width, 2)
        self.second = nn.Conv2d(2 * width, width, 3, 2, 1)
        self.out = nn.Conv2d(width, CHANNELS[0], 1)

    def forward(self, lines: torch.Tensor) -> torch.Tensor:
        """Maps [n, 3, 48, w] to [n, 96, 12, w / 4]."""
        planes = functional.relu(self.first(lines))
        corner = (0, 1, 0, 1)
        branch = functional.relu(self.narrow(functional.pad(planes, corner)))
        branch = functional.relu(self.wide(functional.pad(branch, corner)))
        # ReLU before: no value is below the zeros of the padding
        pooled = functional.max_pool2d(functional.pad(planes, corner), 2, 1)
        planes = functional.relu(self.second(torch.cat([pooled, branch], dim=1)))
        return functional.relu(self.out(planes))


class _Squeeze(nn.Module):
    """Squeeze-and-excitation (Hu et al., CVPR 2018)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.down = nn.Conv2d(width, width // 4, 1)
        self.up = nn.Conv2d(width // 4, width, 1)

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        """Maps [n, C, h, w] to [n, C, h, w]."""
        weights = self.up(functional.relu(self.down(planes.mean((2, 3), keepdim=True))))
        return planes * functional.hardsigmoid(weights)


class _LineBlock(nn.Module):
    """A depthwise convolution, and two pointwise ones around a residual connection."""

    def __init__(self, width: int, squeezed: bool) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 3, 1, 1, groups=width)
        self.squeeze = _Squeeze(width) if squeezed else nn.Identity()
        self.widen = nn.Conv2d(width, 2 * width, 1)
        self.narrow = nn.Conv2d(2 * width, width, 1)

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        """Maps [n, C, h, w] to [n, C, h, w]."""
        planes = self.squeeze(self.depthwise(planes))
        return planes + self.narrow(functional.gelu(self.widen(planes)))


class _Downsample(nn.Module):
    """Halves the height and doubles the channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 3, (2, 1), 1, groups=width)
        self.widen = nn.Conv2d(width, 2 * width, 1)
        self.mix = nn.Conv2d(2 * width, 2 * width, 1)

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        """Maps [n, C, h, w] to [n, 2 C, h / 2, w]."""
        return self.mix(functional.gelu(self.widen(self.depthwise(planes))))


class LineBackbone(nn.Module):
    """Maps lines of text to features; a column for every four pixels of width.

    `early` holds the stem and the first two stages, `late` the last stage.
    """

    def __init__(self) -> None:
        super().__init__()
        stages = [
            [_LineBlock(width, squeezed) for squeezed in blocks]
            for width, blocks in zip(CHANNELS, SQUEEZED, strict=True)
        ]
        one, two, three = stages
        self.early = nn.Sequential(_Stem(), *one, _Downsample(CHANNELS[0]), *two)
        self.late = nn.Sequential(_Downsample(CHANNELS[1]), *three)

    def forward(self, lines: torch.Tensor) -> torch.Tensor:
        """Maps BGR lines [n, 3, 48, w], from -1 to 1, to features [n, 384, 3, w / 4]."""
        return self.late(self.early(lines))


def load_line_backbone() -> LineBackbone:
    """Returns the backbone with the weights of the package `rapidocr`.

    Raises:
        ValueError: The network in the package is another one.
    """
    backbone = LineBackbone()
    values = _convolution_values()
    with torch.no_grad():
        for module in backbone.modules():
            if isinstance(module, nn.Conv2d) and module.bias is not None:
                for parameter in (module.weight, module.bias):
                    stored = next(values)
                    if stored.numel() != parameter.numel():
                        raise ValueError(f"{RECOGNITION} of rapidocr is another network")
                    parameter.copy_(stored.reshape(parameter.shape))
    return backbone


def _convolution_values() -> Iterator[torch.Tensor]:
    """Yields weight and bias of each convolution, in order of the graph."""
    with as_file(files("rapidocr").joinpath("models", RECOGNITION)) as file:
        graph = onnx.load(file).graph
    stored = {tensor.name: tensor for tensor in graph.initializer}
    for node, after in zip(graph.node, graph.node[1:], strict=False):
        if node.op_type == "Conv":
            bias = [name for name in after.input if name in stored]
            for name in (node.input[1], *bias[:1]):
                yield torch.from_numpy(numpy_helper.to_array(stored[name]).copy())
