"""From features to the embedding in which photos of one sight are alike."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import normalize

from training.models.landmarks import principal_components


class SightProjection(nn.Module):
    """Square root, principal components of equal variance, length 1.

    The square root tames features that one large object dominates. Equal variance (whitening) lets
    rare features decide, in which sights differ (Jégou and Chum 2012, "Negative evidences and
    co-occurrences in image retrieval").
    """

    projection: torch.Tensor
    offset: torch.Tensor

    def __init__(self, width: int, components: int) -> None:
        """Makes an empty projection of `width` features to `components`."""
        super().__init__()
        self.register_buffer("projection", torch.zeros(width, components))
        self.register_buffer("offset", torch.zeros(components))

    @classmethod
    def fit(cls, features: torch.Tensor, components: int) -> SightProjection:
        """Fits the projection to features [n, D]; at most min(n, D) components are kept."""
        kept = min(components, *features.shape)
        values, projection, offset = principal_components(_root(features), kept)
        deviation = values.std(dim=0).clamp_min(1e-6)
        fitted = cls(features.shape[1], projection.shape[1])
        fitted.projection, fitted.offset = projection / deviation, offset / deviation
        return fitted

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Maps features [B, D] to embeddings [B, P] of length 1."""
        return normalize(_root(features) @ self.projection - self.offset, dim=1)


def _root(features: torch.Tensor) -> torch.Tensor:
    return features.clamp_min(0).sqrt()
