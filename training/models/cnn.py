"""Convolutional classifiers of places (GeoScope, GeoSpottr).

A network is a sequence of stages, then heads. The stages below `split` stay as pretrained,
including their batch statistics, so their output can be computed once for each photo.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from geotagger.errors import UsageError
from training.models.backbones import GlobalAveragePool

if TYPE_CHECKING:
    from training.models.backbones import Backbone

LOGITS, DEGREES = "class_logits", "degrees"
"""The outputs of the network."""

SPAN_DEGREES = (45.0, 90.0)
"""The unit of the coordinate head (lat, lon), so that its values are about 1."""


class PlaceNetwork(nn.Module):
    """Maps photos to logits [B, K], and optionally to coordinates [B, 2].

    An input is uint8 pixels [B, S, S, 3], or the output of `frozen`.
    """

    def __init__(
        self, backbone: Backbone, class_count: int, coordinates: bool = False, hidden: int = 0
    ) -> None:
        """Makes the network.

        Args:
            backbone: The stages.
            class_count: K.
            coordinates: Adds the coordinate head.
            hidden: Units of a layer before the logits; 0 for none.
        """
        super().__init__()
        self.stages = backbone.stages
        self.split = 0
        shape = (1, 3, 1, 1)
        self.register_buffer("mean", torch.tensor(backbone.mean).expand(3).reshape(shape).clone())
        self.register_buffer("scale", torch.tensor(backbone.scale).expand(3).reshape(shape).clone())
        self.classes = _head(backbone.width, (hidden,) if hidden else (), class_count)
        self.coordinates = _head(backbone.width, (256, 128), 2) if coordinates else None
        self._pretrained = backbone.pretrained

    def frozen(self, pixels: torch.Tensor) -> torch.Tensor:
        """Maps uint8 pixels [B, S, S, 3] to the output [B, ...] of the stages below `split`."""
        planes = (pixels.permute(0, 3, 1, 2).float() - self.mean) / self.scale
        return self.stages[: self.split](planes)

    def features(self, inputs: torch.Tensor) -> torch.Tensor:
        """Maps pixels, or the output of `frozen`, to features [B, width]."""
        values = self.frozen(inputs) if inputs.dtype == torch.uint8 else inputs
        return self.stages[self.split :](values)

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Maps pixels, or frozen values, to (logits [B, K],) or (logits, degrees [B, 2])."""
        features = self.features(inputs)
        logits = self.classes(features)
        if self.coordinates is None:
            return (logits,)
        span = torch.tensor(SPAN_DEGREES, device=self.mean.device)
        return logits, self.coordinates(features) * span

    def freeze(self, mode: str, last_stages: int = 1) -> int:
        """Chooses what is trained.

        Args:
            mode: `head`: the heads, and stages without pretrained weights. `last`: also the last
                pretrained stages. `all`: everything.
            last_stages: The number of stages for `last`.

        Returns:
            The number of parameters that are trained.

        Raises:
            UsageError: No stage is pretrained, so nothing would be frozen.
        """
        pretrained = self._pretrained
        self.split = {"head": pretrained, "last": max(0, pretrained - last_stages), "all": 0}[mode]
        if mode != "all" and not self.split:
            raise UsageError(f"train {mode}: this network has no pretrained stages to keep")
        if mode == "head" and isinstance(self.stages[self.split], GlobalAveragePool):
            self.split += 1  # [B, width] is far smaller to cache than planes
        for number, stage in enumerate(self.stages):
            stage.requires_grad_(number >= self.split)
        return sum(p.numel() for p in self.parameters() if p.requires_grad)

    def train(self, mode: bool = True) -> PlaceNetwork:
        """Pretrained stages keep their batch statistics unless everything is trained.

        Fine-tuning sets are small, and their batch statistics would be poor.
        """
        super().train(mode)
        if self.split:
            for stage in self.stages[: self._pretrained]:
                stage.eval()
        return self


def _head(width: int, hidden: tuple[int, ...], outputs: int) -> nn.Sequential:
    layers: list[nn.Module] = [] if hidden else [nn.Dropout(0.25)]
    for number, units in enumerate(hidden):
        layers += [nn.Linear(width, units), nn.ReLU()] + [nn.Dropout(0.3)] * (number == 0)
        width = units
    return nn.Sequential(*layers, nn.Linear(width, outputs))
