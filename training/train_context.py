"""Trains places, climate and month into coordinates: python -m training.train_context SOURCE RUN

The system geolocation_clip, in two stages: photos against captions that tell place, climate and
month (`contrastive`, where the recipe asks for it), then heads for climate, month, country, state,
county and city, and the coordinates beside them or, with `use_context`, out of them.

SOURCE is any source of training/data.py whose photos have positions. What a data set does not tell
(the month, say) gets no head. RUN gets run.json, model.safetensors, a label table for each head,
val.npz and test.npz (training/run_folder.py). A recipe (recipes/context_*.json) sets the options,
--set changes one: --set heads.epochs=3. A run that was stopped goes on when started again. The
steps stand in `train`, in order.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import torch
from torch.nn.functional import cross_entropy

from geotagger.errors import UsageError
from geotagger.geo import haversine_km
from geotagger.images import InputSpec
from geotagger.places import load_places
from geotagger.vision.heads import ClassifyReader, RegressReader
from training import calibrate, metrics, run_folder
from training.captions import context_caption, county_of, month_of
from training.classes import Classes, make_classes
from training.climates import climate_of
from training.clip import caption_loss, make_clip
from training.comparison import places_table, sample
from training.context import DEGREES, HEADS, PLACE_HEADS, ContextNetwork, logits_name
from training.data import positions
from training.label_table import write_labels
from training.loop import LoopOptions, fit, is_first_process
from training.pixels import FITS, Alterations
from training.recipe import check_choices
from training.setting import begin, run_options, usage_errors
from training.sight import Sight
from training.sphere import great_circle_km
from training.sphere import on_the_map as wrap
from training.towers import make_tower

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from geotagger.vision.heads import Reader
    from training.data import Example
    from training.setting import DataSet, Setting
    from training.towers import Tower

ATTRIBUTES = ("climate", "month")
LOSS_WEIGHTS = {"climate": 1.0, "month": 1.0} | dict.fromkeys(PLACE_HEADS, 2.0)
DISTANCE_WEIGHT = 3.0
DISTANCE_UNIT_KM = 5000.0


@dataclass(frozen=True, slots=True)
class Options:
    tower: str = "openai/clip-vit-base-patch32"
    """See training/towers.py."""
    weights: str = "auto"
    """Of a trunk of training/cnn.py: none, auto, imagenet, or a file."""
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
    alter: Alterations = field(default_factory=Alterations)


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
    spec = InputSpec(size_px, options.fit)
    tower.freeze(options.trained_blocks)
    sizes = {name: len(classes) for name, classes in heads.items()}
    network = ContextNetwork(tower, sizes, options.use_context)
    trained = sum(p.numel() for p in network.parameters() if p.requires_grad)
    total = sum(p.numel() for p in network.parameters())
    click.echo(f"{trained:,} of {total:,} numbers are trained")
    loop = options.heads
    sight = Sight(data.source, examples, spec, options.alter, loop.seed, loop.workers)
    if options.views:
        sight.keep(tower, options.views, run / "views.npy")
    known = sample(splits["train"])
    features = tuple(sight.run(network, tower, own)[0] for own in (known, splits["test"]))

    network = fit(
        network,
        make_loss(examples, heads),
        sight.dataset(splits["train"], altered=True),
        run,
        loop,
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
    readers = make_readers(heads, temperature, sigma_km(val))
    own = [examples[row] for row in known]
    tables = {"places": places_table(run, val, test, readers, load_places(), own, features)}
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
        sigma_km=sigma_km(val),
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
    spec = InputSpec(options.size_px or clip.tower.size_px, options.fit)
    loop = options.pretraining
    sight = Sight(data.source, data.examples, spec, options.alter, loop.seed, loop.workers)
    photos = sight.dataset(rows, altered=True)
    clip = fit(clip, caption_loss(captions, words), photos, run, loop)
    return clip.tower.cpu(), spec.size_px


def make_heads(examples: list[Example], known: NDArray[np.intp], least: int) -> dict[str, Classes]:
    """The classes of every head that the data set tells two or more of; see HEADS."""
    columns = {
        "climate": [replace(e, label=climate_of(e)) for e in examples],
        "month": [replace(e, label=month_of(e)) for e in examples],
        "country": examples,
        "state": examples,
        "county": [replace(e, city=county_of(e)) for e in examples],
        "city": examples,
    }
    kinds = {"climate": "label", "month": "label", "state": "region", "county": "city"}
    heads = {}
    for name in HEADS:
        own, kind = columns[name], kinds.get(name, name)
        frequent = only_frequent(own, kind, known, least if name not in ATTRIBUTES else 1)
        try:
            classes = make_classes(frequent, kind, known)
        except UsageError:
            continue
        if len(classes) > 1:
            heads[name] = replace(classes, places=classes.places and name not in ATTRIBUTES)
    return heads


def only_frequent(
    examples: Sequence[Example], kind: str, known: NDArray[np.intp], least: int
) -> list[Example]:
    """Examples without the name of a class that fewer than `least` of the photos `known` have."""

    def key(example: Example) -> tuple[str, ...]:
        return (example.country, example.region if kind == "city" else "", getattr(example, kind))

    count = Counter(key(examples[row]) for row in known)
    return [e if count[key(e)] >= least else replace(e, **{kind: ""}) for e in examples]


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
    network: ContextNetwork, sight: Sight, examples: Sequence[Example], rows: NDArray[np.intp]
) -> dict[str, float]:
    """For the log: how far off the coordinates are."""
    *_, degrees = sight.run(network, network, rows)
    km = haversine_km(*degrees.T.astype(float), *positions([examples[row] for row in rows]))
    return {"median_km": float(np.median(km))}


def on_the_map(outputs: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """As the exported graph gives them (training/sphere.py)."""
    return outputs | {DEGREES: wrap(torch.from_numpy(outputs[DEGREES])).numpy()}


def sigma_km(held: run_folder.HeldOut) -> float:
    """The typical error on either axis. The median of a two-dimensional normal is 1.1774 sigma."""
    exact = np.isin(held.precision, calibrate.EXACT)
    lat, lon = held.outputs[DEGREES][exact].T.astype(float)
    km = haversine_km(lat, lon, held.lat[exact], held.lon[exact])
    return round(float(np.clip(np.median(km) / 1.1774, 1, 2e4)), 1) if len(km) else 2e4


def make_readers(
    heads: Mapping[str, Classes], temperature: Mapping[str, float], sigma: float
) -> dict[str, Reader]:
    """Of those heads that speak of places; see `placed_heads`."""
    places = load_places()
    readers: dict[str, Reader] = {DEGREES: RegressReader(sigma, places)}
    for name in placed_heads({name: classes.places for name, classes in heads.items()}):
        output = logits_name(name)
        readers[output] = ClassifyReader(heads[name].labels, temperature[output], places, name)
    return readers


def placed_heads(places: Mapping[str, bool]) -> list[str]:
    """Heads whose answer goes into the belief beside the coordinates: the coarsest alone.

    They all read the same layers; to add them up would count one opinion several times.
    """
    return [name for name in PLACE_HEADS if places.get(name)][:1]


def head_table(
    test: run_folder.HeldOut,
    temperature: Mapping[str, float],
    heads: Mapping[str, Classes],
    known: NDArray[np.intp],
) -> dict[str, dict[str, float | None]]:
    """Each head beside the commonest class of the training photos."""
    table = {}
    for name, classes in heads.items():
        output = logits_name(name)
        target = test.target[output]
        own = classes.index[known]
        counts = np.bincount(own[own >= 0], minlength=len(classes)) + 0.5
        prior = np.tile(np.log(counts / counts.sum()), (len(test), 1))
        table[name] = metrics.classification(test.outputs[output], target, temperature[output])
        table[f"{name}, commonest"] = metrics.classification(prior, target)
    return table


if __name__ == "__main__":
    main()
