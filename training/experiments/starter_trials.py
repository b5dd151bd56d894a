"""What the starter is set beside: python -m training.experiments.starter_trials COMMAND DATA RUN

    baselines              the commonest places, the nearest photo, a plain logistic regression
    leave-one-source-out   every source judged by a layer that learned from all the others
    learning-curve         what more photos would bring

RUN is a folder of training/train_starter.py; its recipe, rights and features are used again. Every
photo is judged by what never saw its source.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import torch

from training.data.splits import assign_folds, groups
from training.eval.cell_scores import posterior, score
from training.models.cell_layer import kinship_root
from training.targets.cells import soft_targets
from training.train_starter import Studied, fit_temperature, majority_scores, read_recipe, study

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
def main() -> None:
    torch.set_num_threads(2)


def _trial(function: Callable[..., None]) -> click.Command:
    """A command with the arguments that all of these have."""
    place = click.Path(path_type=Path, exists=True, file_okay=False)
    function = click.argument("run", type=place)(function)
    return main.command()(click.argument("data", type=place)(function))


@_trial
def baselines(data: Path, run: Path) -> None:
    """By photo / every country alike."""
    studied = _open(data, run)
    fold = assign_folds(studied.examples, studied.recipe.folds)
    plain = replace(
        studied.recipe.layer, sharpness=0.0, components=1024, kinship=0.0, levels=0.0, l2=3e-4
    )
    regression = replace(
        studied,
        recipe=replace(studied.recipe, layer=plain),
        root=kinship_root(studied.cells, 0.0),
    )
    click.echo(HEAD)
    found = majority_scores(studied.examples, studied.cells, fold, studied.continent_of)
    click.echo(_row("commonest places", len(fold), found))
    click.echo(_row("nearest photo", len(fold), _scored(studied, nearest(studied, fold), 1.0)))
    click.echo(_row("logistic regression", len(fold), _scored(studied, _logits(regression, fold))))
    click.echo(_row("the starter", len(fold), _scored(studied, _logits(studied, fold))))


@_trial
def leave_one_source_out(data: Path, run: Path) -> None:
    """By source; last all of them, by photo / every country alike."""
    studied = _open(data, run)
    group = groups(studied.examples)
    logits = _logits(studied, group)
    temperature = fit_temperature(logits, studied.examples, studied.cells)
    sources = np.array([example.source for example in studied.examples])
    click.echo(HEAD)
    for source in sorted(set(sources.tolist())):
        rows = np.flatnonzero(sources == source)
        click.echo(_row(source, len(rows), _scored(studied, logits, temperature, rows)))
    click.echo(_row("all", len(group), _scored(studied, logits, temperature)))


@_trial
@click.option("--extra-rights", multiple=True, help="Rows to learn from as well, never judged.")
def learning_curve(data: Path, run: Path, extra_rights: tuple[str, ...]) -> None:
    """A share of the photos of the other folds is learned from: by photo / every country alike."""
    studied = _open(data, run)
    fold = assign_folds(studied.examples, studied.recipe.folds)
    random = np.random.default_rng(studied.recipe.seed)
    rank = random.permutation(len(fold)) / len(fold)
    click.echo(HEAD.replace("photos", "learned from"))
    for share in SHARES:
        logits = _logits(studied, fold, rank < share)
        count = round(len(fold) * share * (1 - 1 / studied.recipe.folds))
        click.echo(_row(f"{share:.1%} of the photos", count, _scored(studied, logits)))
    if extra_rights:
        more = _open(data, run, extra_rights)
        own = np.array([example.rights not in extra_rights for example in more.examples])
        fold = np.full(len(own), -1)
        fold[own] = assign_folds(
            [example for example in more.examples if example.rights not in extra_rights],
            more.recipe.folds,
        )
        rows = np.flatnonzero(own)
        scores = _scored(more, _logits(more, fold), rows=rows)
        count = round(len(rows) * (1 - 1 / more.recipe.folds)) + len(own) - len(rows)
        click.echo(_row(f"and those of {', '.join(extra_rights)}", count, scores))


def nearest(studied: Studied, fold: NDArray[np.intp]) -> NDArray[np.float32]:
    """[n, cells] one-hot logits: the cell of the nearest photo of the other folds."""
    features = studied.features
    features = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-6)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    likeness = features @ features.T
    likeness[fold[:, None] == fold] = -np.inf
    cell = soft_targets(studied.examples, studied.cells, 1.0, 1.0).argmax(axis=1)
    return 20 * np.eye(len(studied.cells), dtype=np.float32)[cell[likeness.argmax(axis=1)]]


def _open(data: Path, run: Path, extra_rights: Iterable[str] = ()) -> Studied:
    """The run's photos; those of `extra_rights` too, whose features are kept apart."""
    document: dict[str, Any] = json.loads((run / "run.json").read_text())
    rights = [right for right in document["excluded_rights"] if right not in extra_rights]
    place = run / "more" if extra_rights else run
    return study(data, place, read_recipe(document["recipe"]), rights)


def _logits(
    studied: Studied, fold: NDArray[np.intp], learned: NDArray[np.bool_] | None = None
) -> NDArray[np.float32]:
    """[n, cells] by layers that learned from the other folds: from all their photos, or some.

    Photos of fold -1 are learned from by every layer and judged by none.
    """
    logits = np.zeros((len(fold), len(studied.cells)), np.float32)
    for held_out in np.unique(fold[fold >= 0]):
        known = fold != held_out if learned is None else (fold != held_out) & learned
        unseen = np.flatnonzero(fold == held_out)
        logits[unseen] = studied.judge(unseen, np.flatnonzero(known))
    return logits


def _scored(
    studied: Studied,
    logits: NDArray[np.float32],
    temperature: float | None = None,
    rows: NDArray[np.intp] | None = None,
) -> Scores:
    rows = np.arange(len(logits)) if rows is None else rows
    examples = [studied.examples[row] for row in rows]
    found = temperature or fit_temperature(logits[rows], examples, studied.cells)
    probability = posterior(logits[rows], studied.cells, found)
    return score(probability, studied.cells, examples, studied.continent_of)


def _row(name: str, count: int, scores: Scores) -> str:
    photo, country = scores["per_photo"], scores["per_country"]
    cells = [f"{100 * photo[key]:.1f} / {100 * country[key]:.1f}" for key in COLUMNS]
    kilometres = f"{photo['median_km']:,} / {country['median_km']:,}"
    return f"| {name} | {count:,} | {' | '.join(cells)} | {kilometres} |"


if __name__ == "__main__":
    main()
