"""Losses for coordinates on a sphere."""

from __future__ import annotations

import torch
from torch.nn.functional import huber_loss

from geotagger.geography.sphere import EARTH_RADIUS_KM


def great_circle_km(one: torch.Tensor, two: torch.Tensor) -> torch.Tensor:
    """Computes great-circle distances, with R = 6371.0 km.

    The arctangent of cross and dot product (Vincenty on the sphere) has a finite gradient wherever
    the points are not equal or opposite; there the gradient is 0.

    Args:
        one: Degrees [..., 2] (lat, lon).
        two: Degrees [..., 2] (lat, lon).

    Returns:
        Kilometres [...].
    """
    first, second = unit_vectors(one), unit_vectors(two)
    cross = torch.linalg.cross(first, second)
    sine = cross.square().sum(dim=-1).clamp_min(1e-14).sqrt()
    return EARTH_RADIUS_KM * torch.atan2(sine, (first * second).sum(dim=-1))


def unit_vectors(degrees: torch.Tensor) -> torch.Tensor:
    """Maps degrees [..., 2] (lat, lon) to unit vectors [..., 3]."""
    lat, lon = degrees.float().deg2rad().unbind(dim=-1)
    return torch.stack([lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()], dim=-1)


def wrapped_huber(predicted: torch.Tensor, true: torch.Tensor, span: torch.Tensor) -> torch.Tensor:
    """Computes the Huber loss of coordinates, the short way round the antimeridian.

    Args:
        predicted: Degrees [B, 2].
        true: Degrees [B, 2].
        span: The unit of the loss in degrees [2].

    Returns:
        The mean loss, a scalar.
    """
    difference = predicted - true
    lon = torch.remainder(difference[:, 1] + 180, 360) - 180
    scaled = torch.stack([difference[:, 0], lon], dim=1) / span
    return huber_loss(scaled, torch.zeros_like(scaled))


def wrap_degrees(degrees: torch.Tensor) -> torch.Tensor:
    """Maps degrees [B, 2] to lat in -90..90 and lon in -180..180, for the exported graph."""
    lat, lon = degrees.unbind(dim=1)
    lon = lon - 360 * torch.floor((lon + 180) / 360)
    return torch.stack([lat.clamp(-90, 90), lon], dim=1)
