"""Trains the starter model: python -m training.train_starter SOURCE RUN

SOURCE is any source of training/data/dataset.py with files, such as a folder with labels.csv and
the images. RUN gets
    model.pt       the weights of the network trained on every photo
    run.json       options, cells, temperature and scores
    oof.npz        out-of-fold logits: of each photo by a model that never saw its source
    features.npy   the outputs of the pretrained backbones for every photo; later runs reuse them
A recipe (recipes/starter.json) sets the options; --set changes one of them: --set folds=3.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import click
import numpy as np
import torch
from PIL import Image
from torch import nn

from geotagger.geography.country_names import continent_of_country
from geotagger.geography.places import load_places
from geotagger.images.decode import InputSpec, fit
from training.data.dataset import read_photos, require_fields
from training.data.example import Example
from training.data.splits import assign_folds
from training.engine.experiment import (
    Experiment,
    experiment_options,
    parse_experiment,
    report_left_out,
    usage_errors,
)
from training.engine.run_folder import RUN_FILE
from training.eval.cell_scores import posterior, score_cells
from training.models.cell_layer import LayerOptions, cell_covariance_root, fit_layer
from training.models.onnx_graph import run_by_onnx
from training.models.starter_network import StarterNetwork
from training.targets.cells import Cells, make_cells, soft_targets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

WEIGHTS_FILE, OUT_OF_FOLD_FILE = "model.pt", "oof.npz"
FEATURE_BATCH = 8


@dataclass(frozen=True, slots=True)
class StarterOptions:
    """The options of train_starter."""

    trainer: ClassVar[str] = "starter"

    backbones: tuple[str, ...] = ("lite0", "lite2")
    """See training/models/starter_network.py."""
    size_px: int = 288
    cell_radius_km: float = 400.0
    layer: LayerOptions = field(default_factory=LayerOptions)
    folds: int = 5
    seed: int = 0

    @property
    def spec(self) -> InputSpec:
        """The input of the network."""
        return InputSpec(self.size_px, "squash", "bicubic")


@dataclass(frozen=True, slots=True)
class StarterData:
    """Labelled photos with the outputs of the pretrained backbones, and the cells to classify."""

    examples: list[Example]
    network: StarterNetwork
    """With pretrained backbones; its last layer is not fitted yet."""
    features: NDArray[np.float32]
    """[n, D] of the whole pictures, squashed to squares."""
    cells: Cells
    continent_of: dict[str, str]
    """Country code -> continent."""
    options: StarterOptions
    root: torch.Tensor
    """[C, C] of training.models.cell_layer.cell_covariance_root."""

    def fit(self, train_rows: NDArray[np.intp]) -> nn.Sequential:
        """Fits the last layer to some photos."""
        return fit_layer(
            self.features[train_rows],
            [self.examples[row] for row in train_rows],
            self.cells,
            self.root,
            self.continent_of,
            self.options.layer,
        )

    def predict(self, rows: NDArray[np.intp], train_rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Returns the logits [len(rows), C] by a layer that is fitted to other photos."""
        layer = self.fit(train_rows)
        with torch.inference_mode():
            return layer(torch.from_numpy(self.features[rows])).numpy()

    def out_of_fold_logits(self, fold: NDArray[np.intp]) -> NDArray[np.float32]:
        """Returns the logits [n, C] of every photo by a layer fitted to the other folds [n]."""
        logits = np.zeros((len(self.examples), len(self.cells)), np.float32)
        for held_out in np.unique(fold):
            train_rows, rows = np.flatnonzero(fold != held_out), np.flatnonzero(fold == held_out)
            logits[rows] = self.predict(rows, train_rows)
            click.echo(f"fold {held_out}: trained on {len(train_rows)}, tested on {len(rows)}")
        return logits


@click.command(help=__doc__)
@experiment_options
def main(**arguments: Any) -> None:
    with usage_errors():
        train(*parse_experiment(StarterOptions, **arguments))


def train(experiment: Experiment, options: StarterOptions) -> None:
    """Cross-validates, fits the last layer to every photo and writes the run.

    Raises:
        UsageError: The photos or the options cannot be used.
    """
    run = experiment.run
    torch.manual_seed(options.seed)
    data = read_starter_data(experiment, options)
    fold = assign_folds(data.examples, options.folds)
    logits = data.out_of_fold_logits(fold)
    temperature = fit_temperature(logits, data.examples, data.cells)
    scores = score_out_of_fold(data, fold, logits, temperature)
    click.echo(json.dumps(scores, indent=1))
    save_out_of_fold(run / OUT_OF_FOLD_FILE, logits, data.examples, data.cells, fold)

    data.network.cells = data.fit(np.arange(len(data.examples)))
    torch.save(data.network.state_dict(), run / WEIGHTS_FILE)
    cells = data.cells
    document = {
        "family": "starter",
        "options": asdict(options),
        "excluded_rights": list(experiment.exclude_rights),
        "cells": {
            "lat": cells.lat.tolist(),
            "lon": cells.lon.tolist(),
            "country": cells.country.tolist(),
        },
        "temperature": temperature,
        "metrics": scores,
        "torch": metadata.version("torch"),
    }
    (run / RUN_FILE).write_text(json.dumps(document, indent=1) + "\n")


