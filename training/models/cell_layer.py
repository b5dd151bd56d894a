"""The starter's last layer: a regression over cells, in which similar places share data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from training.data.balance import balance_weights
from training.models.landmarks import LandmarkKernel, kernel_components, principal_components
from training.models.location_encoder import cell_embeddings
from training.models.place_loss import PlaceLoss
from training.targets.cells import place_targets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from training.data.example import Example
    from training.targets.cells import Cells

RIDGE = 1e-4
"""Added to the diagonal of the cell covariance, so that its Cholesky root exists."""


@dataclass(frozen=True, slots=True)
class LayerOptions:
    """How the last layer is fitted."""

    tau_km: float = 300.0
    """How far the target of a photo reaches to the cells around it."""
    own_country: float = 0.5
    """The share of the target that stays in the photo's country."""
    source_exponent: float = 0.0
    country_exponent: float = 0.5
    """How far sources and countries are balanced; see training/data/balance.py."""
    components: int = 512
    """Principal components that are kept; 0 keeps all."""
    gamma: float = 0.0
    """Of the Gaussian kernel over known photos (landmarks.py); 0 for a linear layer."""
    landmarks: int = 0
    """Photos that the kernel compares with, drawn by their weight; 0 for all. Fewer make a smaller
    model, and a fit that takes less time and memory."""
    kernel_components: int = 512
    """Principal components of the features that the kernel compares."""
    cell_covariance: float = 0.5
    """The share of the prior covariance of two cells that is the cosine of their location
    embeddings; 0 for independent cells."""
    levels: float = 0.0
    """The weight of the country and continent losses next to the cell loss."""
    l2: float = 1e-2
    steps: int = 30


def fit_layer(
    features: NDArray[np.float32],
    examples: Sequence[Example],
    cells: Cells,
    root: torch.Tensor,
    continent_of: Mapping[str, str],
    options: LayerOptions,
    importance: NDArray[np.float32] | None = None,
) -> nn.Sequential:
    """Fits a multinomial regression from features to cells.

    At the end the log prior of the training photos is subtracted from the bias, so that a softmax
    of the logits is a likelihood under equally likely cells (Menon et al. 2021).

    Args:
        features: [n, D].
        examples: The n photos.
        cells: The C classes.
        root: [C, C] from `cell_covariance_root`.
        continent_of: Country code -> continent.
        options: How the layer is fitted.
        importance: [n] further weights of the photos; None for equal ones.

    Returns:
        A layer that maps features [B, D] to logits [B, C].
    """
    targets = place_targets(examples, cells, options.tau_km, options.own_country)
    weights = balance_weights(examples, options.source_exponent, options.country_exponent)
    if importance is not None:
        weights = weights * importance / np.mean(weights * importance)
    weight = torch.from_numpy(weights)
    front, values, projection, offset = _inputs(torch.from_numpy(features), weights, options)
    log_prior = torch.from_numpy((weights[:, None] * targets.cells).mean(axis=0))
    log_prior = log_prior.clamp_min(1e-7).log()
    losses = PlaceLoss(targets, cells, continent_of, options.levels, options.levels)

    def loss(logits: torch.Tensor) -> torch.Tensor:
        return (weight * losses(logits, slice(None))).mean()

    matrix, bias = _regress(values, loss, root, log_prior, options)
    layer = nn.Linear(len(projection), len(cells))
    with torch.no_grad():
        layer.weight.copy_((projection @ matrix).T)
        layer.bias.copy_(bias - log_prior - offset @ matrix)
    return nn.Sequential(front, layer).eval()


def empty_layer(width: int, cell_count: int, landmarks: tuple[int, int] | None) -> nn.Sequential:
    """Makes an untrained layer of the shape that `fit_layer` returns.

    Args:
        width: The number D of features.
        cell_count: The number C of cells.
        landmarks: (photos, components) of the kernel; None for a linear layer.
    """
    if landmarks is None:
        return nn.Sequential(nn.Identity(), nn.Linear(width, cell_count))
    photos, components = landmarks
    return nn.Sequential(LandmarkKernel(width, components, photos), nn.Linear(photos, cell_count))


def _inputs(
    features: torch.Tensor, weights: NDArray[np.float32], options: LayerOptions
) -> tuple[nn.Module, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Returns (front, values, projection, offset).

    values = front(features) @ projection - offset
    """
    if not options.gamma:
        return nn.Identity(), *principal_components(features, options.components)
    rows = _landmark_rows(weights, options.landmarks)
    front = LandmarkKernel.fit(features, options.kernel_components, options.gamma, rows)
    similarity = front(features)
    projection, offset = kernel_components(similarity[rows], options.components)
    return front, similarity @ projection - offset, projection, offset


def _landmark_rows(weights: NDArray[np.float32], count: int) -> torch.Tensor | slice:
    """Draws `count` photos without replacement by their weights; all if 0."""
    count = min(count, np.count_nonzero(weights))
    if not count or count == len(weights):
        return slice(None)
    share = np.float64(weights) / np.float64(weights).sum()
    drawn = np.random.default_rng(0).choice(len(weights), count, replace=False, p=share)
    return torch.from_numpy(np.sort(drawn))


def _regress(
    values: torch.Tensor,
    loss: Callable[[torch.Tensor], torch.Tensor],
    root: torch.Tensor,
    log_prior: torch.Tensor,
    options: LayerOptions,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Fits weights [P, C] and bias [C] to values [n, P] by L-BFGS.

    `loss` maps logits [n, C] to a scalar.
    """
    matrix = torch.zeros(values.shape[1], len(root), requires_grad=True)
    bias = log_prior.clone().requires_grad_()
    solver = torch.optim.LBFGS(
        [matrix, bias], max_iter=options.steps, history_size=8, line_search_fn="strong_wolfe"
    )

    def penalised_loss() -> torch.Tensor:
        solver.zero_grad()
        penalty = options.l2 * matrix.square().sum() * (values.shape[1] / 100)
        penalised = loss(values @ matrix @ root.T + bias) + penalty
        penalised.backward()
        return penalised

    solver.step(penalised_loss)
    with torch.no_grad():
        return matrix @ root.T, bias.detach()


def cell_covariance_root(cells: Cells, share: float) -> torch.Tensor:
    """Computes the Cholesky root of the prior covariance of the weights of the cells.

    The covariance is (1 - share) times the identity plus `share` times the cosines of the cells'
    location embeddings. GeoCLIP's location encoder was trained on millions of photos: places that
    look alike are close in its space, wherever they are. A linear layer `A @ root.T` with an L2
    penalty on A is a Gaussian prior with that covariance on the layer (Rasmussen and Williams
    2006, chapter 2), so that a cell with one photo learns from similar cells.

    Args:
        cells: The C cells.
        share: 0 for independent cells.

    Returns:
        [C, C], lower triangular.

    Raises:
        UsageError: share > 0, and the package geoclip is not installed.
    """
    count = len(cells)
    covariance = torch.eye(count, dtype=torch.float64)
    if share:
        vectors = cell_embeddings(cells)
        covariance = (1 - share) * covariance + share * vectors @ vectors.T
    ridge = RIDGE * torch.eye(count, dtype=torch.float64)
    return torch.linalg.cholesky(covariance + ridge).float()
