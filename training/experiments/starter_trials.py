"""Compares the starter with simpler models: python -m training.experiments.starter_trials COMMAND

    baselines DATA RUN             the most common places, the nearest photo, logistic regression
    leave-one-source-out DATA RUN  every source by a layer that is fitted to all the others
    learning-curve DATA RUN        what more photos would bring
    gain DATA RUN SOURCE ...       what the photos of some sources bring

RUN is a folder of training/train_starter.py, whose options, rights and features are reused. Photos
are predicted by models that never saw their source. If backbones are tuned, each trial tunes them
again on its own photos, which takes hours; a stopped trial is resumed. --pretrained takes them as
they are before tuning. Along the learning curve each photo is drawn as often for tuning as in the
run, so fewer photos take less time.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from training.data.splits import independent_groups
from training.engine import run_folder
from training.engine.experiment import Experiment, set_threads
from training.engine.recipe import build_options
from training.eval.cell_scores import (
    fit_temperature,
    posterior,
    score_cells,
    score_commonest_places,
)
from training.models.cell_layer import cell_covariance_root
from training.models.starter_network import base_name
from training.targets.cells import place_targets
from training.train_starter import (
    ALWAYS_TRAINED,
    NEVER_TRAINED,
    StarterData,
    StarterOptions,
    read_starter_data,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

COLUMNS = ("continent", "country", "country_top10", "within_750_km")
HEAD = "| | photos | continent | country | among ten | within 750 km | median km |\n" + (
    "| --- |" + " ---: |" * 6
)

Scores = dict[str, dict[str, float | None]]


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
    held = np.flatnonzero(data.fold >= 0)
    plain = replace(
        data.options.layer, gamma=0.0, components=1024, cell_covariance=0.0, levels=0.0, l2=3e-4
    )
    regression = replace(
        data,
        options=replace(data.options, layer=plain),
        root=cell_covariance_root(data.cells, 0.0),
    )
    click.echo(HEAD)
    commonest = score_commonest_places(data.examples, data.cells, data.fold, data.continent_of)
    click.echo(_row("commonest places", len(held), commonest))
    click.echo(_row("nearest photo", len(held), _score(data, nearest_photo(data), held, 1.0)))
    logits = regression.out_of_fold_logits()
    click.echo(_row("logistic regression", len(held), _score(data, logits, held)))
    click.echo(_row("the starter", len(held), _score(data, data.out_of_fold_logits(), held)))


@_trial
def leave_one_source_out(data_folder: Path, run: Path) -> None:
    """Scores by source, then of all sources, by photo / every country equally."""
    data = _read_run(data_folder, run)
    group = independent_groups(data.examples)
    logits = _logits(data, group, lambda held_out: np.flatnonzero(group != held_out))
    temperature = fit_temperature(logits, data.examples, data.cells)
    sources = np.array([example.source for example in data.examples])
    click.echo(HEAD)
    for source in sorted(set(sources.tolist())):
        rows = np.flatnonzero(sources == source)
        click.echo(_row(source, len(rows), _score(data, logits, rows, temperature)))
    click.echo(_row("all", len(group), _score(data, logits, np.arange(len(group)), temperature)))


@_trial
@click.option("--start", default=1000, show_default=True, help="Photos of the first trial.")
@click.option("--growth", default=2.0, show_default=True, help="Factor from trial to trial.")
@click.option("--pretrained", is_flag=True, help="Take tuned backbones as they are before tuning.")
@click.option("--extra-rights", multiple=True, help="Further rows, for training only.")
def learning_curve(
    data_folder: Path,
    run: Path,
    start: int,
    growth: float,
    pretrained: bool,
    extra_rights: tuple[str, ...],
) -> None:
    """Scores of more training photos each time, by photo / every country equally."""
    if growth <= 1:
        raise click.UsageError("--growth must be above 1")
    data = _read_run(data_folder, run, pretrained=pretrained)
    held = np.flatnonzero(data.fold >= 0)
    rank = np.random.default_rng(data.options.seed).permutation(len(data.fold))
    largest = max(len(data.train_rows(fold)) for fold in np.unique(data.fold[held]).tolist())
    click.echo(HEAD.replace("photos", "trained on"))
    count = min(start, largest)
    while count:
        chosen = partial(_first_rows, data, rank, count)
        trial = with_share_of_draws(data, count / largest)
        for part, logits in _logits_of_parts(trial, data.fold, chosen).items():
            _show(data, f"{count:,} photos{part}", count, logits)
        count = min(max(round(growth * count), count + 1), largest) if count < largest else 0
    if extra_rights:
        more = _read_run(data_folder, run, extra_rights, pretrained)
        is_own = np.array([example.rights not in extra_rights for example in more.examples])
        fold = np.full(len(is_own), ALWAYS_TRAINED)
        fold[is_own] = data.fold
        rows = np.flatnonzero(fold >= 0)
        logits = _logits(more, fold, partial(_other_rows, fold))
        count = largest + len(is_own) - len(data.fold)
        click.echo(
            _row(f"and those of {', '.join(extra_rights)}", count, _score(more, logits, rows))
        )


def with_share_of_draws(data: StarterData, share: float) -> StarterData:
    """Returns the data with fewer draws for tuning in each epoch."""
    tune = data.options.tune
    tune = replace(tune, per_epoch=max(1, round(share * tune.per_epoch)))
    return replace(data, options=replace(data.options, tune=tune))


@_trial
@click.argument("sources", nargs=-1, required=True)
@click.option("--pretrained", is_flag=True, help="Take tuned backbones as they are before tuning.")
def gain(data_folder: Path, run: Path, sources: tuple[str, ...], pretrained: bool) -> None:
    """Scores without and with the training photos of some sources."""
    data = _read_run(data_folder, run, pretrained=pretrained)
    source = np.array([example.source for example in data.examples])
    unknown = set(sources) - set(source.tolist())
    if unknown:
        raise click.UsageError(f"{data_folder} has no photo of the source {min(unknown)}")
    click.echo(HEAD.replace("photos", "trained on"))
    for name, left_out in (("without", sources), ("with", ())):
        chosen = partial(_rows_without, data, np.isin(source, left_out))
        count = len(chosen(int(data.fold.max())))
        _show(data, f"{name} {', '.join(sources)}", count, _logits(data, data.fold, chosen))


def _rows_without(
    data: StarterData, left_out: NDArray[np.bool_], held_out: int
) -> NDArray[np.intp]:
    """Returns the training photos that are not `left_out` [n] while a fold is held out."""
    rows = data.train_rows(held_out)
    return rows[~left_out[rows]]


def _show(data: StarterData, name: str, count: int, logits: NDArray[np.float32]) -> None:
    """Prints the scores of the held-out photos by logits [n, C], and those of each group."""
    held = np.flatnonzero(data.fold >= 0)
    temperature = fit_temperature(logits[held], [data.examples[row] for row in held], data.cells)
    click.echo(_row(name, count, _score(data, logits, held, temperature)))
    for group in sorted(set(data.group.tolist()) - {""}):
        rows = np.flatnonzero(data.group == group)
        click.echo(_row(f"- {group}", len(rows), _score(data, logits, rows, temperature)))


def _first_rows(
    data: StarterData, rank: NDArray[np.intp], count: int, held_out: int
) -> NDArray[np.intp]:
    """Returns the `count` training photos of the lowest rank [n] while a fold is held out."""
    rows = data.train_rows(held_out)
    return np.sort(rows[np.argsort(rank[rows])[:count]])


def _other_rows(fold: NDArray[np.intp], held_out: int) -> NDArray[np.intp]:
    """Returns the photos to train on by their folds [n]."""
    return np.flatnonzero((fold != held_out) & (fold != NEVER_TRAINED))


def nearest_photo(data: StarterData) -> NDArray[np.float32]:
    """Returns one-hot logits [n, C] for held-out photos: the cell of the nearest other photo."""
    cell = place_targets(data.examples, data.cells, 1.0, 1.0).cells.argmax(axis=1)
    logits = np.zeros((len(data.examples), len(data.cells)), np.float32)
    for held_out in np.unique(data.fold[data.fold >= 0]).tolist():
        train_rows, rows = data.train_rows(held_out), np.flatnonzero(data.fold == held_out)
        features = data.features(train_rows)
        features = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-6)
        features /= np.linalg.norm(features, axis=1, keepdims=True)
        nearest = (features[rows] @ features[train_rows].T).argmax(axis=1)
        logits[rows, cell[train_rows[nearest]]] = 20
    return logits


def _read_run(
    data_folder: Path, run: Path, extra_rights: Iterable[str] = (), pretrained: bool = False
) -> StarterData:
    """Reads the photos of the run. Features of `extra_rights` get a cache of their own."""
    document = run_folder.read(run)
    rights = [right for right in document["excluded_rights"] if right not in extra_rights]
    cache = run / "more" if extra_rights else run
    options = build_options(StarterOptions, document["options"], run_folder.RUN_FILE)
    if pretrained:
        options = replace(
            options, backbones=tuple(dict.fromkeys(map(base_name, options.backbones)))
        )
    return read_starter_data(Experiment({"train": str(data_folder)}, cache, None, rights), options)


def _logits(
    data: StarterData, fold: NDArray[np.intp], train_rows: Callable[[int], NDArray[np.intp]]
) -> NDArray[np.float32]:
    """Computes the logits [n, C] of held-out photos, as `_logits_of_parts` does."""
    return _logits_of_parts(data, fold, train_rows)[""]


def _logits_of_parts(
    data: StarterData, fold: NDArray[np.intp], train_rows: Callable[[int], NDArray[np.intp]]
) -> dict[str, NDArray[np.float32]]:
    """Computes the logits of held-out photos by each part of the model.

    Args:
        data: The n photos.
        fold: [n]; photos of negative folds are not predicted.
        train_rows: Returns the photos to train on while a fold is held out.

    Returns:
        "" -> [n, C] by the whole model; if heads of tuned backbones answer beside the last layer,
        also by each of both.
    """
    logits: dict[str, NDArray[np.float32]] = {}
    for held_out in np.unique(fold[fold >= 0]).tolist():
        rows, own = np.flatnonzero(fold == held_out), train_rows(held_out)
        for part, values in data.predict_parts(rows, own).items():
            empty = np.zeros((len(fold), len(data.cells)), np.float32)
            logits.setdefault(part, empty)[rows] = values
    return logits


def _score(
    data: StarterData,
    logits: NDArray[np.float32],
    rows: NDArray[np.intp],
    temperature: float | None = None,
) -> Scores:
    """Scores some rows of logits [n, C], by the best temperature if none is given."""
    examples = [data.examples[row] for row in rows]
    temperature = temperature or fit_temperature(logits[rows], examples, data.cells)
    probability = posterior(logits[rows], data.cells, temperature)
    return score_cells(probability, data.cells, examples, data.continent_of)


def _row(name: str, count: int, scores: Scores) -> str:
    pairs = [[scores[by][key] for by in ("per_photo", "per_country")] for key in COLUMNS]
    cells = [" / ".join("-" if x is None else f"{100 * x:.1f}" for x in pair) for pair in pairs]
    medians = [scores[by]["median_km"] for by in ("per_photo", "per_country")]
    kilometres = " / ".join("-" if km is None else f"{km:,}" for km in medians)
    return f"| {name} | {count:,} | {' | '.join(cells)} | {kilometres} |"


if __name__ == "__main__":
    main()
