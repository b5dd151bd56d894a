"""Tunes the last stages of a starter backbone on photos of every precision.

First the heads alone learn on the features of the pretrained backbone, so that their random weights
do not spoil it (linear probing, then fine-tuning: Kumar et al. 2022). Then the last stages learn
with them, on augmented views of photos that are drawn by weight.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click
import numpy as np
import torch
from torch import nn

from training.data.balanced_views import BalancedViews, DrawOptions
from training.data.pixels import Augmentation
from training.engine.loop import fit
from training.engine.loop_options import LoopOptions
from training.models.location_encoder import cell_embeddings
from training.models.place_loss import PlaceLoss
from training.models.tuning_network import TuningNetwork
from training.targets.cells import place_targets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from PIL import Image

    from geotagger.images.decode import InputSpec
    from training.data.example import Example
    from training.targets.cells import Cells

    Heads = tuple[torch.Tensor, ...]

PROBE_BATCH = 256


@dataclass(frozen=True, slots=True)
class TuneOptions:
    """How a backbone is tuned."""

    frozen_stages: int = 5
    """Stages that keep their pretrained weights; more is faster."""
    size_px: int = 192
    """The side of the training views. Smaller than the final input: crops show things larger."""
    decoded_px: int = 240
    """The shorter side of the photos that are kept decoded."""
    per_epoch: int = 8000
    """Photos that are drawn for an epoch."""
    source_exponent: float = 0.4
    country_exponent: float = 0.35
    """How far the draws are balanced; see training/data/balance.py."""
    mix: float = 0.3
    """Probability that a view is mixed with another photo of the country."""
    tau_km: float = 150.0
    own_country: float = 0.7
    """Of the targets; see training/targets/cells.py."""
    country: float = 0.5
    continent: float = 0.4
    """The weights of the country and continent losses next to that of the cell."""
    smoothing: float = 0.05
    """The share of the country and continent targets that is spread over all of them."""
    align: float = 0.5
    """The weight of the head that compares photos with GeoCLIP's location embeddings; 0 for none.
    It needs the package geoclip."""
    dropout: float = 0.3
    head_learning_rate: float = 1e-3
    probe_steps: int = 700
    augmentation: Augmentation = field(default_factory=Augmentation)
    loop: LoopOptions = field(default_factory=LoopOptions)
    """Its learning rate is that of the stages."""


@dataclass(frozen=True, slots=True)
class TuningPhotos:
    """The photos of a tuning."""

    examples: Sequence[Example]
    picture: Callable[[int], Image.Image]
    """Decodes the photo of a row."""
    cells: Cells
    continent_of: Mapping[str, str]
    """Country code -> continent."""
    rows: NDArray[np.intp]
    """The m photos to learn from."""
    weights: NDArray[np.float64]
    """[m] how often each is drawn."""


def tune(
    stages: Sequence[nn.Module],
    features: NDArray[np.float32],
    photos: TuningPhotos,
    spec: InputSpec,
    folder: Path,
    options: TuneOptions,
    validate: Callable[[TuningNetwork], dict[str, float]] | None = None,
) -> TuningNetwork:
    """Tunes a backbone.

    Args:
        stages: The pretrained stages; they are changed in place.
        features: [n, D] of all photos by these stages before tuning.
        photos: The photos.
        spec: The input of the training views.
        folder: Gets checkpoints and the log; a stopped tuning is resumed from it.
        options: How the backbone is tuned.
        validate: Computes scores for the log.

    Returns:
        The tuned network, in evaluation mode.

    Raises:
        UsageError: The options need the package geoclip and it is not installed, or the folder
            holds a checkpoint of other options.
    """
    torch.manual_seed(options.loop.seed)
    embeddings = cell_embeddings(photos.cells) if options.align else None
    network = TuningNetwork(
        stages, options.frozen_stages, len(photos.cells), embeddings, options.dropout
    )
    loss = make_loss(photos, options)
    if not (folder / "checkpoints" / "last").is_dir():
        probe_heads(network, torch.from_numpy(features), loss, photos, options)
    draws = DrawOptions(options.per_epoch, options.mix, options.augmentation, options.loop.seed)
    views = BalancedViews(photos.picture, photos.examples, photos.rows, photos.weights, spec, draws)

    def loss_function(
        model: nn.Module, pixels: torch.Tensor, rows: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        return loss(model(pixels), rows)

    groups = [
        {"params": list(network.high.parameters())},
        {"params": list(network.heads.parameters()), "lr": options.head_learning_rate},
    ]
    return fit(network, loss_function, views, folder, options.loop, validate, groups)


def make_loss(
    photos: TuningPhotos, options: TuneOptions
) -> Callable[[Heads, torch.Tensor], dict[str, torch.Tensor]]:
    """Returns the loss of the heads' logits [B, C] for photos of some rows [B], by name."""
    targets = place_targets(photos.examples, photos.cells, options.tau_km, options.own_country)
    losses = PlaceLoss(
        targets,
        photos.cells,
        photos.continent_of,
        options.country,
        options.continent,
        options.smoothing,
    )

    def loss(heads: Heads, rows: torch.Tensor) -> dict[str, torch.Tensor]:
        named = {
            name: losses(logits, rows.cpu()).mean()
            for name, logits in zip(("cell", "align"), heads, strict=False)
        }
        return {"loss": named["cell"] + options.align * named.get("align", 0.0), **named}

    return loss


def probe_heads(
    network: TuningNetwork,
    features: torch.Tensor,
    loss: Callable[[Heads, torch.Tensor], dict[str, torch.Tensor]],
    photos: TuningPhotos,
    options: TuneOptions,
) -> None:
    """Trains the heads alone, on the features [n, D] of all photos."""
    optimizer = torch.optim.AdamW(
        network.heads.parameters(),
        options.head_learning_rate,
        weight_decay=options.loop.weight_decay,
    )
    decay = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.01, max(1, options.probe_steps))
    random = np.random.default_rng(options.loop.seed)
    share = photos.weights / photos.weights.sum()
    network.train()
    value = torch.zeros(())
    for _ in range(options.probe_steps):
        rows = torch.from_numpy(random.choice(photos.rows, PROBE_BATCH, p=share))
        value = loss(network.heads(features[rows]), rows)["loss"]
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        decay.step()
    click.echo(f"heads on pretrained features: loss {float(value.detach()):.3f}")
