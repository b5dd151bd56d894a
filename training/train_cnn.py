"""Trains a CNN to tell places apart (GeoScope, GeoSpottr): python -m training.train_cnn SOURCE RUN

SOURCE is any source of training/data/dataset.py. RUN gets run.json, model.safetensors, labels.csv,
val.npz
and test.npz (training/engine/run_folder.py). A recipe (recipes/cnn_*.json) sets the options, and
--set
changes one of them: --set loop.epochs=3. A run that was stopped goes on when started again.
The steps stand in `train`, in order.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import torch
from torch.nn.functional import log_softmax

from geotagger.errors import UsageError
from geotagger.images.decode import InputSpec
from training.data.dataset import positions
from training.data.pixels import FITS, Augmentation
from training.engine import run_folder
from training.engine.experiment import begin, run_options, tell_trained, usage_errors
from training.engine.loop import LoopOptions, fit, is_first_process
from training.engine.recipe import check_choices
from training.eval import metrics
from training.eval.cnn_scores import score
from training.eval.comparison import sample
from training.models.backbones import TRUNKS
from training.models.cnn import DEGREES, LOGITS, PlaceNetwork
from training.models.feature_extractor import FeatureExtractor
from training.models.sphere_loss import great_circle_km, wrapped_huber
from training.targets.classes import KINDS, Classes, make_classes, smooth_targets, with_log_prior
from training.targets.label_table import write_labels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.data.dataset import Example
    from training.engine.experiment import Setting
    from training.engine.loop import LossOf


@dataclass(frozen=True, slots=True)
class Options:
    backbone: str = "resnet18"
    weights: str = "auto"
    """none, auto (of an installed package, where there is one), imagenet, or a file."""
    train: str = "last"
    """head, last (stages) or all."""
    last_stages: int = 1
    hidden: int = 0
    """Units between trunk and logits; 0 for one linear layer."""
    classes: str = "country"
    cluster_radius_km: float = 400.0
    quadtree_most: int = 1000
    """A quadtree cell with more training photos is cut in four."""
    quadtree_least: int = 50
    """A quadtree cell with fewer is dropped."""
    tau_km: float = 0.0
    """0: plain labels; else a class counts exp(-(distance beyond the own class) / tau)."""
    country_exponent: float = 0.0
    """A photo counts (photos of its class)^-exponent."""
    coordinates: bool = False
    """A second head guesses the coordinates themselves."""
    coordinate_loss: str = "great_circle"
    """great_circle or huber (of degrees, the short way round)."""
    class_share: float = 0.6
    """Of the loss, with coordinates; the rest is the coordinates' share."""
    size_px: int = 0
    """0: what the backbone was made for."""
    fit: str = "crop"
    views: int = 0
    """Above 0: what the frozen stages make of so many views of each photo is kept for reuse."""
    alter: Augmentation = field(default_factory=Augmentation)
    loop: LoopOptions = field(default_factory=LoopOptions)


@click.command(help=__doc__)
@run_options
def main(**asked: Any) -> None:
    with usage_errors():
        train(*begin(Options, **asked))


def train(setting: Setting, options: Options) -> None:
    """The whole run. Raises UsageError: the photos or the options cannot be used."""
    check_options(options)
    data = setting.start(options.loop.seed, *(["lat"] if options.coordinates else []))
    run, examples, splits = setting.run, data.examples, data.splits
    classes = make_classes(
        examples,
        options.classes,
        splits["train"],
        radius_km=options.cluster_radius_km,
        most=options.quadtree_most,
        least=options.quadtree_least,
    )
    rows = {name: own[classes.index[own] >= 0] for name, own in splits.items()}
    told = ", ".join(f"{name} {len(own)} of {len(splits[name])}" for name, own in rows.items())
    click.echo(f"{len(examples)} photos, {data.left_out} left out; with a known class: {told}")

    trunk = TRUNKS[options.backbone](options.weights)
    network = PlaceNetwork(trunk, len(classes), options.coordinates, options.hidden)
    network.freeze(options.train, options.last_stages)
    click.echo(f"{len(classes)} classes")
    trained = tell_trained(network)
    spec = InputSpec(options.size_px or trunk.size_px, options.fit, "bicubic")
    check_size(network, spec.size_px, f"{options.backbone} is made for {trunk.size_px}")

    sight = FeatureExtractor(data, spec, options.alter, options.loop)
    if options.views:
        keep_views(sight, network, spec.size_px, run / "views.npy", options)
    some = sample(rows["train"])
    before = tuple(sight.run(network, network.features, own)[0] for own in (some, splits["test"]))
    targets, weights = make_targets(classes, examples, rows["train"], options)
    classes = with_log_prior(classes, (weights[:, None] * targets).mean(axis=0))
    loss_of = make_loss(targets, weights, examples, rows["train"], options)
    network = fit(
        network,
        loss_of,
        sight.dataset(rows["train"], altered=True),
        run,
        options.loop,
        lambda model: accuracy(sight.run(model, model, rows["val"])[0], classes.index[rows["val"]]),
    )
    if not is_first_process():
        return

    run_folder.save_weights(run, network)
    write_labels(run / "labels.csv", classes.labels)
    names = (LOGITS, DEGREES) if options.coordinates else (LOGITS,)
    for split in ("val", "test"):
        values = sight.run(network, network, splits[split])
        run_folder.save_held_out(
            run / f"{split}.npz",
            data.of(split),
            dict(zip(names, values, strict=True)),
            {LOGITS: classes.index[splits[split]]},
        )
    temperature, tables = score(run, classes, examples, rows["train"], some, before)
    click.echo(metrics.as_text(tables))
    run_folder.write(
        run,
        "cnn",
        options,
        spec,
        data.card(),
        tables,
        trunk.origins,
        classes=len(classes),
        places=classes.places,
        trained=trained,
        temperature={LOGITS: temperature},
        labels={LOGITS: "labels.csv"},
    )


