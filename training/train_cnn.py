"""Trains a CNN to classify places (GeoScope, GeoSpottr): python -m training.train_cnn SOURCE RUN

SOURCE is any source of training/data/dataset.py. RUN gets run.json, model.safetensors, labels.csv,
val.npz and test.npz (training/engine/run_folder.py). A recipe (recipes/cnn_*.json) sets the
options; --set changes one of them: --set loop.epochs=3. Start a stopped run again to resume it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import click
import numpy as np
import torch
from torch.nn.functional import log_softmax

from geotagger.errors import UsageError
from geotagger.images.decode import InputSpec
from training.data.example import positions
from training.data.pixels import FIT_MODES, Augmentation
from training.engine.experiment import (
    Experiment,
    Report,
    experiment_options,
    parse_experiment,
    run_experiment,
    usage_errors,
)
from training.engine.loop_options import LoopOptions
from training.engine.recipe import check_choices
from training.eval.cnn_scores import score_cnn
from training.models.backbones import BACKBONES
from training.models.cnn import DEGREES, LOGITS, SPAN_DEGREES, PlaceNetwork
from training.models.sphere_loss import great_circle_km, wrapped_huber
from training.targets.classes import CLASS_KINDS, make_classes, smooth_targets, with_log_prior
from training.targets.label_table import write_labels

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from training.data.example import Example
    from training.data.split_dataset import SplitDataset
    from training.engine.loop import LossFunction
    from training.engine.origins import Origin
    from training.engine.run_folder import HeldOut
    from training.eval.comparison import ReferenceFeatures
    from training.models.feature_extractor import FeatureExtractor
    from training.targets.classes import Classes

DISTANCE_UNIT_KM = 5000


@dataclass(frozen=True, slots=True)
class CnnOptions:
    """The options of train_cnn."""

    trainer: ClassVar[str] = "cnn"

    backbone: str = "resnet18"
    """See training/models/backbones.py."""
    weights: str = "auto"
    """none, auto (of an installed package, if there is one), imagenet, or a file."""
    train: str = "last"
    """head, last (stages) or all."""
    last_stages: int = 1
    hidden: int = 0
    """Units between backbone and logits; 0 for one linear layer."""
    classes: str = "country"
    cluster_radius_km: float = 400.0
    quadtree_max_photos: int = 1000
    """A quadtree cell with more training photos is divided in four."""
    quadtree_min_photos: int = 50
    """A quadtree cell with fewer training photos is dropped."""
    tau_km: float = 0.0
    """0 for plain labels; else the target of a class is exp(-(distance beyond the own class) /
    tau)."""
    country_exponent: float = 0.0
    """The weight of a photo is (photos of its class)^-exponent."""
    coordinates: bool = False
    """Adds a head for the coordinates."""
    coordinate_loss: str = "great_circle"
    """great_circle, or huber (in degrees, the short way round)."""
    class_share: float = 0.6
    """Share of the class loss, with coordinates; the rest is the share of the coordinate loss."""
    size_px: int = 0
    """Side of the input; 0 for that of the backbone's pretraining."""
    fit: str = "crop"
    views: int = 0
    """Above 0, the frozen outputs for this number of views of each photo are cached."""
    augmentation: Augmentation = field(default_factory=Augmentation)
    loop: LoopOptions = field(default_factory=LoopOptions)


@click.command(help=__doc__)
@experiment_options
def main(**arguments: Any) -> None:
    with usage_errors():
        train(*parse_experiment(CnnOptions, **arguments))


def train(experiment: Experiment, options: CnnOptions) -> None:
    """Trains a CNN and writes its run. Raises UsageError if photos or options cannot be used."""
    check_options(options)
    data = experiment.read_data(options.loop.seed, *(["lat"] if options.coordinates else []))
    run_experiment(CnnSystem(data, options), data, experiment.run)


def check_options(options: CnnOptions) -> None:
    """Raises UsageError if the options contradict each other."""
    check_choices(
        options,
        backbone=tuple(BACKBONES),
        train=("head", "last", "all"),
        classes=CLASS_KINDS,
        coordinate_loss=("great_circle", "huber"),
        fit=FIT_MODES,
    )
    if options.views and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UsageError("views can be cached by one process only; set views to 0 to run several")
    if options.views and options.train == "all":
        raise UsageError("views cache frozen stages, but train is all; set views to 0")


