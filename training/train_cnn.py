"""Trains a CNN to tell places apart (GeoScope, GeoSpottr): python -m training.train_cnn SOURCE RUN

SOURCE is any source of training/data.py. RUN gets run.json, model.safetensors, labels.csv, val.npz
and test.npz (training/run_folder.py). A recipe (recipes/cnn_*.json) sets the options, and --set
changes one of them: --set loop.epochs=3. A run that was stopped goes on when started again.
The steps stand in `main`, in order.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
import torch
from torch.nn.functional import log_softmax
from torch.utils.data import DataLoader

from geotagger.errors import UsageError
from geotagger.images import InputSpec
from geotagger.places import load_places
from geotagger.vision.heads import ClassifyReader
from training import calibrate, metrics, run_folder
from training.cells import (
    KINDS,
    Classes,
    make_classes,
    smooth_targets,
    tempered,
    with_log_prior,
    write_labels,
)
from training.cnn import TRUNKS, PlaceNetwork
from training.comparison import Table, nearest, places_table, sample
from training.data import Example, named, need, positions, read_photos
from training.loop import LoopOptions, fit, is_first_process
from training.network import run_by_onnx
from training.pixels import Alterations, CachedViews, cache_views, data_hash, dataset
from training.recipe import read_recipe
from training.sphere import great_circle_km, wrapped_huber
from training.splits import leakage, split_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch.utils.data import Dataset

    from training.loop import LossOf

RECIPES = Path(__file__).parent / "recipes"
LOGITS, DEGREES = "class_logits", "degrees"
"""The outputs of the network."""


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
    alter: Alterations = field(default_factory=Alterations)
    loop: LoopOptions = field(default_factory=LoopOptions)


@click.command(help=__doc__)
@click.argument("source")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--images", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--recipe", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--set", "changes", multiple=True, metavar="OPTION=VALUE", help="Change one option.")
@click.option("--exclude-rights", multiple=True, help="Leave out rows with these rights.")
@click.option("--threads", default=0, help="Of the CPU; 0 for all.")
def main(
    source: str,
    run: Path,
    images: Path | None,
    recipe: Path | None,
    changes: tuple[str, ...],
    exclude_rights: tuple[str, ...],
    threads: int,
) -> None:
    try:
        options = read_recipe(Options, recipe, changes)
        if threads:
            torch.set_num_threads(threads)
        train(source, run, images, options, exclude_rights)
    except UsageError as error:
        raise click.ClickException(str(error)) from error


def train(
    source: str, run: Path, images: Path | None, options: Options, exclude_rights: tuple[str, ...]
) -> None:
    """The whole run. Raises UsageError: the photos or the options cannot be used."""
    check_options(options)
    torch.manual_seed(options.loop.seed)
    run.mkdir(parents=True, exist_ok=True)

    examples, problems = read_photos(source, images, exclude_rights)
    examples = named(examples)
    if options.coordinates:
        examples, lacking = need(examples, "lat")
        problems += lacking
    for problem in problems:
        click.echo(f"left out: {problem}", err=True)
    splits = split_rows(examples)
    for line in leakage(examples, splits):
        click.echo(f"leakage: {line}", err=True)
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
    click.echo(f"{len(examples)} photos, {len(problems)} left out; with a known class: {told}")

    trunk = TRUNKS[options.backbone](options.weights)
    network = PlaceNetwork(trunk, len(classes), options.coordinates, options.hidden)
    network.to("cuda" if torch.cuda.is_available() else "cpu")
    trained = network.freeze(options.train, options.last_stages)
    click.echo(f"{len(classes)} classes; {trained:,} of {count(network):,} numbers are trained")
    spec = InputSpec(options.size_px or trunk.size_px, options.fit)

    seen = Seen(source, examples, spec, options)
    if options.views:
        seen.cache(network, run / "views.npy")
    some = sample(rows["train"])
    before = tuple(seen.predict(network, own, features=True)[0] for own in (some, splits["test"]))
    targets, weights = make_targets(classes, examples, rows["train"], options)
    classes = with_log_prior(classes, (weights[:, None] * targets).mean(axis=0))
    loss_of = make_loss(targets, weights, examples, rows["train"], options)
    network = fit(
        network,
        loss_of,
        seen.dataset(rows["train"], altered=True),
        run,
        options.loop,
        lambda model: accuracy(seen.predict(model, rows["val"])[0], classes.index[rows["val"]]),
    )
    if not is_first_process():
        return

    run_folder.save_weights(run, network)
    write_labels(run / "labels.csv", classes.labels)
    names = (LOGITS, DEGREES) if options.coordinates else (LOGITS,)
    for split in ("val", "test"):
        values = seen.predict(network, splits[split])
        own = [examples[row] for row in splits[split]]
        run_folder.save_held_out(
            run / f"{split}.npz",
            own,
            dict(zip(names, values, strict=True)),
            {LOGITS: classes.index[splits[split]]},
        )
    temperature, tables = score(run, classes, examples, rows["train"], some, before)
    for title, columns in tables.items():
        click.echo(f"\n{title}\n\n{metrics.as_table(columns)}")
    run_folder.write(
        run,
        "cnn",
        options,
        spec,
        {
            "sha256": data_hash(examples),
            "photos": len(examples),
            "sources": len({example.source for example in examples}),
            "left_out": len(problems),
            "excluded_rights": list(exclude_rights),
            **{split: len(own) for split, own in splits.items()},
        },
        tables,
        classes=len(classes),
        places=classes.places,
        trained=trained,
        temperature={LOGITS: temperature},
        labels={LOGITS: "labels.csv"},
    )


def check_options(options: Options) -> None:
    choices = {
        "backbone": tuple(TRUNKS),
        "train": ("head", "last", "all"),
        "classes": KINDS,
        "coordinate_loss": ("great_circle", "huber"),
        "fit": ("crop", "squash", "pad"),
    }
    for name, allowed in choices.items():
        if getattr(options, name) not in allowed:
            raise UsageError(f"{name}: {getattr(options, name)} is not one of {', '.join(allowed)}")
    if options.views and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UsageError("views are kept by one process; set views to 0 to run several")
    if options.views and options.train == "all":
        raise UsageError("views are kept of frozen stages, and train is all; set views to 0")


class Seen:
    """The photos as the network sees them: read each time, or from a cache of frozen outputs."""

    def __init__(
        self, source: str, examples: list[Example], spec: InputSpec, options: Options
    ) -> None:
        self._source, self._examples, self._spec, self._options = source, examples, spec, options
        self._views: NDArray[np.float16] | None = None

    def cache(self, network: PlaceNetwork, file: Path) -> None:
        """Raises UsageError: the frozen stages end between twins, whose outputs are two."""
        options = self._options
        size = self._spec.size_px
        if isinstance(
            network.eval().frozen(torch.zeros(1, size, size, 3, dtype=torch.uint8)), tuple
        ):
            raise UsageError("views: the frozen stages end in two trunks; set views to 0")
        key = f"{options.backbone} {options.weights} {network.split} {options.loop.seed}"
        graph = file.with_suffix(".onnx")
        self._views = cache_views(
            run_by_onnx(network, "frozen", size, graph, torch.get_num_threads()),
            key,
            self._examples,
            self._spec,
            options.views,
            file,
            options.alter,
            options.loop.seed,
            self._source,
        )

    def dataset(self, rows: NDArray[np.intp], altered: bool) -> Dataset[tuple[torch.Tensor, int]]:
        seed = self._options.loop.seed
        if self._views is not None:
            return CachedViews(self._views if altered else self._views[:1], rows, seed)
        alter = self._options.alter if altered else None
        return dataset(self._source, self._examples, rows, self._spec, alter, seed)

    @torch.no_grad()
    def predict(
        self, network: PlaceNetwork, rows: NDArray[np.intp], features: bool = False
    ) -> list[NDArray[np.float32]]:
        """Outputs [len(rows), ...], in the order of `rows`, for photos as they are; or features."""
        network.eval()
        device = next(network.parameters()).device
        place = {int(row): position for position, row in enumerate(rows)}
        outputs: list[NDArray[np.float32]] = []
        loader = DataLoader(
            self.dataset(rows, altered=False), 32, num_workers=self._options.loop.workers
        )
        for inputs, batch_rows in loader:
            inputs = inputs.to(device)
            found = (network.features(inputs),) if features else network(inputs)
            if not outputs:
                outputs = [np.zeros((len(rows), *f.shape[1:]), np.float32) for f in found]
            at = [place[row] for row in batch_rows.tolist()]
            for output, values in zip(outputs, found, strict=True):
                output[at] = values.float().cpu().numpy()
        return outputs


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


def score(
    run: Path,
    classes: Classes,
    examples: list[Example],
    known: NDArray[np.intp],
    some: NDArray[np.intp],
    before: tuple[NDArray[np.float32], NDArray[np.float32]],
) -> tuple[float, dict[str, Table]]:
    """The temperature, and two tables on the test photos: of classes and of places.

    Beside the network stand the commonest class of the training photos (`known`), and for each test
    photo the nearest among `some` of them, by what the trunk saw in both before it was trained.
    """
    test = run_folder.read_held_out(run / "test.npz")
    val = run_folder.read_held_out(run / "val.npz")
    temperature = calibrate.fit_temperature(val.outputs[LOGITS], val.target[LOGITS])
    target = test.target[LOGITS]
    counts = np.bincount(classes.index[known], minlength=len(classes))
    prior = np.log((counts + 0.5) / (counts + 0.5).sum())
    neighbours = np.eye(len(classes))[classes.index[some[nearest(*before)]]]
    hard = ("photos", "accuracy", "precision", "recall", "f1")  # a neighbour has no probabilities
    tables = {
        "classes": {
            "model": metrics.classification(test.outputs[LOGITS], target, temperature),
            "commonest": metrics.classification(np.tile(prior, (len(test), 1)), target),
            "nearest": {
                name: value
                for name, value in metrics.classification(neighbours, target).items()
                if name in hard
            },
        }
    }
    placed = np.array([examples[row].has_point for row in some], bool)
    if not classes.places or not placed.any():
        return temperature, tables
    places = load_places()
    softer = calibrate.fit_place_temperature(val, LOGITS, classes.labels, places)
    labels = tempered(classes.labels, softer)
    reader = ClassifyReader(labels, softer, places, str(run / "labels.csv"))
    tables["places"] = places_table(
        run,
        val,
        test,
        {LOGITS: reader},
        places,
        [examples[row] for row in some[placed]],
        (before[0][placed], before[1]),
    )
    if DEGREES in test.outputs:
        lat, lon = test.outputs[DEGREES].T.astype(float)
        direct = metrics.Guesses.at(
            np.clip(lat, -90, 90).tolist(), ((lon + 180) % 360 - 180).tolist()
        )
        tables["places"]["coordinates"] = metrics.geographic(direct, test)
    return temperature, tables


def accuracy(logits: NDArray[np.float32], target: NDArray[np.intp]) -> dict[str, float]:
    return {"accuracy": float((logits.argmax(axis=1) == target).mean())}


def count(network: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


if __name__ == "__main__":
    main()
