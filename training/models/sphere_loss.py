"""Losses for coordinates that know the earth is round."""

from __future__ import annotations

import torch
from torch.nn.functional import huber_loss

from geotagger.geography.sphere import EARTH_RADIUS_KM


def great_circle_km(one: torch.Tensor, two: torch.Tensor) -> torch.Tensor:
    """[...] great-circle distances of degrees [..., 2] (lat, lon), R = 6371.0 km.

    By the arctangent of cross and dot product (Vincenty on the sphere), whose gradient is finite
    wherever the points are not the same or opposite; there it is 0.
    """
    first, second = unit(one), unit(two)
    cross = torch.linalg.cross(first, second)
    sine = cross.square().sum(dim=-1).clamp_min(1e-14).sqrt()
    return EARTH_RADIUS_KM * torch.atan2(sine, (first * second).sum(dim=-1))


def unit(degrees: torch.Tensor) -> torch.Tensor:
    """[..., 3] unit vectors of degrees [..., 2] (lat, lon)."""
    lat, lon = degrees.float().deg2rad().unbind(dim=-1)
    return torch.stack([lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()], dim=-1)


def wrapped_huber(found: torch.Tensor, true: torch.Tensor, span: torch.Tensor) -> torch.Tensor:
    """Huber loss of degrees [B, 2] in parts of `span`, the short way round the antimeridian."""
    apart = found - true
    lon = torch.remainder(apart[:, 1] + 180, 360) - 180
    apart = torch.stack([apart[:, 0], lon], dim=1) / span
    return huber_loss(apart, torch.zeros_like(apart))


def on_the_map(degrees: torch.Tensor) -> torch.Tensor:
    """Degrees [B, 2] with lat in -90 to 90 and lon in -180 to 180, for the exported graph."""
    lat, lon = degrees.unbind(dim=1)
    lon = lon - 360 * torch.floor((lon + 180) / 360)
    return torch.stack([lat.clamp(-90, 90), lon], dim=1)
