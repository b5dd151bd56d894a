"""Similarity to known photos: the kernel features of the starter's last layer."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import normalize


class LandmarkKernel(nn.Module):
    """The similarity of a photo to training photos, the *landmarks*.

    The features are standardised, projected to their principal components and scaled to length 1.
    The similarity of two photos is exp(-gamma * |a - b|^2), the Gaussian kernel: close to a linear
    model for a small gamma, close to the nearest neighbour for a large one. A linear layer over
    similarities is kernel regression (Rasmussen and Williams 2006, chapter 3). If only some of the
    training photos are landmarks, it is the Nystroem method (Williams and Seeger 2001).
    """

    projection: torch.Tensor
    offset: torch.Tensor
    landmarks: torch.Tensor
    gamma: torch.Tensor

    def __init__(self, width: int, components: int, photos: int) -> None:
        """Makes an empty kernel.

        Args:
            width: The number D of features.
            components: The number P of principal components that are compared.
            photos: The number M of landmarks.
        """
        super().__init__()
        self.register_buffer("projection", torch.zeros(width, components))
        self.register_buffer("offset", torch.zeros(components))
        self.register_buffer("landmarks", torch.zeros(photos, components))
        self.register_buffer("gamma", torch.zeros(()))

    @classmethod
    def fit(
        cls,
        features: torch.Tensor,
        components: int,
        gamma: float,
        rows: torch.Tensor | slice = slice(None),
    ) -> LandmarkKernel:
        """Makes some rows of the features [n, D] landmarks; `components` 0 keeps all."""
        _, projection, offset = principal_components(features, components)
        landmarks = features[rows]
        kernel = cls(features.shape[1], projection.shape[1], len(landmarks))
        kernel.projection, kernel.offset = projection, offset
        kernel.gamma = torch.tensor(gamma)
        kernel.landmarks = kernel.project(landmarks)
        return kernel

    def project(self, features: torch.Tensor) -> torch.Tensor:
        """Maps features [B, D] to components [B, P] of length 1."""
        return normalize(features @ self.projection - self.offset, dim=1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Maps features [B, D] to similarities [B, M] in 0..1."""
        cosine = self.project(features) @ self.landmarks.T
        return torch.exp(2 * self.gamma * (cosine - 1))


def principal_components(
    features: torch.Tensor, components: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Standardises features and projects them to their principal components.

    The divisor of a feature with hardly any variance is limited, so that it is not blown up.

    Args:
        features: [n, D].
        components: P; 0 keeps all features and does not rotate them.

    Returns:
        (values [n, P], projection [D, P], offset [P]), with
        values = features @ projection - offset.
    """
    mean, deviation = features.mean(dim=0), features.std(dim=0)
    deviation = deviation.clamp_min(0.01 * float(deviation.mean()) + 1e-9)
    values = (features - mean) / deviation
    projection = torch.diag(1 / deviation)
    if components and components < features.shape[1]:
        _, directions = torch.linalg.eigh(values.T @ values / len(values))
        main = directions[:, -components:]
        values, projection = values @ main, main / deviation[:, None]
    return values, projection, mean @ projection


def kernel_components(
    similarity: torch.Tensor, components: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Computes kernel principal components (Schoelkopf et al. 1998).

    The variances of the components of the landmarks are 1 on average, as those of standardised
    features.

    Args:
        similarity: [M, M] of the landmarks among themselves.
        components: P; 0 keeps all.

    Returns:
        (projection [M, P], offset [P]): the components of photos with similarities [n, M] are
        similarity @ projection - offset.
    """
    mean = similarity.mean(dim=0)
    centred = similarity - mean - similarity.mean(dim=1, keepdim=True) + similarity.mean()
    variances, directions = torch.linalg.eigh(centred.double())
    variances, directions = variances[-components:], directions[:, -components:]
    kept = variances > 1e-6 * variances[-1]
    scale = (len(similarity) * kept.sum() / variances[kept].sum()).sqrt()
    projection = (directions[:, kept] / variances[kept].sqrt() * scale).float()
    projection = projection - projection.mean(dim=0)
    return projection, mean @ projection
