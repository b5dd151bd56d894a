"""Trains the starter model: python -m training.train_starter SOURCE RUN

SOURCE is any source of training/data/dataset.py with files, such as a folder with labels.csv and
the images. A photo needs a country; its position may be missing. RUN gets
    model.pt          the weights of the network that ships
    run.json          options, cells, temperature and scores
    oof.npz           logits of each held-out photo, by a model that never saw its source
    features-*.npy    the outputs of pretrained backbones for every photo; later runs reuse them
    tuned/            tuned backbones: their weights, checkpoints and logs; a stopped run is resumed
    decoded.u8        the decoded photos that tuning reads
A recipe (recipes/starter*.json) sets the options; --set changes one of them: --set folds=3.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property, partial
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
from training.data.balance import balance_weights
from training.data.dataset import read_photos, require_country
from training.data.decoded_photos import DecodedPhotos, decode_photos
from training.data.example import Example
from training.data.pixels import data_hash
from training.data.splits import assign_folds, hold_out_sources, near_duplicate_rows
from training.engine.experiment import (
    Experiment,
    experiment_options,
    parse_experiment,
    report_left_out,
    usage_errors,
)
from training.engine.run_folder import RUN_FILE
from training.engine.tuning import TuneOptions, TuningPhotos, tune
from training.eval.cell_scores import (
    describe_groups,
    fit_temperature,
    posterior,
    score_cells,
    score_commonest_places,
)
from training.models.cell_layer import LayerOptions, cell_covariance_root, fit_layer
from training.models.locatability import learn_importance
from training.models.mixed_layer import MixedLayer, TunedHead
from training.models.onnx_graph import run_by_onnx
from training.models.starter_network import (
    StarterNetwork,
    backbone_stages,
    base_name,
    is_tuned,
)
from training.models.tuning_network import CellHeads, TuningNetwork
from training.targets.cells import Cells, make_cells

if TYPE_CHECKING:
    from numpy.typing import NDArray

WEIGHTS_FILE, OUT_OF_FOLD_FILE, TUNED_FILE = "model.pt", "oof.npz", "tuned.pt"
FEATURE_BATCH = 8
ALWAYS_TRAINED, NEVER_TRAINED = -1, -2
"""Folds of photos that are not held out. Of those, near-duplicates of held-out photos are not
trained on before the scores are known."""


@dataclass(frozen=True, slots=True)
class StarterOptions:
    """The options of train_starter."""

    trainer: ClassVar[str] = "starter"

    backbones: tuple[str, ...] = ("lite0", "lite2")
    """See training/models/starter_network.py; "lite2:tuned" is tuned on the photos."""
    size_px: int = 288
    cell_radius_km: float = 400.0
    tune: TuneOptions = field(default_factory=TuneOptions)
    layer: LayerOptions = field(default_factory=LayerOptions)
    layer_on_tuned: bool = True
    """Whether the last layer sees the features of tuned backbones too, or of pretrained ones only.
    A tuned backbone knows its training photos better than others, which may mislead the layer."""
    head_share: float = 0.0
    """The share of the heads of tuned backbones in the logits; the rest is the last layer's."""
    least_importance: float = 1.0
    """The weight of the photo whose look says least of its place (models/locatability.py); 1 for
    equal weights."""
    hold_out: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Name of a group -> its sources. They are held out all at once, and scored group by group.
    Empty: every source is held out in one of the folds."""
    folds: int = 5
    retune: bool = False
    """With hold_out: tunes the backbones that ship on all photos, a second time. If not, those ship
    that never saw the held-out sources; the last layer always sees all photos."""
    seed: int = 0

    @property
    def spec(self) -> InputSpec:
        """The input of the network."""
        return InputSpec(self.size_px, "squash", "bicubic")

    @property
    def tuned_numbers(self) -> list[int]:
        """The positions of the tuned backbones."""
        return [number for number, name in enumerate(self.backbones) if is_tuned(name)]

    @property
    def layer_reads(self) -> list[int]:
        """The positions of the backbones whose features the last layer sees."""
        tuned = set() if self.layer_on_tuned else set(self.tuned_numbers)
        return [number for number in range(len(self.backbones)) if number not in tuned]

    @property
    def heads_answer(self) -> bool:
        """Whether the heads of tuned backbones are part of the network."""
        return bool(self.head_share and self.tuned_numbers)


@dataclass(frozen=True)
class StarterData:
    """Labelled photos with the outputs of the pretrained backbones, and the cells to classify."""

    examples: list[Example]
    group: NDArray[np.str_]
    """[n] the group of `hold_out` of each photo; "" for none."""
    pretrained: dict[str, NDArray[np.float32]]
    """Name of a backbone -> [n, width] its outputs before tuning, for whole pictures that are
    squashed to squares."""
    cells: Cells
    continent_of: dict[str, str]
    """Country code -> continent."""
    options: StarterOptions
    root: torch.Tensor
    """[C, C] of training.models.cell_layer.cell_covariance_root."""
    run: Path

    @cached_property
    def fold(self) -> NDArray[np.intp]:
        """[n] the fold in which each photo is held out, ALWAYS_TRAINED or NEVER_TRAINED."""
        if not self.options.hold_out:
            return assign_folds(self.examples, self.options.folds)
        held = self.group != ""
        fold = np.where(held, 0, ALWAYS_TRAINED)
        twins = near_duplicate_rows(self.examples, np.flatnonzero(~held), np.flatnonzero(held))
        fold[twins] = NEVER_TRAINED
        if len(twins):
            click.echo(f"{len(twins)} photos nearly show a held-out picture: not trained on")
        return fold

    def train_rows(self, held_out: int) -> NDArray[np.intp]:
        """Returns the photos to train on while a fold is held out."""
        return np.flatnonzero((self.fold != held_out) & (self.fold != NEVER_TRAINED))

    def features(self, tuned_on: NDArray[np.intp]) -> NDArray[np.float32]:
        """Returns [n, D] of every photo, by backbones that are tuned on some photos at most."""
        return np.concatenate(self._features(tuned_on), axis=1)

    def _features(self, tuned_on: NDArray[np.intp]) -> list[NDArray[np.float32]]:
        """Returns the features [n, width] by each backbone."""
        return [
            self._tuned_features(base_name(name), tuned_on)
            if is_tuned(name)
            else self.pretrained[name]
            for name in self.options.backbones
        ]

    def network(self, tuned_on: NDArray[np.intp]) -> StarterNetwork:
        """Returns the network with backbones tuned on some photos; its last layer is missing."""
        names = self.options.backbones
        network = StarterNetwork(names, shared_stages=self.options.tune.frozen_stages)
        for name, stages in zip(names, network.backbones, strict=True):
            if is_tuned(name):
                tuned = self._tuned(base_name(name), tuned_on)
                stages.load_state_dict(tuned.stages.state_dict())
        return network

    def fit(
        self, train_rows: NDArray[np.intp], tuned_on: NDArray[np.intp] | None = None
    ) -> nn.Module:
        """Fits the last layer to some photos; its backbones may be tuned on fewer."""
        tuned_on = train_rows if tuned_on is None else tuned_on
        parts, reads = self._features(tuned_on), self.options.layer_reads
        layer = fit_layer(
            np.concatenate([parts[number][train_rows] for number in reads], axis=1),
            [self.examples[row] for row in train_rows],
            self.cells,
            self.root,
            self.continent_of,
            self.options.layer,
            self._importance(train_rows),
        )
        if not self.options.heads_answer:
            return layer
        heads = {}
        weights = torch.from_numpy(self._draw_weights(tuned_on)).float()
        for number in self.options.tuned_numbers:
            network = self._tuned(base_name(self.options.backbones[number]), tuned_on)
            heads[number] = TunedHead(network.heads)
            heads[number].remove_prior(torch.from_numpy(parts[number][tuned_on]), weights)
        widths = [part.shape[1] for part in parts]
        return MixedLayer(layer, heads, widths, reads, self.options.head_share).eval()

    def predict(self, rows: NDArray[np.intp], train_rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Returns the logits [len(rows), C] by a model that learned from other photos."""
        return self.predict_parts(rows, train_rows)[""]

    def predict_parts(
        self, rows: NDArray[np.intp], train_rows: NDArray[np.intp]
    ) -> dict[str, NDArray[np.float32]]:
        """Returns logits [len(rows), C] as `predict` does: "" -> those of the whole model.

        If heads of tuned backbones answer, also those of the last layer and of the heads alone.
        """
        layer = self.fit(train_rows)
        features = torch.from_numpy(self.features(train_rows)[rows])
        with torch.inference_mode():
            logits = {"": layer(features)}
            if isinstance(layer, MixedLayer):
                names = (", layer alone", ", heads alone")
                logits |= zip(names, layer.parts(features), strict=True)
        return {name: values.numpy() for name, values in logits.items()}

    def out_of_fold_logits(self) -> NDArray[np.float32]:
        """Returns the logits [n, C] of held-out photos by models that never saw their fold."""
        logits = np.zeros((len(self.examples), len(self.cells)), np.float32)
        for held_out in np.unique(self.fold[self.fold >= 0]).tolist():
            train_rows, rows = self.train_rows(held_out), np.flatnonzero(self.fold == held_out)
            logits[rows] = self.predict(rows, train_rows)
            click.echo(f"fold {held_out}: trained on {len(train_rows)}, tested on {len(rows)}")
        return logits

    def tuned_folder(self, name: str, rows: NDArray[np.intp]) -> Path:
        """Returns the folder of a backbone that is tuned on some photos with these options."""
        options = asdict(self.options.tune)
        for technical in ("workers", "checkpoint_steps", "validate_epochs"):
            del options["loop"][technical]
        known = [name, options, self.options.size_px, self.options.least_importance]
        photos = [data_hash(self.examples), rows.tolist()]
        digest = hashlib.sha256(json.dumps([known, photos]).encode()).hexdigest()
        return self.run / "tuned" / f"{name}-{digest[:12]}"

    def _tuned(self, name: str, rows: NDArray[np.intp]) -> TuningNetwork:
        """Loads a backbone that is tuned on some photos, or tunes it."""
        folder, options = self.tuned_folder(name, rows), self.options.tune
        file = folder / TUNED_FILE
        if file.exists():
            return load_tuned(name, options.frozen_stages, file)
        folder.mkdir(parents=True, exist_ok=True)
        click.echo(f"tuning {name} on {len(rows):,} photos in {folder}")
        pictures = decode_photos(self.examples, options.decoded_px, self.run / "decoded.u8")
        photos = TuningPhotos(
            self.examples,
            pictures.picture,
            self.cells,
            self.continent_of,
            rows,
            self._draw_weights(rows),
        )
        network = tune(
            backbone_stages(name, pretrained=True),
            self.pretrained[name],
            photos,
            InputSpec(options.size_px, "squash", "bicubic"),
            folder,
            options,
            self._validation(pictures, rows),
        )
        draft = file.with_suffix(".part")
        torch.save(network.state_dict(), draft)
        draft.replace(file)
        return network

    def _draw_weights(self, rows: NDArray[np.intp]) -> NDArray[np.float64]:
        """Returns how often each of some photos is drawn for tuning."""
        options = self.options.tune
        own = [self.examples[row] for row in rows]
        weights = balance_weights(own, options.source_exponent, options.country_exponent)
        return np.float64(weights) * self._importance(rows)

    def _tuned_features(self, name: str, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        tuned = self._tuned(name, rows)
        network = StarterNetwork((name,), pretrained=False)
        network.backbones[0].load_state_dict(tuned.stages.state_dict())
        file = self.tuned_folder(name, rows) / "features.npy"
        return cached_features(network, name, self.examples, self.options.spec, file)

    def _importance(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Returns the weights [len(rows)] of photos by what their looks say of their places."""
        least = self.options.least_importance
        if least == 1:
            return np.ones(len(rows), np.float32)
        features = np.concatenate(list(self.pretrained.values()), axis=1)[rows]
        own = [self.examples[row] for row in rows]
        return learn_importance(
            features, own, self.cells, self.continent_of, self.options.folds, least
        )

    def _validation(
        self, pictures: DecodedPhotos, train_rows: NDArray[np.intp]
    ) -> Callable[[TuningNetwork], dict[str, float]] | None:
        """Returns a function that scores the heads on the held-out groups; None without groups."""
        held = np.setdiff1d(np.flatnonzero(self.group != ""), train_rows)
        return partial(self._score_heads, pictures, held) if len(held) else None

    def _score_heads(
        self, pictures: DecodedPhotos, held: NDArray[np.intp], network: TuningNetwork
    ) -> dict[str, float]:
        logits = []
        for rows in np.array_split(held, -(-len(held) // FEATURE_BATCH)):
            pixels = np.stack([fit(pictures.picture(row), self.options.spec) for row in rows])
            with torch.inference_mode():
                device = network.heads.cell.weight.device
                heads = network(torch.from_numpy(pixels).to(device))
            logits.append(torch.stack(heads).mean(dim=0).cpu())
        scores = self.group_scores(held, torch.cat(logits).softmax(dim=1).double().numpy())
        return {
            f"{name} {key}": group["per_photo"][key]
            for name, group in scores.items()
            for key in ("continent", "country", "country_top10")
        }

    def group_scores(
        self, rows: NDArray[np.intp], probability: NDArray[np.float64]
    ) -> dict[str, dict[str, Any]]:
        """Scores probabilities [len(rows), C] of some photos, by their group of `hold_out`."""
        scores = {}
        for name in dict.fromkeys(self.group[rows].tolist()):
            is_own = self.group[rows] == name
            own = [self.examples[row] for row in rows[is_own]]
            scores[name] = {
                "photos": len(own),
                **score_cells(probability[is_own], self.cells, own, self.continent_of),
            }
        return scores


@click.command(help=__doc__)
@experiment_options
def main(**arguments: Any) -> None:
    with usage_errors():
        train(*parse_experiment(StarterOptions, **arguments))


def train(experiment: Experiment, options: StarterOptions) -> None:
    """Scores held-out photos, fits the last layer to every photo and writes the run.

    Raises:
        UsageError: The photos or the options cannot be used.
    """
    run = experiment.run
    torch.manual_seed(options.seed)
    data = read_starter_data(experiment, options)
    logits = data.out_of_fold_logits()
    held = np.flatnonzero(data.fold >= 0)
    examples = [data.examples[row] for row in held]
    temperature = fit_temperature(logits[held], examples, data.cells)
    scores = score_held_out(data, held, logits[held], temperature)
    click.echo(json.dumps(scores, indent=1))
    if options.hold_out:
        click.echo(describe_groups(scores["groups"]))
    save_held_out(run / OUT_OF_FOLD_FILE, data, held, logits[held])

    everything = np.arange(len(data.examples))
    tuned_on = everything if options.retune or not options.hold_out else data.train_rows(0)
    network = data.network(tuned_on)
    network.cells = data.fit(everything, tuned_on)
    torch.save(network.state_dict(), run / WEIGHTS_FILE)
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
    examples, unplaced = require_country(examples)
    problems += unplaced
    report_left_out(problems)
    group = np.full(len(examples), "")
    if options.hold_out:
        group = hold_out_sources(examples, options.hold_out)
    cells = make_cells(examples, options.cell_radius_km)
    vague = sum(not example.is_located for example in examples)
    click.echo(
        f"{len(examples)} photos, {len(problems)} left out, {len(cells)} cells; "
        f"{vague} photos are known only to their country"
    )
    pretrained = {
        name: cached_features(
            StarterNetwork((name,)), name, examples, options.spec, run / f"features-{name}.npy"
        )
        for name in dict.fromkeys(map(base_name, options.backbones))
    }
    root = cell_covariance_root(cells, options.layer.cell_covariance)
    return StarterData(examples, group, pretrained, cells, continents(), options, root, run)


def load_tuned(name: str, frozen_stages: int, file: Path) -> TuningNetwork:
    """Loads a tuned backbone with its heads."""
    state = torch.load(file, weights_only=True, map_location="cpu")
    heads = CellHeads.shaped_like(
        {k.removeprefix("heads."): v for k, v in state.items() if k.startswith("heads.")}
    )
    stages = backbone_stages(name, pretrained=False)
    network = TuningNetwork(stages, frozen_stages, heads.cell.out_features)
    network.heads = heads
    network.load_state_dict(state)
    return network.eval()


def cached_features(
    network: StarterNetwork,
    name: str,
    examples: Sequence[Example],
    spec: InputSpec,
    file: Path,
) -> NDArray[np.float32]:
    """Computes the features of every photo, or reads the cache of the same photos and backbone.

    Args:
        network: Has the backbone.
        name: Identifies the backbone in this folder.
        examples: The n photos.
        spec: The input of the network.
        file: The cache (.npy); a .key file is written next to it.

    Returns:
        [n, D].
    """
    names = [example.file for example in examples]
    key = json.dumps([name, spec.size_px, names])
    key_file = file.with_suffix(".key")
    if file.exists() and key_file.exists() and key_file.read_text() == key:
        return np.load(file)
    graph = file.with_suffix(".onnx")
    compute = run_by_onnx(network, "features", spec.size_px, graph, torch.get_num_threads())
    starts = range(0, len(examples), FEATURE_BATCH)
    batches = [examples[start : start + FEATURE_BATCH] for start in starts]
    features = np.concatenate(
        [compute(np.stack([_pixels(example, spec) for example in some])) for some in batches]
    )
    np.save(file, features)
    key_file.write_text(key)
    return features


def _pixels(example: Example, spec: InputSpec) -> NDArray[np.uint8]:
    """Returns uint8 [S, S, 3]."""
    with Image.open(example.path) as file:
        return fit(file.convert("RGB"), spec)


def score_held_out(
    data: StarterData, held: NDArray[np.intp], logits: NDArray[np.float32], temperature: float
) -> dict[str, Any]:
    """Scores the logits [m, C] of the m held-out photos, next to the most common places."""
    examples = [data.examples[row] for row in held]
    probability = posterior(logits, data.cells, temperature)
    scores = {
        "unseen_sources": score_cells(probability, data.cells, examples, data.continent_of),
        "majority": score_commonest_places(data.examples, data.cells, data.fold, data.continent_of),
        "photos": len(examples),
        "sources": len({example.source for example in examples}),
        "countries": len({example.country for example in examples}),
        "trained_on": len(data.examples),
        "folds": len(np.unique(data.fold[held])),
    }
    if data.options.hold_out:
        scores["groups"] = data.group_scores(held, probability)
    return scores


def continents() -> dict[str, str]:
    """Returns country code -> continent of the countries with places."""
    places = load_places()
    return {
        code: continent_of_country(places, number)
        for number, code in enumerate(places.country_codes)
        if (places.country == number).any()
    }


def save_held_out(
    file: Path, data: StarterData, held: NDArray[np.intp], logits: NDArray[np.float32]
) -> None:
    """Writes the logits [m, C] of the m held-out photos with their labels, and the cells.

    With groups the number of the group is the fold, because calibration is tested on folds.
    """
    examples = [data.examples[row] for row in held]
    labels = {
        name: np.array([getattr(example, name) for example in examples])
        for name in ("lat", "lon", "country", "precision", "source")
    }
    group = np.unique(data.group[held], return_inverse=True)[1]
    np.savez_compressed(
        file,
        logits=logits,
        fold=group if data.options.hold_out else data.fold[held],
        photo=np.array([example.file for example in examples]),
        cell_lat=data.cells.lat,
        cell_lon=data.cells.lon,
        cell_country=data.cells.country,
        **labels,
    )


if __name__ == "__main__":
    main()
