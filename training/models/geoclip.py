"""The network of GeoCLIP: contrastive learning of photos and positions (Vivanco Cepeda et al.
2023)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import nn
from torch.nn.functional import cross_entropy

from geotagger.geography.sphere import EARTH_RADIUS_KM, haversine_km, unit_vectors64
from training.models.sphere_loss import unit_vectors
from training.models.towers import unit_length

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.models.location_encoder import RandomFourierLocationEncoder
    from training.models.towers import Tower

KM_PER_DEGREE = EARTH_RADIUS_KM * np.pi / 180
PUBLISHED_LOG_SCALE = 3.681034803
"""The value of the published model; GeoCLIP's training starts at ln(1 / 0.07)."""


class GeoClip(nn.Module):
    """Maps photos and positions to vectors of length 1 in one space.

    The buffer `queue` holds positions of earlier photos (degrees [Q, 2], NaN where empty). They are
    further negatives that cost no photo. Checkpoints include it, because it is a buffer.
    """

    def __init__(
        self,
        tower: Tower,
        location: RandomFourierLocationEncoder,
        dimensions: int,
        queue: int,
        dropout: float = 0.0,
    ) -> None:
        """Makes the network.

        Args:
            tower: The image tower.
            location: The location encoder.
            dimensions: The size D of the vectors.
            queue: The length Q of the queue.
            dropout: Dropout of the tower's vector. The published model has none; small data sets
                need it.
        """
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.tower, self.location = tower, location
        hidden = 768
        self.mlp = nn.Sequential(
            nn.Linear(tower.width, hidden), nn.ReLU(), nn.Linear(hidden, dimensions)
        )
        self.log_scale = nn.Parameter(torch.tensor(PUBLISHED_LOG_SCALE))
        self.register_buffer("queue", torch.full((queue, 2), torch.nan))
        self.register_buffer("queue_end", torch.tensor(0))

    def images(self, inputs: torch.Tensor) -> torch.Tensor:
        """Maps pixels [B, S, S, 3], or frozen values, to vectors [B, D]."""
        return unit_length(self.mlp(self.dropout(self.tower(inputs))))

    def positions(self, degrees: torch.Tensor) -> torch.Tensor:
        """Maps degrees [n, 2] to vectors [n, D]."""
        return unit_length(self.location(degrees))

    def forward(self, inputs: torch.Tensor, degrees: torch.Tensor) -> torch.Tensor:
        """Maps photos and degrees [n, 2] to scaled cosines [B, n]."""
        images, points = self.images(inputs).float(), self.positions(degrees)
        return self.log_scale.clamp(max=np.log(100)).exp() * images @ points.T

    @property
    def scale(self) -> float:
        """The factor of the cosines, at most 100."""
        return float(self.log_scale.detach().clamp(max=np.log(100)).exp())

    @torch.no_grad()
    def enqueue(self, degrees: torch.Tensor) -> None:
        """Adds positions [n, 2] in degrees to the queue; the oldest are overwritten."""
        size = len(self.queue)
        if size:
            at = (self.queue_end + torch.arange(len(degrees), device=degrees.device)) % size
            self.queue[at] = degrees.float()
            self.queue_end.fill_(int(at[-1] + 1) % size if len(at) else self.queue_end)

    def queued(self) -> torch.Tensor:
        """Returns the positions [q, 2] in the queue."""
        return self.queue[~torch.isnan(self.queue[:, 0])]


def position_contrast(
    logits: torch.Tensor, true: torch.Tensor, others: torch.Tensor, same_km: float
) -> torch.Tensor:
    """Computes the cross entropy of each photo's own position among all positions.

    A position within `same_km` of a photo's own position is not a negative for it. Otherwise photos
    of one spot, or labels at the centre of one city, would contradict each other.

    Args:
        logits: [B, B + Q], with the photos' own positions first.
        true: [B, 2] positions of the photos in degrees, without noise.
        others: [Q, 2] the other positions in degrees, without noise.
        same_km: Positions within this distance are the same place.

    Returns:
        The mean loss, a scalar.
    """
    cosine = unit_vectors(true).double() @ unit_vectors(torch.cat([true, others])).double().T
    same = cosine > np.cos(same_km / EARTH_RADIUS_KM)
    own = torch.eye(len(true), len(logits[0]), dtype=torch.bool, device=logits.device)
    target = torch.arange(len(true), device=logits.device)
    return cross_entropy(logits.masked_fill(same & ~own, -torch.inf), target)


def jitter(degrees: torch.Tensor, spread_km: float) -> torch.Tensor:
    """Moves positions [n, 2] by normal noise of `spread_km` on each axis; they stay valid."""
    north, east = (torch.randn(2, len(degrees), device=degrees.device) * spread_km).unbind()
    lat = (degrees[:, 0] + north / KM_PER_DEGREE).clamp(-90, 90)
    shrink = lat.deg2rad().cos().clamp_min(0.01)
    lon = degrees[:, 1] + east / KM_PER_DEGREE / shrink
    return torch.stack([lat, torch.remainder(lon + 180, 360) - 180], dim=1)


def hard_negatives(
    lat: NDArray[np.float64],
    lon: NDArray[np.float64],
    gallery: tuple[NDArray[np.float64], NDArray[np.float64]],
    count: int,
    min_km: float,
) -> NDArray[np.float32]:
    """Finds the points of a gallery that are hardest to distinguish from each position.

    Args:
        lat: [n] degrees.
        lon: [n] degrees.
        gallery: (lat [G], lon [G]) in degrees.
        count: Points for each position.
        min_km: Nearer points are skipped.

    Returns:
        Degrees [n, count, 2] of the nearest points beyond `min_km`.
    """
    tree = cKDTree(unit_vectors64(*gallery))
    own = unit_vectors64(lat, lon)
    points = len(gallery[0])
    negatives = np.zeros((len(lat), count, 2), np.float32)
    for row, vector in enumerate(own):
        neighbours = min(points, 4 * count)
        while True:
            near = np.atleast_1d(tree.query(vector, neighbours)[1])
            km = haversine_km(lat[row], lon[row], gallery[0][near], gallery[1][near])
            far = near[np.atleast_1d(km) >= min_km]
            if len(far) >= count or neighbours == points:
                break
            neighbours = min(points, 4 * neighbours)
        chosen = np.resize(far if len(far) else near, count)
        negatives[row] = np.stack([gallery[0][chosen], gallery[1][chosen]], axis=1)
    return negatives
