"""Trains the starter model: python -m training.train_starter DATA RUN

DATA holds labels.csv and the images. RUN gets
    model.pt     the weights of the network trained on every photo
    run.json     recipe, cells, temperature and scores
    oof.npz      out-of-fold logits: every photo judged by a model that never saw its source
A recipe (recipes/*.json) sets the options. The steps stand in `main`, in order.
"""

from __future__ import annotations

import copy
import json
import time
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
import torch
from PIL import Image, ImageEnhance
from torch.nn.functional import log_softmax

from geotagger.images import InputSpec, fit
from geotagger.places import load_places
from training.cell_scores import posterior, score
from training.cells import Cells, country_weights, make_cells, soft_targets
from training.data import Example, need, read_photos
from training.network import SIZE_PX, Starter, run_by_onnx
from training.splits import assign_folds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

PLAIN_VIEWS = 3
"""Views 0, 1 and 2 are the centred square, its mirror image and the squashed whole."""


@dataclass(frozen=True, slots=True)
class Recipe:
    trunk: str = "lite0"
    split: int = 15
    """Stages below this one stay as pretrained; lite0 has 18, the last a convolution."""
    views: int = 6
    cell_radius_km: float = 400.0
    tau_km: float = 300.0
    own_country: float = 0.5
    country_exponent: float = 0.5
    l2: float = 3e-4
    linear_steps: int = 30
    epochs: int = 0
    batch: int = 64
    rate: float = 3e-4
    weight_decay: float = 0.02
    mixup: float = 0.2
    average_decay: float = 0.98
    folds: int = 5
    seed: int = 0


