"""The starter network: EfficientNet-Lite backbones, global mean, one layer over cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from training.models.efficientnet_lite import MEAN, SCALE, lite_stages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TUNED = ":tuned"
"""The end of the name of a backbone that is tuned: "lite2:tuned"."""
TINY = "tiny"
"""A random backbone for trying a recipe out in seconds."""


class StarterNetwork(nn.Module):
    """Maps upright RGB pixels to logits over cells.

    All backbones see the same square. Their outputs are averaged over the picture and
    concatenated (the *features*), then scored by `cells`, the layer of cell_layer.py. A tuned
    backbone shares its frozen stages with the pretrained one of the same name, if that is there
    too, so that the graph computes them once.

    Attributes:
        widths: The number of features of each backbone; D in all.
    """

    def __init__(
        self,
        backbones: Sequence[str],
        cells: nn.Module | None = None,
        pretrained: bool = True,
        shared_stages: int = 0,
    ) -> None:
        """Makes the network.

        Args:
            backbones: Names, of which some may end in TUNED; their tuned weights are loaded later.
            cells: The layer over features.
            pretrained: Loads the ImageNet weights.
            shared_stages: How many stages are the same before and after tuning.
        """
        super().__init__()
        plain = {
            name: backbone_stages(name, pretrained) for name in backbones if not is_tuned(name)
        }
        self.backbones = nn.ModuleList(
            _tuned_stages(name, plain, pretrained, shared_stages) if is_tuned(name) else plain[name]
            for name in backbones
        )
        self.eval()
        with torch.no_grad():
            means = self._means(torch.zeros(1, 32, 32, 3, dtype=torch.uint8))
        self.widths = [mean.shape[1] for mean in means]
        self.cells = cells or nn.Identity()

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        """Maps uint8 pixels [B, S, S, 3] to features [B, D]."""
        return torch.cat(self._means(pixels), dim=1)

    def _means(self, pixels: torch.Tensor) -> list[torch.Tensor]:
        planes = (pixels.permute(0, 3, 1, 2).float() - MEAN) / SCALE
        return [backbone(planes).mean(dim=(2, 3)) for backbone in self.backbones]

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Maps uint8 pixels [B, S, S, 3] to logits [B, cells]."""
        return self.cells(self.features(pixels))


def is_tuned(name: str) -> bool:
    """Whether the name is that of a tuned backbone."""
    return name.endswith(TUNED)


def base_name(name: str) -> str:
    """Returns the name of the pretrained backbone."""
    return name.removesuffix(TUNED)


def _tuned_stages(
    name: str, plain: Mapping[str, nn.Sequential], pretrained: bool, shared_stages: int
) -> nn.Sequential:
    stages = backbone_stages(base_name(name), pretrained)
    sibling = plain.get(base_name(name))
    shared = [] if sibling is None else list(sibling[:shared_stages])
    return nn.Sequential(*shared, *stages[len(shared) :])


def backbone_stages(name: str, pretrained: bool) -> nn.Sequential:
    """Makes the stages of a backbone: lite0, lite1, lite2 or TINY."""
    return _tiny_stages() if name == TINY else lite_stages(name, pretrained)


def _tiny_stages() -> nn.Sequential:
    def stage(inputs: int, outputs: int) -> nn.Sequential:
        return nn.Sequential(nn.Conv2d(inputs, outputs, 3, 2, 1), nn.ReLU6())

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # the same weights each time, as those of pretrained backbones
        return nn.Sequential(stage(3, 8), stage(8, 16), stage(16, 32))
