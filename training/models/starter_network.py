"""The starter network: EfficientNet-Lite backbones, global mean, one layer over cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from training.models.efficientnet_lite import MEAN, SCALE, lite_stages

if TYPE_CHECKING:
    from collections.abc import Sequence

TINY = "tiny"
"""A random backbone for trying a recipe out in seconds."""


class StarterNetwork(nn.Module):
    """Maps upright RGB pixels to logits over cells.

    The backbones keep their pretrained weights, and all see the same square. Their outputs are
    averaged over the picture and concatenated (the *features*), then scored by `cells`, the layer
    of cell_layer.py.

    Attributes:
        width: The number D of features.
    """

    def __init__(
        self, backbones: Sequence[str], cells: nn.Module | None = None, pretrained: bool = True
    ) -> None:
        super().__init__()
        self.backbones = nn.ModuleList(
            _tiny_stages() if name == TINY else lite_stages(name, pretrained) for name in backbones
        )
        self.eval()
        with torch.no_grad():
            self.width = self.features(torch.zeros(1, 32, 32, 3, dtype=torch.uint8)).shape[1]
        self.cells = cells or nn.Identity()

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        """Maps uint8 pixels [B, S, S, 3] to features [B, D]."""
        planes = (pixels.permute(0, 3, 1, 2).float() - MEAN) / SCALE
        means = [backbone(planes).mean(dim=(2, 3)) for backbone in self.backbones]
        return torch.cat(means, dim=1)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Maps uint8 pixels [B, S, S, 3] to logits [B, cells]."""
        return self.cells(self.features(pixels))


def _tiny_stages() -> nn.Sequential:
    def stage(inputs: int, outputs: int) -> nn.Sequential:
        return nn.Sequential(nn.Conv2d(inputs, outputs, 3, 2, 1), nn.ReLU6())

    return nn.Sequential(stage(3, 8), stage(8, 16), stage(16, 32))
