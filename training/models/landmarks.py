"""Likeness to known photos: what a kernel layer sees instead of the features themselves."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import normalize


class Landmarks(nn.Module):
    """How much a photo is like each of the photos that were learned from, the *landmarks*.

    The features are standardised, turned to their main components and scaled to length 1. The
    likeness of two is exp(-sharpness * |a - b|^2), the Gaussian kernel: between a straight line
    through the features (sharpness near 0) and the nearest photo alone (sharpness large). A linear
    layer over likenesses is kernel regression (Rasmussen and Williams 2006, chapter 3).

    Args:
        width: D, of the features.
        components: P, of what is compared.
        photos: M, the landmarks.
    """

    turn: torch.Tensor
    offset: torch.Tensor
    landmarks: torch.Tensor
    sharpness: torch.Tensor

    def __init__(self, width: int, components: int, photos: int) -> None:
        super().__init__()
        self.register_buffer("turn", torch.zeros(width, components))
        self.register_buffer("offset", torch.zeros(components))
        self.register_buffer("landmarks", torch.zeros(photos, components))
        self.register_buffer("sharpness", torch.zeros(()))

    @classmethod
    def of(cls, features: torch.Tensor, components: int, sharpness: float) -> Landmarks:
        """The rows of features [M, D] as landmarks."""
        _, turn, offset = standardised(features, components)
        made = cls(features.shape[1], turn.shape[1], len(features))
        made.turn, made.offset = turn, offset
        made.sharpness = torch.tensor(sharpness)
        made.landmarks = made.compared(features)
        return made

    def compared(self, features: torch.Tensor) -> torch.Tensor:
        """[B, P] of length 1."""
        return normalize(features @ self.turn - self.offset, dim=1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """[B, M] in 0..1, of features [B, D]."""
        cosine = self.compared(features) @ self.landmarks.T
        return torch.exp(2 * self.sharpness * (cosine - 1))


def standardised(
    features: torch.Tensor, components: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(features @ turn - offset, turn, offset): mean 0, deviation 1, then the main components.

    `components` 0 keeps all, and turns nothing. A feature that hardly ever moves is not blown up.
    """
    middle, spread = features.mean(dim=0), features.std(dim=0)
    spread = spread.clamp_min(0.01 * float(spread.mean()) + 1e-9)
    plain = (features - middle) / spread
    turn = torch.diag(1 / spread)
    if components and components < features.shape[1]:
        _, directions = torch.linalg.eigh(plain.T @ plain / len(plain))
        main = directions[:, -components:]
        plain, turn = plain @ main, main / spread[:, None]
    return plain, turn, middle @ turn


def kernel_components(
    likeness: torch.Tensor, components: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(likeness @ turn - offset, turn, offset): kernel principal components (Schoelkopf 1998).

    `likeness` [M, M] is that of the landmarks among themselves. The components' variances are 1 on
    average, as those of standardised features; `components` 0 keeps all.
    """
    average = likeness.mean(dim=0)
    centred = likeness - average - likeness.mean(dim=1, keepdim=True) + likeness.mean()
    values, directions = torch.linalg.eigh(centred.double())
    values, directions = values[-components:], directions[:, -components:]
    kept = values > 1e-6 * values[-1]
    scale = (len(likeness) * kept.sum() / values[kept].sum()).sqrt()
    turn = (directions[:, kept] / values[kept].sqrt() * scale).float()
    turn = turn - turn.mean(dim=0)
    return likeness @ turn - average @ turn, turn, average @ turn
