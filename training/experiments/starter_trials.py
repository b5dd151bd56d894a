"""Compares the starter with simpler models: python -m training.experiments.starter_trials COMMAND

    baselines DATA RUN             the most common places, the nearest photo, logistic regression
    leave-one-source-out DATA RUN  every source by a layer that is fitted to all the others
    learning-curve DATA RUN        what more photos would bring

RUN is a folder of training/train_starter.py, whose options, rights and features are reused. Every
photo is predicted by a model that never saw its source.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from training.data.splits import assign_folds, independent_groups
from training.engine import run_folder
from training.engine.experiment import Experiment, set_threads
from training.engine.recipe import build_options
from training.eval.cell_scores import posterior, score_cells
from training.models.cell_layer import cell_covariance_root
from training.targets.cells import soft_targets
from training.train_starter import (
    StarterData,
    StarterOptions,
    fit_temperature,
    read_starter_data,
    score_commonest_places,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

COLUMNS = ("continent", "country", "country_top10", "within_750_km")
SHARES = (0.125, 0.25, 0.5, 1.0)
HEAD = "| | photos | continent | country | among ten | within 750 km | median km |\n" + (
    "| --- |" + " ---: |" * 6
)

Scores = dict[str, dict[str, float]]


@click.group(help=__doc__)
@click.option("--threads", default=0, help="CPU threads; 0 for all.")
def main(threads: int) -> None:
    set_threads(threads)


def _trial(function: Callable[..., None]) -> click.Command:
    """Makes a command with the arguments DATA and RUN."""
    folder = click.Path(path_type=Path, exists=True, file_okay=False)
    function = click.argument("run", type=folder)(function)
    return main.command()(click.argument("data_folder", metavar="DATA", type=folder)(function))


@_trial
def baselines(data_folder: Path, run: Path) -> None:
    """Scores by photo / every country equally."""
    data = _read_run(data_folder, run)
    fold = assign_folds(data.examples, data.options.folds)
    plain = replace(
        data.options.layer, gamma=0.0, components=1024, cell_covariance=0.0, levels=0.0, l2=3e-4
    )
    regression = replace(
        data,
        options=replace(data.options, layer=plain),
        root=cell_covariance_root(data.cells, 0.0),
    )
    click.echo(HEAD)
    commonest = score_commonest_places(data.examples, data.cells, fold, data.continent_of)
    click.echo(_row("commonest places", len(fold), commonest))
    click.echo(_row("nearest photo", len(fold), _score(data, nearest_photo(data, fold), 1.0)))
    click.echo(_row("logistic regression", len(fold), _score(data, _logits(regression, fold))))
    click.echo(_row("the starter", len(fold), _score(data, _logits(data, fold))))


@_trial
def leave_one_source_out(data_folder: Path, run: Path) -> None:
    """Scores by source, then of all sources, by photo / every country equally."""
    data = _read_run(data_folder, run)
    group = independent_groups(data.examples)
    logits = _logits(data, group)
    temperature = fit_temperature(logits, data.examples, data.cells)
    sources = np.array([example.source for example in data.examples])
    click.echo(HEAD)
    for source in sorted(set(sources.tolist())):
        rows = np.flatnonzero(sources == source)
        click.echo(_row(source, len(rows), _score(data, logits, temperature, rows)))
    click.echo(_row("all", len(group), _score(data, logits, temperature)))


@_trial
@click.option("--extra-rights", multiple=True, help="Further rows, for training only.")
def learning_curve(data_folder: Path, run: Path, extra_rights: tuple[str, ...]) -> None:
    """Scores of a share of the training photos, by photo / every country equally."""
    data = _read_run(data_folder, run)
    fold = assign_folds(data.examples, data.options.folds)
    random = np.random.default_rng(data.options.seed)
    rank = random.permutation(len(fold)) / len(fold)
    click.echo(HEAD.replace("photos", "trained on"))
    for share in SHARES:
        logits = _logits(data, fold, rank < share)
        count = round(len(fold) * share * (1 - 1 / data.options.folds))
        click.echo(_row(f"{share:.1%} of the photos", count, _score(data, logits)))
    if extra_rights:
        more = _read_run(data_folder, run, extra_rights)
        is_own = np.array([example.rights not in extra_rights for example in more.examples])
        own = [example for example in more.examples if example.rights not in extra_rights]
        fold = np.full(len(is_own), -1)
        fold[is_own] = assign_folds(own, more.options.folds)
        rows = np.flatnonzero(is_own)
        scores = _score(more, _logits(more, fold), rows=rows)
        count = round(len(rows) * (1 - 1 / more.options.folds)) + len(is_own) - len(rows)
        click.echo(_row(f"and those of {', '.join(extra_rights)}", count, scores))


def nearest_photo(data: StarterData, fold: NDArray[np.intp]) -> NDArray[np.float32]:
    """Returns one-hot logits [n, C]: the cell of the nearest photo of the other folds [n]."""
    features = data.features
    features = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-6)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    cosine = features @ features.T
    cosine[fold[:, None] == fold] = -np.inf
    cell = soft_targets(data.examples, data.cells, 1.0, 1.0).argmax(axis=1)
    return 20 * np.eye(len(data.cells), dtype=np.float32)[cell[cosine.argmax(axis=1)]]


def _read_run(data_folder: Path, run: Path, extra_rights: Iterable[str] = ()) -> StarterData:
    """Reads the photos of the run. Features of `extra_rights` get a cache of their own."""
    document = run_folder.read(run)
    rights = [right for right in document["excluded_rights"] if right not in extra_rights]
    cache = run / "more" if extra_rights else run
    options = build_options(StarterOptions, document["options"], run_folder.RUN_FILE)
    return read_starter_data(Experiment({"train": str(data_folder)}, cache, None, rights), options)


def _logits(
    data: StarterData, fold: NDArray[np.intp], is_used: NDArray[np.bool_] | None = None
) -> NDArray[np.float32]:
    """Computes out-of-fold logits.

    Args:
        data: The n photos.
        fold: [n]; photos of fold -1 are in every training set and are not predicted.
        is_used: [n] whether the photo may be trained on; None for all.

    Returns:
        [n, C].
    """
    logits = np.zeros((len(fold), len(data.cells)), np.float32)
    for held_out in np.unique(fold[fold >= 0]):
        is_train = fold != held_out if is_used is None else (fold != held_out) & is_used
        rows = np.flatnonzero(fold == held_out)
        logits[rows] = data.predict(rows, np.flatnonzero(is_train))
    return logits


def _score(
    data: StarterData,
    logits: NDArray[np.float32],
    temperature: float | None = None,
    rows: NDArray[np.intp] | None = None,
) -> Scores:
    rows = np.arange(len(logits)) if rows is None else rows
    examples = [data.examples[row] for row in rows]
    temperature = temperature or fit_temperature(logits[rows], examples, data.cells)
    probability = posterior(logits[rows], data.cells, temperature)
    return score_cells(probability, data.cells, examples, data.continent_of)


def _row(name: str, count: int, scores: Scores) -> str:
    photo, country = scores["per_photo"], scores["per_country"]
    cells = [f"{100 * photo[key]:.1f} / {100 * country[key]:.1f}" for key in COLUMNS]
    kilometres = f"{photo['median_km']:,} / {country['median_km']:,}"
    return f"| {name} | {count:,} | {' | '.join(cells)} | {kilometres} |"


if __name__ == "__main__":
    main()
