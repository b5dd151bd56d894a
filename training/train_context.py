"""Trains places, climate and month into coordinates: python -m training.train_context SOURCE RUN

The system geolocation_clip, in two stages: photos against captions that tell place, climate and
month (`contrastive`, where the recipe asks for it), then heads for climate, month, country, state,
county and city, and the coordinates beside them or, with `use_context`, out of them.

SOURCE is any source of training/data/dataset.py whose photos have positions. What a data set does
not tell
(the month, say) gets no head. RUN gets run.json, model.safetensors, a label table for each head,
val.npz and test.npz (training/engine/run_folder.py). A recipe (recipes/context_*.json) sets the
options,
--set changes one: --set heads.epochs=3. A run that was stopped goes on when started again. The
steps stand in `train`, in order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import torch
from torch.nn.functional import cross_entropy

from geotagger.errors import UsageError
from geotagger.geography.places import load_places
from geotagger.geography.sphere import haversine_km
from geotagger.images.decode import InputSpec
from training.calibrate import calibrate
from training.data.dataset import positions
from training.data.pixels import FITS, Augmentation
from training.engine import run_folder
from training.engine.experiment import begin, run_options, tell_trained, usage_errors
from training.engine.loop import LoopOptions, fit, is_first_process
from training.engine.recipe import check_choices
from training.eval import metrics
from training.eval.comparison import places_table, sample
from training.eval.context_scores import head_table, make_decoders, make_heads
from training.models.clip import caption_loss, make_clip
from training.models.context import DEGREES, PLACE_HEADS, ContextNetwork, logits_name
from training.models.feature_extractor import FeatureExtractor
from training.models.sphere_loss import great_circle_km
from training.models.sphere_loss import on_the_map as wrap
from training.models.towers import make_tower
from training.targets.captions import context_caption
from training.targets.classes import Classes
from training.targets.label_table import write_labels

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from training.data.dataset import Example
    from training.engine.experiment import DataSet, Setting
    from training.models.towers import Tower

LOSS_WEIGHTS = {"climate": 1.0, "month": 1.0} | dict.fromkeys(PLACE_HEADS, 2.0)
DISTANCE_WEIGHT = 3.0
DISTANCE_UNIT_KM = 5000.0


@dataclass(frozen=True, slots=True)
class Options:
    tower: str = "openai/clip-vit-base-patch32"
    """See training/models/towers.py."""
    weights: str = "auto"
    """Of a trunk of training/models/backbones.py: none, auto, imagenet, or a file."""
    trained_blocks: int = 1
    """Of the tower, while heads are trained; 0 for none, -1 for all."""
    use_context: bool = True
    least_photos: int = 2
    """A country, state, county or city with fewer training photos is no class."""
    contrastive: bool = True
    """Begin with photos against captions. All of the tower is trained then."""
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
    """0: what the tower was made for."""
    fit: str = "crop"
    views: int = 0
    """Above 0, what the frozen blocks make of so many views of each photo is kept for the heads."""
    alter: Augmentation = field(default_factory=Augmentation)


@click.command(help=__doc__)
@run_options
def main(**asked: Any) -> None:
    with usage_errors():
        train(*begin(Options, **asked))


def train(setting: Setting, options: Options) -> None:
    """The whole run. Raises UsageError: the photos or the options cannot be used."""
    check_options(options)
    data = setting.start(options.heads.seed, "lat")
    run, examples, splits = setting.run, data.examples, data.splits
    heads = make_heads(examples, splits["train"], options.least_photos)
    told = ", ".join(f"{name} {len(classes)}" for name, classes in heads.items())
    click.echo(f"{len(examples)} photos; classes: {told or 'none'}")

    if options.contrastive:
        tower, size_px = pretrain(data, run / "pretraining", options)
    else:
        tower = make_tower(options.tower, options.weights)
        size_px = options.size_px or tower.size_px
    spec = InputSpec(size_px, options.fit, "bicubic")
    tower.freeze(options.trained_blocks)
    sizes = {name: len(classes) for name, classes in heads.items()}
    network = ContextNetwork(tower, sizes, options.use_context)
    trained = tell_trained(network)
    sight = FeatureExtractor(data, spec, options.alter, options.heads)
    if options.views:
        sight.keep(tower, options.views, run / "views.npy")
    known = sample(splits["train"])
    features = tuple(sight.run(network, tower, own)[0] for own in (known, splits["test"]))

    network = fit(
        network,
        make_loss(examples, heads),
        sight.dataset(splits["train"], altered=True),
        run,
        options.heads,
        lambda model: errors(model, sight, examples, splits["val"]),
    )
    if not is_first_process():
        return

    run_folder.save_weights(run, network)
    for name, classes in heads.items():
        write_labels(run / f"{name}.csv", classes.labels)
    for split, rows in splits.items():
        if split == "train":
            continue
        values = sight.run(network, network, rows)
        target = {logits_name(name): classes.index[rows] for name, classes in heads.items()}
        own = [examples[row] for row in rows]
        outputs = dict(zip(network.outputs, values, strict=True))
        run_folder.save_held_out(run / f"{split}.npz", own, on_the_map(outputs), target)
    val, test = (run_folder.read_held_out(run / f"{split}.npz") for split in ("val", "test"))
    temperature = {
        name: calibrate.fit_temperature(val.outputs[name], val.target[name]) for name in val.target
    }
    decoders = make_decoders(heads, temperature, calibrate.sigma_km(val, DEGREES))
    own = [examples[row] for row in known]
    tables = {"places": places_table(run, val, test, decoders, load_places(), own, features)}
    tables["places"]["coordinates alone"] = metrics.geographic(
        metrics.Guesses.at(*test.outputs[DEGREES].T.astype(float).tolist()), test
    )
    tables["heads"] = head_table(test, temperature, heads, splits["train"])
    click.echo(metrics.as_text(tables))
    run_folder.write(
        run,
        "context",
        options,
        spec,
        data.card(),
        tables,
        tower.origins,
        trained=trained,
        classes=sizes,
        places={name: classes.places for name, classes in heads.items()},
        sigma_km=calibrate.sigma_km(val, DEGREES),
        temperature=temperature,
        labels={logits_name(name): f"{name}.csv" for name in heads},
    )


def check_options(options: Options) -> None:
    check_choices(options, fit=FITS)
    if options.views and options.trained_blocks < 0:
        raise UsageError("views are kept of frozen blocks, and all are trained; set views to 0")
    if options.contrastive and options.pretraining.precision != options.heads.precision:
        raise UsageError("pretraining.precision and heads.precision: one process has but one")


def pretrain(data: DataSet, run: Path, options: Options) -> tuple[Tower, int]:
    """First stage: photos against their captions. Returns the image tower, and its input's side."""
    rows = data.splits["train"]
    captions = [context_caption(example) for example in data.examples]
    clip, words = make_clip(options.tower, options.weights, [captions[row] for row in rows])
    spec = InputSpec(options.size_px or clip.tower.size_px, options.fit, "bicubic")
    loop = options.pretraining
    sight = FeatureExtractor(data, spec, options.alter, loop)
    photos = sight.dataset(rows, altered=True)
    clip = fit(clip, caption_loss(captions, words), photos, run, loop)
    return clip.tower.cpu(), spec.size_px


