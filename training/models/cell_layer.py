"""The starter's last layer: fitted so that places that look alike share what is learned of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from torch.nn.functional import log_softmax, normalize

from training.models.landmarks import Landmarks, kernel_components, standardised
from training.models.location_encoder import LocationEncoder
from training.targets.cells import country_weights, soft_targets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from training.data.dataset import Example
    from training.targets.cells import Cells


@dataclass(frozen=True, slots=True)
class LayerOptions:
    tau_km: float = 300.0
    """How far the target of a photo reaches to cells around it."""
    own_country: float = 0.5
    """The share of the target that stays in the photo's country."""
    country_exponent: float = 0.5
    """A photo counts (photos of its country)^-exponent."""
    components: int = 512
    """Principal components that are kept; 0 keeps all."""
    sharpness: float = 0.0
    """Of the likeness to known photos (landmarks.py); 0: the layer sees the features themselves."""
    compared: int = 512
    """Components of the features by which the likeness is told."""
    kinship: float = 0.5
    """How much cells that look alike share; 0: nothing."""
    levels: float = 0.0
    """How much naming the country and the continent counts beside naming the cell."""
    l2: float = 1e-2
    steps: int = 30


def fit_layer(
    features: NDArray[np.float32],
    examples: Sequence[Example],
    cells: Cells,
    root: torch.Tensor,
    continent_of: Mapping[str, str],
    options: LayerOptions,
) -> nn.Sequential:
    """From features [n, D] to logits [n, C]: multinomial regression.

    `root` is what `kinship_root` gave. Last, the log prior that training has taught is taken out of
    the bias, so that a softmax of the logits is a likelihood under cells that are all alike (Menon
    et al. 2021).
    """
    front, turned, turn, turned_bias = _seen(torch.from_numpy(features), options)
    targets = torch.from_numpy(soft_targets(examples, cells, options.tau_km, options.own_country))
    weights = torch.from_numpy(country_weights(examples, options.country_exponent))
    log_prior = (weights[:, None] * targets).mean(dim=0).clamp_min(1e-7).log()
    own, bias = _regressed(
        turned,
        targets,
        weights,
        root,
        log_prior,
        [_members(cells.country), _members(_continents(cells, continent_of))],
        options,
    )
    layer = nn.Linear(len(turn), len(cells))
    with torch.no_grad():
        layer.weight.copy_((turn @ own).T)
        layer.bias.copy_(bias - log_prior - turned_bias @ own)
    return nn.Sequential(front, layer).eval()


def empty_layer(width: int, cell_count: int, landmarks: tuple[int, int] | None) -> nn.Sequential:
    """A layer of that shape without what it learned. `landmarks`: their count and components."""
    if landmarks is None:
        return nn.Sequential(nn.Identity(), nn.Linear(width, cell_count))
    photos, components = landmarks
    return nn.Sequential(Landmarks(width, components, photos), nn.Linear(photos, cell_count))


def _seen(
    features: torch.Tensor, options: LayerOptions
) -> tuple[nn.Module, torch.Tensor, torch.Tensor, torch.Tensor]:
    """(front, turned, turn, offset): turned = front(features) @ turn - offset."""
    if not options.sharpness:
        return nn.Identity(), *standardised(features, options.components)
    front = Landmarks.of(features, options.compared, options.sharpness)
    return front, *kernel_components(front(features), options.components)


def _regressed(
    turned: torch.Tensor,
    targets: torch.Tensor,
    weights: torch.Tensor,
    root: torch.Tensor,
    log_prior: torch.Tensor,
    members: Sequence[torch.Tensor],
    options: LayerOptions,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights [P, C] and bias [C] over turned features [n, P], by L-BFGS.

    `members`: for each level above the cells, [C, names] which cell is part of which.
    """
    above = [(member, targets @ member) for member in members]
    layer = torch.zeros(turned.shape[1], targets.shape[1], requires_grad=True)
    bias = log_prior.clone().requires_grad_()
    solver = torch.optim.LBFGS(
        [layer, bias], max_iter=options.steps, history_size=8, line_search_fn="strong_wolfe"
    )

    def loss() -> torch.Tensor:
        solver.zero_grad()
        logs = log_softmax(turned @ layer @ root.T + bias, dim=1)
        error = -(weights * (targets * logs).sum(dim=1)).mean()
        if options.levels:
            for member, target in above:
                inside = (logs.exp() @ member + 1e-9).log()
                error = error - options.levels * (weights * (target * inside).sum(dim=1)).mean()
        penalised = error + options.l2 * layer.square().sum() * (turned.shape[1] / 100)
        penalised.backward()
        return penalised

    solver.step(loss)
    with torch.no_grad():
        return layer @ root.T, bias.detach()


def kinship_root(cells: Cells, share: float) -> torch.Tensor:
    """[C, C] the Cholesky root of how much the weights of any two cells are expected to agree.

    The covariance is (1 - share) of the identity plus `share` of the cosines between the cells in
    the space of GeoCLIP's location encoder, which was trained on millions of photos: places that
    look alike lie close there, wherever they are. A linear layer `A @ root.T` with a plain L2
    penalty on A is a Gaussian prior with that covariance on the layer (Rasmussen and Williams
    2006, chapter 2), so that a cell with one photo learns from its kin.

    Raises:
        UsageError: share > 0, and the package geoclip is not installed.
    """
    count = len(cells)
    covariance = torch.eye(count, dtype=torch.float64)
    if share:
        places = torch.from_numpy(np.stack([cells.lat, cells.lon], axis=1)).float()
        with torch.inference_mode():
            vectors = normalize(LocationEncoder(published=True)(places).double(), dim=1)
        vectors = normalize(vectors - vectors.mean(dim=0), dim=1)
        covariance = (1 - share) * covariance + share * vectors @ vectors.T
    ridge = 1e-4 * torch.eye(count, dtype=torch.float64)
    return torch.linalg.cholesky(covariance + ridge).float()


def _continents(cells: Cells, continent_of: Mapping[str, str]) -> NDArray[np.str_]:
    return np.array([continent_of[code] for code in cells.country.tolist()])


def _members(names: NDArray[np.str_]) -> torch.Tensor:
    """[len(names), distinct names] 1 where the name is that one."""
    return torch.from_numpy((names[:, None] == np.unique(names)).astype(np.float32))
