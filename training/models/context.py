"""The network of geolocation_clip: attributes of a place, and from them its coordinates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from training.models.cnn import SPAN_DEGREES
from training.models.towers import ClipTower

if TYPE_CHECKING:
    from collections.abc import Mapping

    from training.models.towers import Tower

DEGREES = "degrees"
PLACE_HEADS = ("country", "state", "county", "city")
"""These share two layers; climate and month read the tower's vector directly. The published system
covered one country, and had no head for it."""
ATTRIBUTE_HEADS = ("climate", "month")
HEADS = (*ATTRIBUTE_HEADS, *PLACE_HEADS)


def logits_name(head: str) -> str:
    """Returns the name of the ONNX output of a head."""
    return f"{head}_logits"


class ContextNetwork(nn.Module):
    """Maps photos to the logits of every head, in the order of HEADS, and to coordinates.

    An input is uint8 pixels [B, S, S, 3], or the output of `tower.frozen`.
    """

    def __init__(self, tower: Tower, classes: Mapping[str, int], use_context: bool) -> None:
        """Makes the network.

        Args:
            tower: The image tower.
            classes: Head -> number of classes. A data set without months has no head for them.
            use_context: Computes the coordinates from the tower's vector and the class
                probabilities of all heads; else from the vector alone.
        """
        super().__init__()
        self.tower, self.use_context = tower, use_context
        self.names = tuple(name for name in HEADS if name in classes)
        self.place = nn.Sequential(
            nn.Linear(tower.width, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU()
        )
        self.heads = nn.ModuleDict(
            {
                name: nn.Linear(256 if name in PLACE_HEADS else tower.width, classes[name])
                for name in self.names
            }
        )
        width = tower.width + (sum(classes[name] for name in self.names) if use_context else 0)
        hidden = (512,) if isinstance(tower, ClipTower) else (256, 128)
        layers: list[nn.Module] = []
        for units in hidden:
            layers += [nn.Linear(width, units), nn.ReLU()]
            width = units
        self.degrees = nn.Sequential(*layers, nn.Linear(width, 2))
        self.register_buffer("span", torch.tensor(SPAN_DEGREES))

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Maps pixels, or frozen values, to (logits [B, K] of each head, ..., degrees [B, 2])."""
        vector = self.tower(inputs)
        place = self.place(vector)
        logits = [self.heads[name](place if name in PLACE_HEADS else vector) for name in self.names]
        known = [vector]
        if self.use_context:
            known += [values.softmax(dim=1) for values in logits]
        return (*logits, self.degrees(torch.cat(known, dim=1)) * self.span)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the outputs, in their order."""
        return (*(logits_name(name) for name in self.names), DEGREES)
