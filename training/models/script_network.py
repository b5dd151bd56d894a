"""The network that tells scripts apart."""

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
    """Convolutions over a grey line, then attention over what they see (a weighted mean, so that
    lines of every width will do), then probabilities."""

    def __init__(self) -> None:
        super().__init__()
        one, two, three, four = WIDTHS
        self.see = nn.Sequential(
            _step(1, one, 2),
            _step(one, two, 2),
            _Block(two),
            _step(two, three, 2),
            _Block(three),
            _step(three, four, 1),
            _step(four, four, 1),
        )
        self.attend = nn.Conv2d(four, 1, 1)
        self.dropout = nn.Dropout(0.2)
        self.name = nn.Linear(2 * four, len(CLASSES))
        self.register_buffer("temperature", torch.ones(()))

    def logits(self, lines: torch.Tensor) -> torch.Tensor:
        """float32 [n, classes] of grey uint8 [n, 32, w]."""
        grey = lines.float().unsqueeze(1)
        mean = grey.mean(dim=(2, 3), keepdim=True)
        spread = ((grey - mean) ** 2).mean(dim=(2, 3), keepdim=True).sqrt()
        seen = self.see((grey - mean) / (spread + 4)).flatten(2)
        where = torch.softmax(self.attend(seen.unsqueeze(-1)).flatten(1), dim=1)
        mixed = (seen * where.unsqueeze(1)).sum(dim=2)
        return self.name(self.dropout(torch.cat([mixed, seen.amax(dim=2)], dim=1)))

    def forward(self, lines: torch.Tensor) -> torch.Tensor:
        return torch.softmax(self.logits(lines) / self.temperature, dim=1)


def _step(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.steps = nn.Sequential(_step(width, width, 1), _step(width, width, 1))

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        return planes + self.steps(planes)


def save_onnx(network: ScriptNetwork, file: Path) -> None:
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
