"""Trains geolocation_clip: python -m training.train_context SOURCE RUN

There are two stages. The first, if the recipe sets `contrastive`, learns from photos and captions
with place, climate and month. The second trains heads for climate, month, country, state, county
and city, and a head for the coordinates, which with `use_context` reads the other heads.

SOURCE is any source of training/data/dataset.py whose photos have positions. A field that the data
set lacks (the month, say) gets no head. RUN gets run.json, model.safetensors, a label table for
each head, val.npz and test.npz (training/engine/run_folder.py). A recipe (recipes/context_*.json)
sets the options; --set changes one of them: --set heads.epochs=3. Start a stopped run again to
resume it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import click
import numpy as np
import torch
from torch.nn.functional import cross_entropy

from geotagger.errors import UsageError
from geotagger.geography.places import load_places
from geotagger.geography.sphere import haversine_km
from geotagger.images.decode import InputSpec
from training.calibrate import calibrate
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
from training.engine.loop import fit
from training.engine.loop_options import LoopOptions
from training.engine.recipe import check_choices
from training.eval import metrics
from training.eval.comparison import places_table
from training.eval.context_scores import head_table, make_decoders
from training.models.clip import caption_loss, make_clip
from training.models.context import (
    ATTRIBUTE_HEADS,
    DEGREES,
    PLACE_HEADS,
    ContextNetwork,
    logits_name,
)
from training.models.feature_extractor import FeatureExtractor
from training.models.sphere_loss import great_circle_km, wrap_degrees
from training.models.towers import make_tower
from training.targets.captions import context_caption
from training.targets.context_classes import make_context_classes
from training.targets.label_table import write_labels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from training.data.example import Example
    from training.data.split_dataset import SplitDataset
    from training.engine.loop import LossFunction
    from training.engine.origins import Origin
    from training.engine.run_folder import HeldOut
    from training.eval.comparison import ReferenceFeatures
    from training.models.towers import Tower
    from training.targets.classes import Classes

LOSS_WEIGHTS = dict.fromkeys(ATTRIBUTE_HEADS, 1.0) | dict.fromkeys(PLACE_HEADS, 2.0)
DISTANCE_WEIGHT = 3.0
DISTANCE_UNIT_KM = 5000.0


@dataclass(frozen=True, slots=True)
class ContextOptions:
    """The options of train_context."""

    trainer: ClassVar[str] = "context"

    tower: str = "openai/clip-vit-base-patch32"
    """See training/models/towers.py."""
    weights: str = "auto"
    """Of a backbone of training/models/backbones.py: none, auto, imagenet, or a file."""
    trained_blocks: int = 1
    """Blocks of the tower that are trained with the heads; 0 for none, -1 for all."""
    use_context: bool = True
    """The coordinate head reads the other heads."""
    min_photos: int = 2
    """A country, state, county or city with fewer training photos is no class."""
    contrastive: bool = True
    """Starts with photos and captions. This stage trains the whole tower."""
    pretraining: LoopOptions = field(
        default_factory=lambda: LoopOptions(
            epochs=4, batch_size=32, accumulation=8, learning_rate=5e-7, weight_decay=1e-3,
            betas=(0.9, 0.98), schedule="linear", warmup=0.02,
        )
    )  # fmt: skip
    heads: LoopOptions = field(
        default_factory=lambda: LoopOptions(
            epochs=3, batch_size=32, learning_rate=2e-5, weight_decay=0.01, schedule="linear",
            warmup=0.02,
        )
    )  # fmt: skip
    size_px: int = 0
    """Side of the input; 0 for that of the tower's pretraining."""
    fit: str = "crop"
    views: int = 0
    """Above 0, the frozen outputs for this number of views of each photo are cached."""
    augmentation: Augmentation = field(default_factory=Augmentation)


@click.command(help=__doc__)
@experiment_options
def main(**arguments: Any) -> None:
    with usage_errors():
        train(*parse_experiment(ContextOptions, **arguments))


def train(experiment: Experiment, options: ContextOptions) -> None:
    """Trains both stages and writes the run. Raises UsageError as `check_options` does."""
    check_options(options)
    data = experiment.read_data(options.heads.seed, "lat")
    run_experiment(ContextSystem(data, options, experiment.run), data, experiment.run)


def check_options(options: ContextOptions) -> None:
    """Raises UsageError if the options contradict each other."""
    check_choices(options, fit=FIT_MODES)
    if options.views and options.trained_blocks < 0:
        raise UsageError("views cache frozen blocks, but all blocks are trained; set views to 0")
    if options.contrastive and options.pretraining.precision != options.heads.precision:
        raise UsageError("pretraining.precision and heads.precision must be the same")


