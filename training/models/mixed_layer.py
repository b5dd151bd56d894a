"""The starter's last layer with tuned heads beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from training.models.tuning_network import CellHeads

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class TunedHead(nn.Module):
    """The heads of a tuned backbone as a likelihood: their mean, without their prior.

    Attributes:
        log_prior: [C] the log of the mean probability of each cell over the training photos.
    """

    log_prior: torch.Tensor

    def __init__(self, heads: CellHeads) -> None:
        """Takes heads over; their prior is uniform until `remove_prior`."""
        super().__init__()
        self.heads = heads
        self.register_buffer("log_prior", torch.zeros(heads.cell.out_features))

    @torch.no_grad()
    def remove_prior(self, features: torch.Tensor, weights: torch.Tensor) -> None:
        """Makes the mean prediction for some photos the prior that is subtracted.

        It is that of the training, as the heads learned it (Menon et al. 2021), and has a value
        for cells without training photos too.

        Args:
            features: [m, D].
            weights: [m] how often each photo was drawn in training.
        """
        self.log_prior.zero_()
        probability = self(features).softmax(dim=1)
        self.log_prior = (weights @ probability / weights.sum()).clamp_min(1e-9).log()

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Maps features [B, D] to logits [B, C]."""
        return torch.stack(self.heads(features)).mean(dim=0) - self.log_prior


class MixedLayer(nn.Module):
    """Mixes the logits of the last layer with those of the heads of tuned backbones.

    The features of the backbones stand side by side. Each part reads those of its backbones.
    """

    def __init__(
        self,
        layer: nn.Module,
        heads: Mapping[int, TunedHead],
        widths: Sequence[int],
        layer_reads: Sequence[int],
        head_share: float,
    ) -> None:
        """Makes the layer.

        Args:
            layer: Maps the features of its backbones to logits [B, C].
            heads: Number of a backbone -> its heads.
            widths: The number of features of each backbone.
            layer_reads: The numbers of the backbones that `layer` reads.
            head_share: The share of the heads in the logits.
        """
        super().__init__()
        self.layer = layer
        self.heads = nn.ModuleDict({str(number): head for number, head in heads.items()})
        self._widths, self._layer_reads = list(widths), list(layer_reads)
        self._head_share = head_share

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Maps features [B, sum of the widths] to logits [B, C]."""
        layer, heads = self.parts(features)
        return (1 - self._head_share) * layer + self._head_share * heads

    def parts(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Maps features [B, sum of the widths] to the logits [B, C] of the layer and the heads."""
        parts = features.split(self._widths, dim=1)
        own = torch.cat([parts[number] for number in self._layer_reads], dim=1)
        tuned = [head(parts[int(number)]) for number, head in self.heads.items()]
        return self.layer(own), torch.stack(tuned).mean(dim=0)


def empty_heads(state: Mapping[str, torch.Tensor], number: int) -> TunedHead:
    """Makes untrained heads of one backbone, of the shapes in the state of a MixedLayer."""
    prefix = f"heads.{number}.heads."
    return TunedHead(
        CellHeads.shaped_like(
            {
                name.removeprefix(prefix): value
                for name, value in state.items()
                if name.startswith(prefix)
            }
        )
    )
