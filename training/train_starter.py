"""Trains the starter model: python -m training.train_starter DATA RUN

DATA holds labels.csv and the images. RUN gets
    model.pt       the weights of the network trained on every photo
    run.json       recipe, cells, temperature and scores
    oof.npz        out-of-fold logits: every photo judged by a model that never saw its source
    features.npy   what the pretrained trunks make of every photo; used again by later runs
A recipe (recipes/*.json) sets the options. The steps stand in `main`, in order.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import torch
from PIL import Image
from torch import nn

from geotagger.geography.places import load_places
from geotagger.images.decode import InputSpec, fit
from training.data.dataset import Example, need, read_photos
from training.data.splits import assign_folds
from training.eval.cell_scores import posterior, score
from training.models.cell_layer import LayerOptions, fit_layer, kinship_root
from training.models.starter_network import Starter, run_by_onnx
from training.targets.cells import Cells, make_cells, soft_targets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Recipe:
    trunks: tuple[str, ...] = ("lite0", "lite2")
    size_px: int = 288
    cell_radius_km: float = 400.0
    layer: LayerOptions = field(default_factory=LayerOptions)
    folds: int = 5
    seed: int = 0

    @property
    def spec(self) -> InputSpec:
        return InputSpec(self.size_px, "squash", "bicubic")


def read_recipe(document: dict[str, Any]) -> Recipe:
    """Raises TypeError: an unknown option."""
    recipe = Recipe(**document)
    layer = LayerOptions(**document.get("layer", {}))
    return replace(recipe, trunks=tuple(recipe.trunks), layer=layer)


@dataclass(frozen=True, slots=True)
class Studied:
    """Labelled photos as the pretrained trunks see them, and what is to be told apart."""

    examples: list[Example]
    network: Starter
    """With the pretrained trunks; its last layer is still to be learned."""
    features: NDArray[np.float32]
    """[n, D] of the whole pictures, squashed to squares."""
    cells: Cells
    continent_of: dict[str, str]
    recipe: Recipe
    root: torch.Tensor

    def fit(self, known: NDArray[np.intp]) -> nn.Sequential:
        """The last layer, learned from the rows `known`."""
        own = [self.examples[row] for row in known]
        return fit_layer(
            self.features[known],
            own,
            self.cells,
            self.root,
            self.continent_of,
            self.recipe.layer,
        )

    def judge(self, unseen: NDArray[np.intp], known: NDArray[np.intp]) -> NDArray[np.float32]:
        """[len(unseen), cells] the logits of rows by a layer that learned from others."""
        layer = self.fit(known)
        with torch.inference_mode():
            return layer(torch.from_numpy(self.features[unseen])).numpy()

    def out_of_fold(self, fold: NDArray[np.intp]) -> NDArray[np.float32]:
        """[n, cells] the logits of every photo by a layer that learned from the other folds."""
        logits = np.zeros((len(self.examples), len(self.cells)), np.float32)
        for held_out in np.unique(fold):
            known, unseen = np.flatnonzero(fold != held_out), np.flatnonzero(fold == held_out)
            logits[unseen] = self.judge(unseen, known)
            click.echo(f"fold {held_out}: trained on {len(known)}, tried on {len(unseen)}")
        return logits


@click.command(help=__doc__)
@click.argument("data", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--recipe", "recipe_file", type=click.Path(path_type=Path, exists=True))
@click.option("--exclude-rights", multiple=True, help="Leave out rows with these rights.")
@click.option("--threads", default=2, show_default=True)
def main(
    data: Path, run: Path, recipe_file: Path | None, exclude_rights: tuple[str, ...], threads: int
) -> None:
    recipe = read_recipe(json.loads(recipe_file.read_text())) if recipe_file else Recipe()
    torch.set_num_threads(threads)
    torch.manual_seed(recipe.seed)
    studied = study(data, run, recipe, exclude_rights, threads)
    examples, cells = studied.examples, studied.cells
    fold = assign_folds(examples, recipe.folds)
    logits = studied.out_of_fold(fold)

    temperature = fit_temperature(logits, examples, cells)
    found = posterior(logits, cells, temperature)
    scores = {
        "unseen_sources": score(found, cells, examples, studied.continent_of),
        "majority": majority_scores(examples, cells, fold, studied.continent_of),
        "photos": len(examples),
        "sources": len({example.source for example in examples}),
        "countries": len({example.country for example in examples}),
        "folds": recipe.folds,
    }
    click.echo(json.dumps(scores, indent=1))
    save_out_of_fold(run / "oof.npz", logits, examples, cells, fold)

    studied.network.cells = studied.fit(np.arange(len(examples)))
    torch.save(studied.network.state_dict(), run / "model.pt")
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


def study(
    data: Path, run: Path, recipe: Recipe, exclude_rights: Sequence[str] = (), threads: int = 2
) -> Studied:
    """Reads the photos and their features, those from RUN where it has them.

    Raises:
        UsageError: the recipe wants a kinship of cells and the package geoclip is not installed.
    """
    run.mkdir(parents=True, exist_ok=True)
    examples, problems = read_photos(data, exclude_rights=exclude_rights)
    examples, lacking = need(examples, "lat", "country")
    problems += lacking
    for problem in problems:
        click.echo(f"left out: {problem}", err=True)
    cells = make_cells(examples, recipe.cell_radius_km)
    click.echo(f"{len(examples)} photos, {len(problems)} left out, {len(cells)} cells")
    network = Starter(recipe.trunks)
    features = cached_features(network, examples, recipe, run / "features.npy", threads)
    root = kinship_root(cells, recipe.layer.kinship)
    return Studied(examples, network, features, cells, continents(), recipe, root)


def cached_features(
    network: Starter, examples: Sequence[Example], recipe: Recipe, file: Path, threads: int
) -> NDArray[np.float32]:
    """[n, D]: what the trunks make of every photo.

    A cache of the same photos, trunks and size is used again.
    """
    key = json.dumps([recipe.trunks, recipe.size_px, recipe.seed, [e.file for e in examples]])
    key_file = file.with_suffix(".key")
    if file.exists() and key_file.exists() and key_file.read_text() == key:
        return np.load(file)
    see = run_by_onnx(network, "features", recipe.size_px, file.with_suffix(".onnx"), threads)
    batches = [examples[start : start + 8] for start in range(0, len(examples), 8)]
    features = np.concatenate(
        [see(np.stack([squashed(one, recipe.spec) for one in some])) for some in batches]
    )
    np.save(file, features)
    key_file.write_text(key)
    return features


def squashed(example: Example, spec: InputSpec) -> NDArray[np.uint8]:
    """uint8 [size, size, 3]."""
    with Image.open(example.path) as file:
        return fit(file.convert("RGB"), spec)


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