class CnnSystem:
    """A CNN with a class head, and optionally a coordinate head; see engine/experiment.py."""

    family: ClassVar[str] = "cnn"

    def __init__(self, data: SplitDataset, options: CnnOptions) -> None:
        self.options, self.loop, self.examples = options, options.loop, data.examples
        classes = make_classes(
            data.examples,
            options.classes,
            data.splits["train"],
            radius_km=options.cluster_radius_km,
            max_photos=options.quadtree_max_photos,
            min_photos=options.quadtree_min_photos,
        )
        known = {name: rows[classes.index[rows] >= 0] for name, rows in data.splits.items()}
        self.train_rows = self.reference_rows = known["train"]
        self.val_rows = known["val"]
        counts = ", ".join(
            f"{name} {len(known[name])} of {len(data.splits[name])}" for name in known
        )
        click.echo(
            f"{len(data.examples)} photos, {data.left_out} left out; with a known class: {counts}"
        )
        self.backbone = BACKBONES[options.backbone](options.weights)
        self.network = self.frozen_part = PlaceNetwork(
            self.backbone, len(classes), options.coordinates, options.hidden
        )
        self.network.freeze(options.train, options.last_stages)
        click.echo(f"{len(classes)} classes")
        self.spec = InputSpec(options.size_px or self.backbone.size_px, options.fit, "bicubic")
        self._check_input()
        self.class_targets, self.weights = make_targets(
            classes, data.examples, self.train_rows, options
        )
        shares = (self.weights[:, None] * self.class_targets).mean(axis=0)
        self.classes = with_log_prior(classes, shares)

    @property
    def origins(self) -> tuple[Origin, ...]:
        return self.backbone.origins

    def cache_key(self) -> str:
        options = self.options
        return f"{options.backbone} {options.weights} {self.network.split} {options.loop.seed}"

    def features(self, inputs: torch.Tensor) -> torch.Tensor:
        """Maps inputs [B, ...] to features [B, width]."""
        return self.network.features(inputs)

    def loss_function(self) -> LossFunction:
        return make_loss(
            self.class_targets, self.weights, self.examples, self.train_rows, self.options
        )

    def validate(self, network: PlaceNetwork, extractor: FeatureExtractor) -> dict[str, float]:
        logits = extractor.run(network, network, self.val_rows)[0]
        right = logits.argmax(axis=1) == self.classes.index[self.val_rows]
        return {"accuracy": float(right.mean())}

    def predict(
        self, network: PlaceNetwork, extractor: FeatureExtractor, rows: NDArray[np.intp]
    ) -> dict[str, NDArray[np.float32]]:
        names = (LOGITS, DEGREES) if self.options.coordinates else (LOGITS,)
        return dict(zip(names, extractor.run(network, network, rows), strict=True))

    def targets(self, rows: NDArray[np.intp]) -> dict[str, NDArray[np.intp]]:
        return {LOGITS: self.classes.index[rows]}

    def save_tables(self, _network: PlaceNetwork, run: Path) -> None:
        write_labels(run / "labels.csv", self.classes.labels)

    def score(
        self,
        _network: PlaceNetwork,
        _extractor: FeatureExtractor,
        run: Path,
        val: HeldOut,
        test: HeldOut,
        reference: ReferenceFeatures,
    ) -> Report:
        temperature, tables = score_cnn(run, self.classes, val, test, self.train_rows, reference)
        return Report(
            tables,
            {
                "classes": len(self.classes),
                "places": self.classes.places,
                "temperature": {LOGITS: temperature},
                "labels": {LOGITS: "labels.csv"},
            },
        )

    @torch.no_grad()
    def _check_input(self) -> None:
        """Raises UsageError if the input does not fit, or its frozen output cannot be cached."""
        size_px, backbone = self.spec.size_px, self.options.backbone
        pixels = torch.zeros(1, size_px, size_px, 3, dtype=torch.uint8)
        try:
            self.network.eval()(pixels)
        except RuntimeError as error:
            raise UsageError(
                f"size_px: {size_px} does not fit; {backbone} was made for {self.backbone.size_px}"
            ) from error
        if self.options.views and isinstance(self.network.frozen(pixels), tuple):
            raise UsageError("views: the frozen stages end in two branches; set views to 0")


def make_targets(
    classes: Classes, examples: list[Example], rows: NDArray[np.intp], options: CnnOptions
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Returns (targets [n, K], weights [n] with mean 1) of the n training photos."""
    targets = smooth_targets(classes, examples, rows, options.tau_km)
    own = classes.index[rows]
    weights = np.bincount(own, minlength=len(classes))[own] ** -float(options.country_exponent)
    return targets, (weights / weights.mean()).astype(np.float32)


def make_loss(
    class_targets: NDArray[np.float32],
    photo_weights: NDArray[np.float32],
    examples: list[Example],
    train_rows: NDArray[np.intp],
    options: CnnOptions,
) -> LossFunction:
    """Returns the cross entropy of the classes, plus the loss of the coordinates.

    Args:
        class_targets: [n, K] of the training photos.
        photo_weights: [n] of the training photos.
        examples: All photos.
        train_rows: [n] the training photos.
        options: The options of the run.
    """
    position_of = torch.full((len(examples),), -1)
    position_of[train_rows] = torch.arange(len(train_rows))
    targets, weights = torch.from_numpy(class_targets), torch.from_numpy(photo_weights)
    located = positions([examples[row] for row in train_rows])
    degrees = torch.from_numpy(np.stack(located, axis=1)).float()
    span = torch.tensor(SPAN_DEGREES)

    def coordinate_loss(predicted: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
        if options.coordinate_loss == "huber":
            return wrapped_huber(predicted, true, span.to(predicted.device))
        return great_circle_km(predicted, true).mean() / DISTANCE_UNIT_KM

    def loss_function(
        network: torch.nn.Module, inputs: torch.Tensor, rows: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        at = position_of[rows.cpu()]
        logits, *coordinates = network(inputs)
        device = logits.device
        logs = log_softmax(logits.float(), dim=1)
        each = -(targets[at].to(device) * logs).sum(dim=1) * weights[at].to(device)
        losses = {"classes": each.mean()}
        losses["loss"] = losses["classes"]
        if coordinates:
            losses["coordinates"] = coordinate_loss(coordinates[0].float(), degrees[at].to(device))
            share = options.class_share
            losses["loss"] = share * losses["classes"] + (1 - share) * losses["coordinates"]
        return losses

    return loss_function


if __name__ == "__main__":
    main()