@click.command(help=__doc__)
@click.argument("data", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--recipe", "recipe_file", type=click.Path(path_type=Path, exists=True))
@click.option("--exclude-rights", multiple=True, help="Leave out rows with these rights.")
@click.option("--threads", default=2, show_default=True)
def main(
    data: Path, run: Path, recipe_file: Path | None, exclude_rights: tuple[str, ...], threads: int
) -> None:
    recipe = Recipe(**json.loads(recipe_file.read_text())) if recipe_file else Recipe()
    torch.set_num_threads(threads)
    torch.manual_seed(recipe.seed)
    run.mkdir(parents=True, exist_ok=True)

    examples, problems = read_photos(data, exclude_rights=exclude_rights)
    examples, lacking = need(examples, "lat", "country")
    problems += lacking
    for problem in problems:
        click.echo(f"left out: {problem}", err=True)
    cells = make_cells(examples, recipe.cell_radius_km)
    fold = assign_folds(examples, recipe.folds)
    click.echo(f"{len(examples)} photos, {len(problems)} left out, {len(cells)} cells")

    start = Starter(recipe.trunk, recipe.split, len(cells))
    activations = cached_activations(start, examples, recipe, run / "activations.npy", threads)
    features = torch.stack([features_of(start, activations[view]) for view in range(recipe.views)])
    logits = np.zeros((len(examples), len(cells)), np.float32)
    for held_out in range(recipe.folds):
        known, unseen = np.flatnonzero(fold != held_out), np.flatnonzero(fold == held_out)
        model = train(start, activations, features, examples, cells, known, recipe)
        logits[unseen] = predict(model, activations[0][unseen])
        click.echo(f"fold {held_out}: trained on {len(known)}, tried on {len(unseen)}")

    temperature = fit_temperature(logits, examples, cells)
    continent_of = continents()
    scores = {
        "unseen_sources": score(
            posterior(logits, cells, temperature), cells, examples, continent_of
        ),
        "majority": majority_scores(examples, cells, fold, continent_of),
        "photos": len(examples),
        "sources": len({example.source for example in examples}),
        "countries": len({example.country for example in examples}),
        "folds": recipe.folds,
    }
    click.echo(json.dumps(scores, indent=1))
    save_out_of_fold(run / "oof.npz", logits, examples, cells, fold)

    final = train(start, activations, features, examples, cells, np.arange(len(examples)), recipe)
    torch.save(final.state_dict(), run / "model.pt")
    document = {
        "recipe": asdict(recipe),
        "excluded_rights": list(exclude_rights),
        "cells": {
            "lat": cells.lat.tolist(),
            "lon": cells.lon.tolist(),
            "country": cells.country.tolist(),
        },
        "temperature": temperature,
        "metrics": scores,
        "torch": metadata.version("torch"),
    }
    (run / "run.json").write_text(json.dumps(document, indent=1) + "\n")


def cached_activations(
    model: Starter, examples: Sequence[Example], recipe: Recipe, file: Path, threads: int
) -> NDArray[np.float16]:
    """float16 [views, n, C, H, W], memory-mapped: what the frozen stages make of every view.

    A cache of the same photos, trunk, split, views and seed is used again.
    """
    key = json.dumps(
        [recipe.trunk, recipe.split, recipe.views, recipe.seed, [e.file for e in examples]]
    )
    key_file = file.with_suffix(".key")
    if file.exists() and key_file.exists() and key_file.read_text() == key:
        return np.load(file, mmap_mode="r")
    size = SIZE_PX[recipe.trunk]
    frozen = run_by_onnx(model, "activations", size, file.with_suffix(".onnx"), threads)
    cache = None
    for start in range(0, len(examples), 32):
        some = examples[start : start + 32]
        pixels = np.stack(
            [
                view_of(example, view, size, recipe.seed)
                for view in range(recipe.views)
                for example in some
            ]
        )
        values = np.concatenate([frozen(part) for part in np.array_split(pixels, recipe.views)])
        if cache is None:
            shape = (recipe.views, len(examples), *values.shape[1:])
            cache = np.lib.format.open_memmap(file, "w+", np.float16, shape)
        cache[:, start : start + 32] = values.reshape(recipe.views, len(some), *values.shape[1:])
    assert cache is not None
    cache.flush()
    key_file.write_text(key)
    return cache


def view_of(example: Example, view: int, size: int, seed: int) -> NDArray[np.uint8]:
    """uint8 [size, size, 3]. Views from PLAIN_VIEWS on are random: crop, mirror, light, colour."""
    with Image.open(example.path) as file:
        image = file.convert("RGB")
    if view == 1:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if view >= PLAIN_VIEWS:
        random = np.random.default_rng([seed, view, example.fingerprint])
        image = _altered(image, random)
    return fit(image, InputSpec(size, "crop" if view < 2 else "squash"))


def _altered(image: Image.Image, random: np.random.Generator) -> Image.Image:
    area, aspect = random.uniform(0.35, 1.0), np.exp(random.uniform(-0.25, 0.25))
    width = min(image.width, round(image.width * np.sqrt(area) * aspect))
    height = min(image.height, round(image.height * np.sqrt(area) / aspect))
    left = int(random.integers(0, image.width - width + 1))
    top = int(random.integers(0, image.height - height + 1))
    image = image.crop((left, top, left + width, top + height))
    for change in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        image = change(image).enhance(random.uniform(0.7, 1.3))
    mirrored = random.random() < 0.5
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else image


def train(
    start: Starter,
    activations: NDArray[np.float16],
    features: torch.Tensor,
    examples: Sequence[Example],
    cells: Cells,
    known: NDArray[np.intp],
    recipe: Recipe,
) -> Starter:
    """A network trained on the photos `known`: first the linear layer, then the tail with it.

    Fitting the layer first keeps the pretrained stages from being pulled about by a random layer
    (Kumar et al. 2022). Last, the log prior that training has taught is taken out of the bias, so
    that a softmax of the logits is a likelihood under cells that are all alike (Menon et al. 2021).
    """
    model = copy.deepcopy(start)
    own = [examples[index] for index in known]
    targets = torch.from_numpy(soft_targets(own, cells, recipe.tau_km, recipe.own_country))
    weights = torch.from_numpy(country_weights(own, recipe.country_exponent))
    fit_linear(model, features[:, known], targets, weights, recipe)
    if recipe.epochs:
        model = fit_tail(model, activations, known, targets, weights, recipe)
    log_prior = (weights[:, None] * targets).mean(dim=0).clamp_min(1e-7).log()
    with torch.no_grad():
        model.cells.bias -= log_prior
    return model.eval()


def fit_linear(
    model: Starter,
    features: torch.Tensor,
    targets: torch.Tensor,
    weights: torch.Tensor,
    recipe: Recipe,
) -> None:
    """Multinomial logistic regression on standardised features [views, n, D], by L-BFGS."""
    features = features.flatten(0, 1)
    middle, spread = features.mean(dim=0), features.std(dim=0) + 1e-6
    features = (features - middle) / spread
    layer = torch.zeros(features.shape[1], targets.shape[1], requires_grad=True)
    bias = (weights[:, None] * targets).mean(dim=0).clamp_min(1e-7).log().requires_grad_()
    targets, weights = targets.repeat(recipe.views, 1), weights.repeat(recipe.views)
    solver = torch.optim.LBFGS(
        [layer, bias], max_iter=recipe.linear_steps, history_size=8, line_search_fn="strong_wolfe"
    )

    def loss() -> torch.Tensor:
        solver.zero_grad()
        error = cross_entropy(features @ layer + bias, targets, weights)
        penalised = error + recipe.l2 * layer.square().sum() * (features.shape[1] / 100)
        penalised.backward()
        return penalised

    solver.step(loss)
    with torch.no_grad():
        model.cells.weight.copy_((layer / spread[:, None]).T)
        model.cells.bias.copy_(bias - middle @ (layer / spread[:, None]))


def fit_tail(
    model: Starter,
    activations: NDArray[np.float16],
    known: NDArray[np.intp],
    targets: torch.Tensor,
    weights: torch.Tensor,
    recipe: Recipe,
) -> Starter:
    """The last stages and the linear layer by AdamW, with mixup; returns the average of weights.

    Batch statistics stay as pretrained: batches are small and the photos few.
    """
    random = np.random.default_rng(recipe.seed)
    for parameter in model.stages[: recipe.split].parameters():
        parameter.requires_grad_(False)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    steps = recipe.epochs * -(-len(known) // recipe.batch)
    optimizer = torch.optim.AdamW(trained, lr=recipe.rate, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.rate, total_steps=steps, pct_start=0.15, cycle_momentum=False
    )
    average = torch.optim.swa_utils.AveragedModel(
        model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(recipe.average_decay)
    )
    began = time.monotonic()
    for epoch in range(recipe.epochs):
        total = 0.0
        for rows in np.array_split(random.permutation(len(known)), steps // recipe.epochs):
            views = random.integers(0, recipe.views, len(rows))
            batch = torch.from_numpy(activations[views, known[rows]].astype(np.float32))
            target, weight = targets[rows], weights[rows]
            if recipe.mixup:
                share = float(random.beta(recipe.mixup, recipe.mixup))
                order = torch.from_numpy(random.permutation(len(rows)))
                batch = share * batch + (1 - share) * batch[order]
                target = share * target + (1 - share) * target[order]
                weight = share * weight + (1 - share) * weight[order]
            model.dropout.train()
            error = cross_entropy(model.tail(batch), target, weight)
            optimizer.zero_grad()
            error.backward()
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
            schedule.step()
            average.update_parameters(model)
            total += error.item() * len(rows)
        seconds = time.monotonic() - began
        click.echo(f"  epoch {epoch}: loss {total / len(known):.3f} after {seconds:.0f} s")
    return average.module


def cross_entropy(
    logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor
) -> torch.Tensor:
    return -(weights * (targets * log_softmax(logits, dim=1)).sum(dim=1)).mean()


@torch.no_grad()
def features_of(model: Starter, activations: NDArray[np.float16]) -> torch.Tensor:
    """[n, D] for activations [n, C, H, W]."""
    parts = np.array_split(activations, -(-len(activations) // 128))
    return torch.cat([model.features(torch.from_numpy(part.astype(np.float32))) for part in parts])


@torch.no_grad()
def predict(model: Starter, activations: NDArray[np.float16]) -> NDArray[np.float32]:
    """[n, cells] for the activations of centred squares, which the shipped model will see."""
    return model.cells(features_of(model, activations)).numpy()


def fit_temperature(
    logits: NDArray[np.float32], examples: Sequence[Example], cells: Cells
) -> float:
    """The temperature by which the nearest own cell of each photo is least surprising.

    Measured under a posterior with every country alike; a photo whose country has no cell says
    nothing.
    """
    nearest = soft_targets(examples, cells, 1.0, 1.0).argmax(axis=1)
    fits = cells.country[nearest] == np.array([example.country for example in examples])
    trials = np.exp(np.linspace(np.log(0.3), np.log(10), 72))
    rows = np.arange(len(examples))
    surprise = [
        -np.log(posterior(logits, cells, trial)[rows, nearest][fits] + 1e-30).mean()
        for trial in trials
    ]
    return round(float(trials[int(np.argmin(surprise))]), 4)


def majority_scores(
    examples: Sequence[Example],
    cells: Cells,
    fold: NDArray[np.intp],
    continent_of: dict[str, str],
) -> dict[str, dict[str, float]]:
    """What naming the commonest places of the other sources would score."""
    probability = np.zeros((len(examples), len(cells)))
    targets = soft_targets(examples, cells, 1.0, 1.0)
    for held_out in np.unique(fold):
        probability[fold == held_out] = targets[fold != held_out].mean(axis=0)
    return score(probability, cells, examples, continent_of)


def continents() -> dict[str, str]:
    """The continent of each country, by most of its places."""
    places = load_places()
    found = {}
    for index, code in enumerate(places.country_codes):
        rows = places.continent[places.country == index]
        if len(rows):
            found[code] = places.continent_names[int(np.bincount(rows).argmax())]
    return found


def save_out_of_fold(
    file: Path,
    logits: NDArray[np.float32],
    examples: Sequence[Example],
    cells: Cells,
    fold: NDArray[np.intp],
) -> None:
    columns = {
        name: np.array([getattr(example, name) for example in examples])
        for name in ("lat", "lon", "country", "precision", "source")
    }
    np.savez_compressed(
        file,
        logits=logits,
        fold=fold,
        photo=np.array([example.file for example in examples]),
        cell_lat=cells.lat,
        cell_lon=cells.lon,
        cell_country=cells.country,
        **columns,
    )


if __name__ == "__main__":
    main()
