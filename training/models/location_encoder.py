"""Positions as vectors: GeoCLIP's location encoder (Vivanco Cepeda et al. 2023).

It consists of the Equal Earth projection (Savric et al. 2018), random Fourier features at three
scales (Tancik et al. 2020) and a small network for each scale; the vector is the sum of the three.
The weights of the package `geoclip` fit. It computes in float32 even in mixed precision: at the
finest scale the arguments of the sines reach thousands of radians, and half precision turns them
into noise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn.functional import normalize

from geotagger.errors import UsageError
from training.engine.origins import Origin

if TYPE_CHECKING:
    from training.targets.cells import Cells

SIGMAS = (2.0**0, 2.0**4, 2.0**8)
"""Spread of the random frequencies at each scale."""
FREQUENCIES = 256
PUBLISHED_ORIGIN = Origin("GeoCLIP, package geoclip", "MIT")
_A1, _A2, _A3, _A4 = 1.340264, -0.081106, 0.000893, 0.003796
_SCALE = 66.50336 / 180
"""Scale of both axes, so that values are about 1."""


def equal_earth(degrees: torch.Tensor) -> torch.Tensor:
    """Maps degrees [..., 2] (lat, lon) to the plane [..., 2] (x, y)."""
    lat, lon = torch.deg2rad(degrees).unbind(dim=-1)
    theta = torch.asin(math.sqrt(3) / 2 * torch.sin(lat))
    square = theta * theta
    slope = 9 * _A4 * square**4 + 7 * _A3 * square**3 + 3 * _A2 * square + _A1
    x = 2 * math.sqrt(3) * lon * torch.cos(theta) / (3 * slope)
    y = theta * (_A4 * square**4 + _A3 * square**3 + _A2 * square + _A1)
    return torch.stack([x, y], dim=-1) * _SCALE


class RandomFourierFeatures(nn.Module):
    """Cosines and sines of fixed random waves (Tancik et al. 2020)."""

    def __init__(self, sigma: float) -> None:
        super().__init__()
        self.register_buffer("b", torch.randn(FREQUENCIES, 2) * sigma)

    def forward(self, points: torch.Tensor) -> torch.Tensor:
        """Maps points [..., 2] to [..., 2 * FREQUENCIES]: cosines, then sines."""
        angle = 2 * math.pi * points @ self.b.T
        return torch.cat([angle.cos(), angle.sin()], dim=-1)


class _ScaleEncoder(nn.Module):
    """The network of one scale."""

    def __init__(self, sigma: float, hidden: int, dimensions: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [RandomFourierFeatures(sigma)]
        for width in (2 * FREQUENCIES, hidden, hidden):
            layers += [nn.Linear(width, hidden), nn.ReLU()]
        self.capsule = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Linear(hidden, dimensions))

    def forward(self, points: torch.Tensor) -> torch.Tensor:
        """Maps points [..., 2] to vectors [..., D]."""
        return self.head(self.capsule(points))


class RandomFourierLocationEncoder(nn.Module):
    """Maps positions to vectors that are not normalised."""

    def __init__(
        self,
        sigmas: Sequence[float] = SIGMAS,
        hidden: int = 1024,
        dimensions: int = 512,
        published: bool = False,
    ) -> None:
        """Makes the encoder.

        Args:
            sigmas: Spread of the frequencies at each scale.
            hidden: Units of each network.
            dimensions: The size D of the vectors.
            published: Loads the weights of the installed package geoclip (MIT).

        Raises:
            UsageError: The package is not installed, or has other sizes.
        """
        super().__init__()
        self._names = [f"LocEnc{number}" for number in range(len(sigmas))]
        for name, sigma in zip(self._names, sigmas, strict=True):
            self.add_module(name, _ScaleEncoder(sigma, hidden, dimensions))
        if published:
            if (tuple(sigmas), hidden, dimensions) != (SIGMAS, 1024, 512):
                raise UsageError("the published location encoder has hidden 1024, dimensions 512")
            self.load_state_dict(published_weights("location_encoder"))

    def forward(self, degrees: torch.Tensor) -> torch.Tensor:
        """Maps degrees [n, 2] (lat, lon) to float32 vectors [n, D]."""
        with torch.autocast(degrees.device.type, enabled=False):
            points = equal_earth(degrees.float())
            return torch.stack([self.get_submodule(name)(points) for name in self._names]).sum(0)


@torch.no_grad()
def cell_embeddings(cells: Cells) -> torch.Tensor:
    """Returns the published vectors of C cells, centred and of length 1: float64 [C, 512].

    Raises:
        UsageError: The package geoclip is not installed.
    """
    encoder = RandomFourierLocationEncoder(published=True)
    degrees = torch.from_numpy(np.stack([cells.lat, cells.lon], axis=1)).float()
    vectors = normalize(encoder(degrees).double(), dim=1)
    return normalize(vectors - vectors.mean(dim=0), dim=1)


def published_weights(part: str) -> dict[str, torch.Tensor]:
    """Loads weights of the package geoclip.

    Args:
        part: `location_encoder`, `image_encoder_mlp` or `logit_scale`.

    Returns:
        Name -> tensor.

    Raises:
        UsageError: The package is not installed, or lacks the file.
    """
    file = published_folder() / "weights" / f"{part}_weights.pth"
    try:
        weights = torch.load(file, weights_only=True, map_location="cpu")
    except OSError as error:
        raise UsageError(f"{file.name}: cannot be read ({error}); install geoclip 1.3.0") from error
    return weights if isinstance(weights, dict) else {part: weights}


def published_folder() -> Path:
    """Returns the folder `model` of the package geoclip.

    Raises:
        UsageError: The package is not installed.
    """
    spec = find_spec("geoclip")
    if spec is None or not spec.submodule_search_locations:
        raise UsageError("the published weights are in the package geoclip; install it")
    return Path(spec.submodule_search_locations[0]) / "model"
