"""geolocation_clip's network: what is around a place, and from it where the place is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from training.models.towers import ClipTower

if TYPE_CHECKING:
    from collections.abc import Mapping

    from training.models.towers import Tower

DEGREES = "degrees"
PLACE_HEADS = ("country", "state", "county", "city")
"""They share two layers; climate and month read the tower's vector itself. The published system
knew one country, and had no head for it."""
HEADS = ("climate", "month", *PLACE_HEADS)
SPAN = (45.0, 90.0)
"""The coordinate head speaks in parts of these degrees, so that its values are about 1."""


def logits_name(head: str) -> str:
    """Of the ONNX output."""
    return f"{head}_logits"


class ContextNetwork(nn.Module):
    """uint8 pixels [B, S, S, 3] -> logits of every head, as HEADS orders them, and degrees [B, 2].

    It also takes what `tower.frozen` gives. `classes` are the sizes of the heads there are; a data
    set that does not tell the month has no head for it. With `use_context` the coordinates are
    worked out of the tower's vector beside the shares that every head gives its classes, else of
    the vector alone.
    """

    def __init__(self, tower: Tower, classes: Mapping[str, int], use_context: bool) -> None:
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
        self.register_buffer("span", torch.tensor(SPAN))

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        vector = self.tower(inputs)
        place = self.place(vector)
        logits = [self.heads[name](place if name in PLACE_HEADS else vector) for name in self.names]
        known = [vector]
        if self.use_context:
            known += [values.softmax(dim=1) for values in logits]
        return (*logits, self.degrees(torch.cat(known, dim=1)) * self.span)

    @property
    def outputs(self) -> tuple[str, ...]:
        return (*(logits_name(name) for name in self.names), DEGREES)
