"""The network of GeoCLIP (Vivanco Cepeda et al. 2023): photos against positions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from geotagger.geography.sphere import EARTH_RADIUS_KM, haversine_km, unit_vectors64
from training.models.sphere_loss import unit
from training.models.towers import of_length_one

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.models.location_encoder import LocationEncoder
    from training.models.towers import Tower

KM_A_DEGREE = EARTH_RADIUS_KM * np.pi / 180
LOG_SCALE = 3.681034803
"""Where the published model ended; GeoCLIP begins at ln(1 / 0.07)."""


class GeoClip(nn.Module):
    """Photos [B, S, S, 3] and positions [n, 2] as vectors [., D] of length 1.

    `queue` holds positions of earlier photos (degrees [Q, 2]; NaN where there is none yet): further
    counter-examples that cost no photo. It is a buffer, so checkpoints keep it.
    """

    def __init__(
        self,
        tower: Tower,
        location: LocationEncoder,
        dimensions: int,
        queue: int,
        dropout: float = 0.0,
    ) -> None:
        """`dropout` of the tower's vector: the published model has none; few photos need it."""
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.tower, self.location = tower, location
        hidden = 768
        self.mlp = nn.Sequential(
            nn.Linear(tower.width, hidden), nn.ReLU(), nn.Linear(hidden, dimensions)
        )
        self.log_scale = nn.Parameter(torch.tensor(LOG_SCALE))
        self.register_buffer("queue", torch.full((queue, 2), torch.nan))
        self.register_buffer("queue_end", torch.tensor(0))

    def images(self, inputs: torch.Tensor) -> torch.Tensor:
        return of_length_one(self.mlp(self.dropout(self.tower(inputs))))

    def positions(self, degrees: torch.Tensor) -> torch.Tensor:
        return of_length_one(self.location(degrees))

    def forward(self, inputs: torch.Tensor, degrees: torch.Tensor) -> torch.Tensor:
        """[B, n] scaled cosines."""
        images, points = self.images(inputs).float(), self.positions(degrees)
        return self.log_scale.clamp(max=np.log(100)).exp() * images @ points.T

    @property
    def scale(self) -> float:
        return float(self.log_scale.detach().clamp(max=np.log(100)).exp())

    @torch.no_grad()
    def enqueue(self, degrees: torch.Tensor) -> None:
        """The oldest positions make room."""
        size = len(self.queue)
        if size:
            at = (self.queue_end + torch.arange(len(degrees), device=degrees.device)) % size
            self.queue[at] = degrees.float()
            self.queue_end.fill_(int(at[-1] + 1) % size if len(at) else self.queue_end)

    def waiting(self) -> torch.Tensor:
        """[q, 2] the positions in the queue."""
        return self.queue[~torch.isnan(self.queue[:, 0])]


def contrast(logits: torch.Tensor, true: torch.Tensor, others: torch.Tensor, same_km: float):
    """Cross entropy of each photo's own position among all.

    A position within `same_km` of a photo's own is no counter-example for it: many photos of one
    spot, or labels that are a city's middle, would else contradict each other.

    Args:
        logits: [B, B + Q], the photos' own positions first.
        true: [B, 2] where the photos were taken; others: [Q, 2]. Degrees, without noise.
    """
    cosine = unit(true).double() @ unit(torch.cat([true, others])).double().T
    same = cosine > np.cos(same_km / EARTH_RADIUS_KM)
    own = torch.eye(len(true), len(logits[0]), dtype=torch.bool, device=logits.device)
    return cross_entropy(
        logits.masked_fill(same & ~own, -torch.inf), torch.arange(len(true), device=logits.device)
    )


def jitter(degrees: torch.Tensor, spread_km: float) -> torch.Tensor:
    """Positions [n, 2] moved at random, normally on either axis, and still on the map."""
    north, east = (torch.randn(2, len(degrees), device=degrees.device) * spread_km).unbind()
    lat = (degrees[:, 0] + north / KM_A_DEGREE).clamp(-90, 90)
    shrink = lat.deg2rad().cos().clamp_min(0.01)
    lon = degrees[:, 1] + east / KM_A_DEGREE / shrink
    return torch.stack([lat, torch.remainder(lon + 180, 360) - 180], dim=1)


def hard_points(
    lat: NDArray[np.float64],
    lon: NDArray[np.float64],
    gallery: tuple[NDArray[np.float64], NDArray[np.float64]],
    count: int,
    least_km: float,
) -> NDArray[np.float32]:
    """[n, count, 2] degrees: for each position the points of a gallery that are nearest to it but
    not nearer than `least_km`: the counter-examples that are hardest to tell from the truth."""
    from scipy.spatial import cKDTree

    tree = cKDTree(unit_vectors64(*gallery))
    own = unit_vectors64(lat, lon)
    most = len(gallery[0])
    found = np.zeros((len(lat), count, 2), np.float32)
    for row, vector in enumerate(own):
        asked = min(most, 4 * count)
        while True:
            near = np.atleast_1d(tree.query(vector, asked)[1])
            km = haversine_km(lat[row], lon[row], gallery[0][near], gallery[1][near])
            far = near[np.atleast_1d(km) >= least_km]
            if len(far) >= count or asked == most:
                break
            asked = min(most, 4 * asked)
        chosen = np.resize(far if len(far) else near, count)
        found[row] = np.stack([gallery[0][chosen], gallery[1][chosen]], axis=1)
    return found
