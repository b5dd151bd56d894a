"""Convolutional networks that tell classes of places apart (GeoScope, GeoSpottr).

A network is a row of stages, then heads. How much of it is trained is a number: stages below
`split` stay as pretrained, their batch statistics included, and their output can be worked out once
for each photo.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from geotagger.errors import UsageError
from training.models.backbones import Pool

if TYPE_CHECKING:
    from training.models.backbones import Trunk

LOGITS, DEGREES = "class_logits", "degrees"
"""The outputs of the network."""


class PlaceNetwork(nn.Module):
    """uint8 pixels [B, S, S, 3] -> logits [B, K], and with `coordinates` degrees [B, 2] as well.

    It also takes what `frozen` gives, for photos that are seen more than once.
    """

    def __init__(
        self, trunk: Trunk, class_count: int, coordinates: bool = False, hidden: int = 0
    ) -> None:
        """`hidden` units stand between trunk and logits; 0 for one linear layer."""
        super().__init__()
        self.stages = trunk.stages
        self.split = 0
        shape = (1, 3, 1, 1)
        self.register_buffer("mean", torch.tensor(trunk.mean).expand(3).reshape(shape).clone())
        self.register_buffer("scale", torch.tensor(trunk.scale).expand(3).reshape(shape).clone())
        self.classes = _head(trunk.width, (hidden,) if hidden else (), class_count)
        self.coordinates = _head(trunk.width, (256, 128), 2) if coordinates else None
        self._pretrained = trunk.pretrained

    def frozen(self, pixels: torch.Tensor) -> torch.Tensor:
        """What the stages below `split` make of uint8 [B, S, S, 3]."""
        planes = (pixels.permute(0, 3, 1, 2).float() - self.mean) / self.scale
        return self.stages[: self.split](planes)

    def features(self, inputs: torch.Tensor) -> torch.Tensor:
        """[B, width] of pixels, or of what `frozen` gave."""
        values = self.frozen(inputs) if inputs.dtype == torch.uint8 else inputs
        return self.stages[self.split :](values)

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        features = self.features(inputs)
        logits = self.classes(features)
        if self.coordinates is None:
            return (logits,)
        return logits, self.coordinates(features) * self.coordinates_span

    @property
    def coordinates_span(self) -> torch.Tensor:
        """The coordinate head speaks in parts of these degrees, so that its values are about 1."""
        return torch.tensor([45.0, 90.0], device=self.mean.device)

    def freeze(self, how: str, last_stages: int = 1) -> int:
        """Trains the heads alone (`head`, with whatever has no pretrained weights), also the `last`
        pretrained stages, or `all`. Returns how many numbers are trained.

        Raises:
            UsageError: nothing would be frozen though it was asked for.
        """
        body = self._pretrained
        self.split = {"head": body, "last": max(0, body - last_stages), "all": 0}[how]
        if how != "all" and not self.split:
            raise UsageError(f"train {how}: this network has no pretrained stages to keep")
        if how == "head" and isinstance(self.stages[self.split], Pool):
            self.split += 1  # [B, width] is far less to keep than planes
        for number, stage in enumerate(self.stages):
            stage.requires_grad_(number >= self.split)
        return sum(p.numel() for p in self.parameters() if p.requires_grad)

    def train(self, mode: bool = True) -> PlaceNetwork:
        """Pretrained stages keep their batch statistics unless everything is trained: the photos
        that the last stages are fitted to are few, and statistics of few photos are poor."""
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
