"""A backbone whose last stages learn, with heads over cells that serve to teach it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import dropout, normalize

from training.models.efficientnet_lite import MEAN, SCALE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self


class CellHeads(nn.Module):
    """Two heads over cells, or the first alone.

    The first is linear. The second compares the photo with the location embeddings of the cells
    (GeoCLIP, Vivanco Cepeda et al. 2023), so that cells of similar places share what they learn.
    """

    embeddings: torch.Tensor

    def __init__(
        self,
        width: int,
        cell_count: int,
        embeddings: torch.Tensor | None = None,
        dropout_share: float = 0.0,
    ) -> None:
        """Makes the heads.

        Args:
            width: The number D of features.
            cell_count: The number C of cells.
            embeddings: [C, E] of length 1; None for the linear head alone.
            dropout_share: Of the features, in training.
        """
        super().__init__()
        self._dropout = dropout_share
        self.cell = nn.Linear(width, cell_count)
        self.has_embeddings = embeddings is not None
        if embeddings is not None:
            self.register_buffer("embeddings", embeddings.float())
            self.proj = nn.Linear(width, embeddings.shape[1])
            self.scale = nn.Parameter(torch.tensor(2.5))
            self.bias = nn.Parameter(torch.zeros(cell_count))

    @classmethod
    def shaped_like(cls, state: Mapping[str, torch.Tensor]) -> Self:
        """Makes untrained heads whose state has the shapes of another."""
        cell_count, width = state["cell.weight"].shape
        embeddings = state.get("embeddings")
        return cls(width, cell_count, None if embeddings is None else embeddings.clone())

    def forward(self, features: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Maps features [B, D] to the logits [B, C] of each head."""
        kept = dropout(features, self._dropout, self.training)
        if not self.has_embeddings:
            return (self.cell(kept),)
        cosine = normalize(self.proj(kept), dim=1) @ self.embeddings.T
        return self.cell(kept), self.scale.exp() * cosine + self.bias


class TuningNetwork(nn.Module):
    """Maps upright RGB pixels to the logits of heads over cells.

    The first stages keep their weights; batch norms keep their statistics in all stages, because
    those of small batches are noisy.

    Attributes:
        low: The frozen stages.
        high: The stages that learn.
        heads: The heads over the features.
    """

    def __init__(
        self,
        stages: Sequence[nn.Module],
        frozen_stages: int,
        cell_count: int,
        embeddings: torch.Tensor | None = None,
        dropout_share: float = 0.0,
    ) -> None:
        """Makes the network.

        Args:
            stages: The stages of the backbone.
            frozen_stages: How many of them keep their weights.
            cell_count: The number C of cells.
            embeddings: See CellHeads.
            dropout_share: See CellHeads.
        """
        super().__init__()
        self.low = nn.Sequential(*stages[:frozen_stages]).requires_grad_(False)
        self.high = nn.Sequential(*stages[frozen_stages:])
        self.eval()
        with torch.no_grad():
            width = self.features(torch.zeros(1, 32, 32, 3, dtype=torch.uint8)).shape[1]
        self.heads = CellHeads(width, cell_count, embeddings, dropout_share)
        self.to(memory_format=torch.channels_last)

    def train(self, mode: bool = True) -> Self:
        """Sets the mode of dropout; frozen stages and batch norms stay in evaluation mode."""
        super().train(mode)
        self.low.eval()
        for module in self.high.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    @property
    def stages(self) -> nn.Sequential:
        """All stages of the backbone."""
        return nn.Sequential(*self.low, *self.high)

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        """Maps uint8 pixels [B, S, S, 3] to features [B, D]."""
        planes = (pixels.permute(0, 3, 1, 2).float() - MEAN) / SCALE
        with torch.no_grad():
            maps = self.low(planes.contiguous(memory_format=torch.channels_last))
        return self.high(maps).mean(dim=(2, 3))

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Maps uint8 pixels [B, S, S, 3] to the logits [B, C] of each head."""
        return self.heads(self.features(pixels))