def read_starter_data(experiment: Experiment, options: StarterOptions) -> StarterData:
    """Reads the photos, and computes their features or reads them from the run.

    Raises:
        UsageError: The photos cannot be used, or the options need the package geoclip for the cell
            covariance and it is not installed.
    """
    run = experiment.run
    run.mkdir(parents=True, exist_ok=True)
    source = str(experiment.sources["train"])
    examples, problems = read_photos(source, experiment.images, experiment.exclude_rights)
    examples, incomplete = require_fields(examples, "lat", "country")
    problems += incomplete
    report_left_out(problems)
    cells = make_cells(examples, options.cell_radius_km)
    click.echo(f"{len(examples)} photos, {len(problems)} left out, {len(cells)} cells")
    network = StarterNetwork(options.backbones)
    features = cached_features(network, examples, options, run / "features.npy")
    root = cell_covariance_root(cells, options.layer.cell_covariance)
    return StarterData(examples, network, features, cells, continents(), options, root)


def cached_features(
    network: StarterNetwork, examples: Sequence[Example], options: StarterOptions, file: Path
) -> NDArray[np.float32]:
    """Computes the features of every photo, or reads the cache of the same photos and backbones.

    Args:
        network: Has the backbones.
        examples: The n photos.
        options: The options of the run.
        file: The cache (.npy); a .key file is written next to it.

    Returns:
        [n, D].
    """
    names = [example.file for example in examples]
    key = json.dumps([options.backbones, options.size_px, options.seed, names])
    key_file = file.with_suffix(".key")
    if file.exists() and key_file.exists() and key_file.read_text() == key:
        return np.load(file)
    graph = file.with_suffix(".onnx")
    compute = run_by_onnx(network, "features", options.size_px, graph, torch.get_num_threads())
    starts = range(0, len(examples), FEATURE_BATCH)
    batches = [examples[start : start + FEATURE_BATCH] for start in starts]
    features = np.concatenate(
        [
            compute(np.stack([_pixels(example, options.spec) for example in some]))
            for some in batches
        ]
    )
    np.save(file, features)
    key_file.write_text(key)
    return features


def _pixels(example: Example, spec: InputSpec) -> NDArray[np.uint8]:
    """Returns uint8 [S, S, 3]."""
    with Image.open(example.path) as file:
        return fit(file.convert("RGB"), spec)


def fit_temperature(
    logits: NDArray[np.float32], examples: Sequence[Example], cells: Cells
) -> float:
    """Fits the temperature by the likelihood of each photo's nearest cell in its country.

    The posterior assumes equally likely countries. A photo whose country has no cell does not
    count.

    Args:
        logits: [n, C].
        examples: The n photos.
        cells: The C cells.
    """
    nearest = soft_targets(examples, cells, 1.0, 1.0).argmax(axis=1)
    counted = cells.country[nearest] == np.array([example.country for example in examples])
    candidates = np.exp(np.linspace(np.log(0.3), np.log(10), 72))
    rows = np.arange(len(examples))
    losses = [
        -np.log(posterior(logits, cells, temperature)[rows, nearest][counted] + 1e-30).mean()
        for temperature in candidates
    ]
    return round(float(candidates[int(np.argmin(losses))]), 4)


def score_out_of_fold(
    data: StarterData, fold: NDArray[np.intp], logits: NDArray[np.float32], temperature: float
) -> dict[str, Any]:
    """Scores out-of-fold logits [n, C], next to the most common places."""
    examples, cells = data.examples, data.cells
    probability = posterior(logits, cells, temperature)
    return {
        "unseen_sources": score_cells(probability, cells, examples, data.continent_of),
        "majority": score_commonest_places(examples, cells, fold, data.continent_of),
        "photos": len(examples),
        "sources": len({example.source for example in examples}),
        "countries": len({example.country for example in examples}),
        "folds": data.options.folds,
    }


def score_commonest_places(
    examples: Sequence[Example],
    cells: Cells,
    fold: NDArray[np.intp],
    continent_of: dict[str, str],
) -> dict[str, dict[str, float]]:
    """Scores the most common places of the other folds as the answer for every photo."""
    probability = np.zeros((len(examples), len(cells)))
    targets = soft_targets(examples, cells, 1.0, 1.0)
    for held_out in np.unique(fold):
        probability[fold == held_out] = targets[fold != held_out].mean(axis=0)
    return score_cells(probability, cells, examples, continent_of)


def continents() -> dict[str, str]:
    """Returns country code -> continent of the countries with places."""
    places = load_places()
    return {
        code: continent_of_country(places, number)
        for number, code in enumerate(places.country_codes)
        if (places.country == number).any()
    }


def save_out_of_fold(
    file: Path,
    logits: NDArray[np.float32],
    examples: Sequence[Example],
    cells: Cells,
    fold: NDArray[np.intp],
) -> None:
    """Writes the out-of-fold logits [n, C] with the labels, the folds [n] and the cells."""
    labels = {
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
        **labels,
    )


if __name__ == "__main__":
    main()