def check_options(options: Options) -> None:
    check_choices(
        options,
        backbone=tuple(TRUNKS),
        train=("head", "last", "all"),
        classes=KINDS,
        coordinate_loss=("great_circle", "huber"),
        fit=FITS,
    )
    if options.views and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UsageError("views are kept by one process; set views to 0 to run several")
    if options.views and options.train == "all":
        raise UsageError("views are kept of frozen stages, and train is all; set views to 0")


@torch.no_grad()
def check_size(network: PlaceNetwork, size_px: int, told: str) -> None:
    """Raises UsageError: the network cannot take pictures of that size."""
    try:
        network.eval()(torch.zeros(1, size_px, size_px, 3, dtype=torch.uint8))
    except RuntimeError as error:
        raise UsageError(f"size_px: {size_px} does not fit; {told}") from error


def keep_views(
    sight: FeatureExtractor, network: PlaceNetwork, size_px: int, file: Path, options: Options
) -> None:
    """Raises UsageError: the frozen stages end between twins, whose outputs are two."""
    nothing = torch.zeros(1, size_px, size_px, 3, dtype=torch.uint8)
    if isinstance(network.eval().frozen(nothing), tuple):
        raise UsageError("views: the frozen stages end in two trunks; set views to 0")
    key = f"{options.backbone} {options.weights} {network.split} {options.loop.seed}"
    sight.keep(network, options.views, file, key)


def make_targets(
    classes: Classes, examples: list[Example], known: NDArray[np.intp], options: Options
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(targets [n, K], weights [n] with mean 1) of the rows `known`."""
    targets = smooth_targets(classes, examples, known, options.tau_km)
    own = classes.index[known]
    weights = np.bincount(own, minlength=len(classes))[own] ** -float(options.country_exponent)
    return targets, (weights / weights.mean()).astype(np.float32)


def make_loss(
    soft: NDArray[np.float32],
    counts: NDArray[np.float32],
    examples: list[Example],
    known: NDArray[np.intp],
    options: Options,
) -> LossOf:
    """Cross entropy against plain or smoothed labels, and the coordinates' loss beside it."""
    place = torch.full((len(examples),), -1)
    place[known] = torch.arange(len(known))
    targets, weights = torch.from_numpy(soft), torch.from_numpy(counts)
    degrees = torch.from_numpy(
        np.stack(positions([examples[row] for row in known]), axis=1)
    ).float()
    span = torch.tensor([45.0, 90.0])

    def loss_of(
        model: torch.nn.Module, inputs: torch.Tensor, rows: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        at = place[rows.cpu()]
        logits, *coordinates = model(inputs)
        device = logits.device
        logs = log_softmax(logits.float(), dim=1)
        each = -(targets[at].to(device) * logs).sum(dim=1) * weights[at].to(device)
        losses = {"classes": each.mean()}
        losses["loss"] = losses["classes"]
        if coordinates:
            truth = degrees[at].to(device)
            if options.coordinate_loss == "huber":
                apart = wrapped_huber(coordinates[0].float(), truth, span.to(device))
            else:
                apart = great_circle_km(coordinates[0].float(), truth).mean() / 5000
            losses["coordinates"] = apart
            share = options.class_share
            losses["loss"] = share * losses["classes"] + (1 - share) * apart
        return losses

    return loss_of


def accuracy(logits: NDArray[np.float32], target: NDArray[np.intp]) -> dict[str, float]:
    return {"accuracy": float((logits.argmax(axis=1) == target).mean())}


if __name__ == "__main__":
    main()
