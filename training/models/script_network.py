"""The classifier of scripts (writing systems)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from geotagger.text.ocr.script_classifier import HEIGHT_PX
from training.synthetic.script_examples import SCRIPTS

if TYPE_CHECKING:
    from pathlib import Path

WIDTHS = (24, 40, 64, 112)
"""Channels of the stages."""


CLASSES = (*SCRIPTS, "other")


class ScriptNetwork(nn.Module):
    """Maps a line of text to the probabilities of its script.

    Convolutions over the grey line are followed by attention pooling, so that lines of every width
    can be used.
    """

    def __init__(self) -> None:
        super().__init__()
        one, two, three, four = WIDTHS
        self.layers = nn.Sequential(
            _convolution(1, one, 2),
            _convolution(one, two, 2),
            _Block(two),
            _convolution(two, three, 2),
            _Block(three),
            _convolution(three, four, 1),
            _convolution(four, four, 1),
        )
        self.attention = nn.Conv2d(four, 1, 1)
        self.dropout = nn.Dropout(0.2)
        self.classifier = nn.Linear(2 * four, len(CLASSES))
        self.register_buffer("temperature", torch.ones(()))

    def logits(self, lines: torch.Tensor) -> torch.Tensor:
        """Maps grey uint8 lines [n, 32, w] to float32 logits [n, classes]."""
        grey = lines.float().unsqueeze(1)
        mean = grey.mean(dim=(2, 3), keepdim=True)
        deviation = ((grey - mean) ** 2).mean(dim=(2, 3), keepdim=True).sqrt()
        features = self.layers((grey - mean) / (deviation + 4)).flatten(2)
        weights = torch.softmax(self.attention(features.unsqueeze(-1)).flatten(1), dim=1)
        pooled = (features * weights.unsqueeze(1)).sum(dim=2)
        return self.classifier(self.dropout(torch.cat([pooled, features.amax(dim=2)], dim=1)))

    def forward(self, lines: torch.Tensor) -> torch.Tensor:
        """Maps grey uint8 lines [n, 32, w] to float32 probabilities [n, classes]."""
        return torch.softmax(self.logits(lines) / self.temperature, dim=1)


def _convolution(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())


class _Block(nn.Module):
    """Two convolutions with a residual connection."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.steps = nn.Sequential(_convolution(width, width, 1), _convolution(width, width, 1))

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        """Maps [n, C, h, w] to [n, C, h, w]."""
        return planes + self.steps(planes)


def save_script_onnx(network: ScriptNetwork, file: Path) -> None:
    """Writes the graph: grey uint8 `line` [n, 32, w] to float32 `probabilities` [n, classes]."""
    torch.onnx.export(
        network.eval(),
        (torch.zeros(2, HEIGHT_PX, 96, dtype=torch.uint8),),
        file,
        input_names=["line"],
        output_names=["probabilities"],
        dynamic_shapes=({0: torch.export.Dim("lines"), 2: torch.export.Dim("width")},),
        opset_version=20,
        external_data=False,
        verbose=False,
    )
