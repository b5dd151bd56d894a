"""Positions as vectors: GeoCLIP's location encoder (Vivanco Cepeda et al. 2023).

Equal Earth projection (Savric et al. 2018), random Fourier features at three scales (Tancik et al.
2020), and a small network for each; their sum is the vector. The weights of the package `geoclip`
fit. It computes in float32 even where the rest of a training does not: at the finest scale the
arguments of the sines reach thousands of radians, and half precision makes noise of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import nn

from geotagger.errors import UsageError
from training.engine.origins import Origin

SIGMAS = (2.0**0, 2.0**4, 2.0**8)
FREQUENCIES = 256
PUBLISHED = Origin("GeoCLIP, package geoclip", "MIT")
_A1, _A2, _A3, _A4 = 1.340264, -0.081106, 0.000893, 0.003796
_SCALE = 66.50336 / 180
"""Of both axes, so that values are about 1."""


def equal_earth(degrees: torch.Tensor) -> torch.Tensor:
    """[..., 2] (x, y) of degrees [..., 2] (lat, lon)."""
    lat, lon = torch.deg2rad(degrees).unbind(dim=-1)
    theta = torch.asin(math.sqrt(3) / 2 * torch.sin(lat))
    square = theta * theta
    slope = 9 * _A4 * square**4 + 7 * _A3 * square**3 + 3 * _A2 * square + _A1
    x = 2 * math.sqrt(3) * lon * torch.cos(theta) / (3 * slope)
    y = theta * (_A4 * square**4 + _A3 * square**3 + _A2 * square + _A1)
    return torch.stack([x, y], dim=-1) * _SCALE


class RandomFourier(nn.Module):
    """[..., 2 * FREQUENCIES] of points [..., 2]: cosines, then sines, of fixed random waves."""

    def __init__(self, sigma: float) -> None:
        super().__init__()
        self.register_buffer("b", torch.randn(FREQUENCIES, 2) * sigma)

    def forward(self, points: torch.Tensor) -> torch.Tensor:
        angle = 2 * math.pi * points @ self.b.T
        return torch.cat([angle.cos(), angle.sin()], dim=-1)


class _Scale(nn.Module):
    def __init__(self, sigma: float, hidden: int, dimensions: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [RandomFourier(sigma)]
        for width in (2 * FREQUENCIES, hidden, hidden):
            layers += [nn.Linear(width, hidden), nn.ReLU()]
        self.capsule = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Linear(hidden, dimensions))

    def forward(self, points: torch.Tensor) -> torch.Tensor:
        return self.head(self.capsule(points))


class LocationEncoder(nn.Module):
    """float32 [n, dimensions] of degrees [n, 2] (lat, lon); not yet of length 1."""

    def __init__(
        self,
        sigmas: Sequence[float] = SIGMAS,
        hidden: int = 1024,
        dimensions: int = 512,
        published: bool = False,
    ) -> None:
        """`published` starts from the weights of the installed package geoclip (MIT).

        Raises:
            UsageError: the package is not there, or the sizes are not its own.
        """
        super().__init__()
        self._names = [f"LocEnc{number}" for number in range(len(sigmas))]
        for name, sigma in zip(self._names, sigmas, strict=True):
            self.add_module(name, _Scale(sigma, hidden, dimensions))
        if published:
            if (tuple(sigmas), hidden, dimensions) != (SIGMAS, 1024, 512):
                raise UsageError("the published location encoder has hidden 1024, dimensions 512")
            self.load_state_dict(published_weights("location_encoder"))

    def forward(self, degrees: torch.Tensor) -> torch.Tensor:
        with torch.autocast(degrees.device.type, enabled=False):
            points = equal_earth(degrees.float())
            return torch.stack([self.get_submodule(name)(points) for name in self._names]).sum(0)


def published_weights(part: str) -> dict[str, torch.Tensor]:
    """Of the package geoclip: `location_encoder`, `image_encoder_mlp`, or {"logit_scale": ...}.

    Raises:
        UsageError: the package is not installed, or has no such file.
    """
    file = published_folder() / "weights" / f"{part}_weights.pth"
    try:
        found = torch.load(file, weights_only=True, map_location="cpu")
    except OSError as error:
        raise UsageError(f"{file.name}: cannot be read ({error}); install geoclip 1.3.0") from error
    return found if isinstance(found, dict) else {part: found}


def published_folder() -> Path:
    """Raises UsageError: the package is not installed."""
    found = find_spec("geoclip")
    if found is None or not found.submodule_search_locations:
        raise UsageError("the published weights are in the package geoclip; install it")
    return Path(found.submodule_search_locations[0]) / "model"