def make_loss(
    examples: Sequence[Example], heads: Mapping[str, Classes]
) -> Callable[..., dict[str, torch.Tensor]]:
    """Cross entropy of each head, and the great-circle distance. A photo that does not know its
    class, or is known to its country alone, has no say in that part."""
    targets = {name: torch.from_numpy(classes.index) for name, classes in heads.items()}
    degrees = torch.from_numpy(np.stack(positions(examples), axis=1)).float()
    sharp = torch.tensor([example.precision in calibrate.EXACT for example in examples])

    def loss_of(
        model: torch.nn.Module, inputs: torch.Tensor, batch: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        at = batch.cpu()
        *logits, found = model(inputs)
        losses = {}
        for (name, target), values in zip(targets.items(), logits, strict=True):
            own = target[at].to(values.device)
            count = (own >= 0).sum().clamp_min(1)
            losses[name] = (
                cross_entropy(values.float(), own, ignore_index=-1, reduction="sum") / count
            )
        weight = sharp[at].float().to(found.device)
        km = great_circle_km(found.float(), degrees[at].to(found.device))
        losses["distance"] = (km * weight).sum() / weight.sum().clamp_min(1) / DISTANCE_UNIT_KM
        total = DISTANCE_WEIGHT * losses["distance"]
        losses["loss"] = total + sum(LOSS_WEIGHTS[name] * losses[name] for name in targets)
        return losses

    return loss_of


def errors(
    network: ContextNetwork,
    sight: FeatureExtractor,
    examples: Sequence[Example],
    rows: NDArray[np.intp],
) -> dict[str, float]:
    """For the log: how far off the coordinates are."""
    *_, degrees = sight.run(network, network, rows)
    km = haversine_km(*degrees.T.astype(float), *positions([examples[row] for row in rows]))
    return {"median_km": float(np.median(km))}


def on_the_map(outputs: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """As the exported graph gives them (training/models/sphere_loss.py)."""
    return outputs | {DEGREES: wrap(torch.from_numpy(outputs[DEGREES])).numpy()}


if __name__ == "__main__":
    main()