class ContextSystem:
    """The second stage of geolocation_clip; see engine/experiment.py."""

    family: ClassVar[str] = "context"

    def __init__(self, data: SplitDataset, options: ContextOptions, run: Path) -> None:
        self.options, self.loop, self.examples = options, options.heads, data.examples
        self.train_rows = self.reference_rows = data.splits["train"]
        self.val_rows = data.splits["val"]
        self.heads = make_context_classes(data.examples, self.train_rows, options.min_photos)
        self.class_counts = {name: len(classes) for name, classes in self.heads.items()}
        counts = ", ".join(f"{name} {count}" for name, count in self.class_counts.items())
        click.echo(f"{len(data.examples)} photos; classes: {counts or 'none'}")
        if options.contrastive:
            tower, size_px = pretrain(data, run / "pretraining", options)
        else:
            tower = make_tower(options.tower, options.weights)
            size_px = options.size_px or tower.size_px
        self.spec = InputSpec(size_px, options.fit, "bicubic")
        tower.freeze(options.trained_blocks)
        self.network = ContextNetwork(tower, self.class_counts, options.use_context)
        self.frozen_part = tower

    @property
    def origins(self) -> tuple[Origin, ...]:
        return self.network.tower.origins

    def cache_key(self) -> str:
        return ""

    def features(self, inputs: torch.Tensor) -> torch.Tensor:
        """Maps inputs [B, ...] to features [B, width]."""
        return self.network.tower(inputs)

    def loss_function(self) -> LossFunction:
        return make_loss(self.examples, self.heads)

    def validate(self, network: ContextNetwork, extractor: FeatureExtractor) -> dict[str, float]:
        """Measures the error of the coordinates."""
        *_, degrees = extractor.run(network, network, self.val_rows)
        lat, lon = positions([self.examples[row] for row in self.val_rows])
        return {"median_km": float(np.median(haversine_km(*degrees.T.astype(float), lat, lon)))}

    def predict(
        self, network: ContextNetwork, extractor: FeatureExtractor, rows: NDArray[np.intp]
    ) -> dict[str, NDArray[np.float32]]:
        """Returns logits and valid degrees, as the exported graph does."""
        outputs = dict(zip(network.outputs, extractor.run(network, network, rows), strict=True))
        degrees = wrap_degrees(torch.from_numpy(outputs[DEGREES])).numpy()
        return outputs | {DEGREES: degrees}

    def targets(self, rows: NDArray[np.intp]) -> dict[str, NDArray[np.intp]]:
        return {logits_name(name): classes.index[rows] for name, classes in self.heads.items()}

    def save_tables(self, _network: ContextNetwork, run: Path) -> None:
        for name, classes in self.heads.items():
            write_labels(run / f"{name}.csv", classes.labels)

    def score(
        self,
        _network: ContextNetwork,
        _extractor: FeatureExtractor,
        run: Path,
        val: HeldOut,
        test: HeldOut,
        reference: ReferenceFeatures,
    ) -> Report:
        temperature = {
            name: calibrate.fit_temperature(val.outputs[name], val.target[name])
            for name in val.target
        }
        sigma_km = calibrate.sigma_km(val, DEGREES)
        decoders = make_decoders(self.heads, temperature, sigma_km)
        places = places_table(run, val, test, decoders, load_places(), reference)
        lat, lon = test.outputs[DEGREES].T.astype(float).tolist()
        direct = metrics.PredictedLocations.at(lat, lon)
        places["coordinates alone"] = metrics.geographic(direct, test)
        heads = head_table(test, temperature, self.heads, self.train_rows)
        return Report(
            {"places": places, "heads": heads},
            {
                "classes": self.class_counts,
                "places": {name: classes.places for name, classes in self.heads.items()},
                "sigma_km": sigma_km,
                "temperature": temperature,
                "labels": {logits_name(name): f"{name}.csv" for name in self.heads},
            },
        )


def pretrain(data: SplitDataset, run: Path, options: ContextOptions) -> tuple[Tower, int]:
    """Trains the first stage: photos and their captions.

    Returns:
        (image tower, side of its input in pixels).
    """
    rows = data.splits["train"]
    captions = [context_caption(example) for example in data.examples]
    clip, tokenizer = make_clip(options.tower, options.weights, [captions[row] for row in rows])
    spec = InputSpec(options.size_px or clip.tower.size_px, options.fit, "bicubic")
    loop = options.pretraining
    extractor = FeatureExtractor(data, spec, options.augmentation, loop)
    photos = extractor.dataset(rows, augmented=True)
    clip = fit(clip, caption_loss(captions, tokenizer), photos, run, loop)
    return clip.tower.cpu(), spec.size_px


def make_loss(examples: Sequence[Example], heads: Mapping[str, Classes]) -> LossFunction:
    """Returns the cross entropies of the heads plus the great-circle distance.

    A photo without a class in a head does not count there. A photo that is known only to its
    country does not count in the distance.
    """
    targets = {name: torch.from_numpy(classes.index) for name, classes in heads.items()}
    degrees = torch.from_numpy(np.stack(positions(examples), axis=1)).float()
    located = torch.tensor([e.precision in calibrate.LOCATED_PRECISIONS for e in examples])

    def loss_function(
        network: torch.nn.Module, inputs: torch.Tensor, rows: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        at = rows.cpu()
        *logits, predicted = network(inputs)
        losses = {}
        for (name, target), values in zip(targets.items(), logits, strict=True):
            own = target[at].to(values.device)
            count = (own >= 0).sum().clamp_min(1)
            losses[name] = (
                cross_entropy(values.float(), own, ignore_index=-1, reduction="sum") / count
            )
        weight = located[at].float().to(predicted.device)
        km = great_circle_km(predicted.float(), degrees[at].to(predicted.device))
        losses["distance"] = (km * weight).sum() / weight.sum().clamp_min(1) / DISTANCE_UNIT_KM
        total = DISTANCE_WEIGHT * losses["distance"]
        losses["loss"] = total + sum(LOSS_WEIGHTS[name] * losses[name] for name in targets)
        return losses

    return loss_function


if __name__ == "__main__":
    main()
