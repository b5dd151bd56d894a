"""Tables and plots of a run: python -m training.eval RUN [--guesses players.csv]

The tables were computed at the end of the run. The plots (confusion.png, reliability.png) are drawn
from RUN/test.npz. --guesses compares people with the model; its columns are player, file, lat, lon.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from scipy.special import softmax

from geotagger.errors import UsageError
from training.engine import run_folder
from training.eval.metrics import PredictedLocations, as_table, confusion
from training.eval.players import compare_players, read_players
from training.eval.plots import draw_confusion, draw_reliability

if TYPE_CHECKING:
    from training.engine.run_folder import HeldOut


@click.command(help=__doc__)
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--guesses", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def main(run: Path, guesses: Path | None) -> None:
    try:
        document = run_folder.read(run)
        held = run_folder.read_held_out(run / "test.npz")
        for title, columns in document["metrics"].items():
            click.echo(f"{title}\n\n{as_table(columns)}\n")
        for output in held.target:
            draw_plots(run, document, held, output)
            click.echo(f"{run / output}_confusion.png and _reliability.png")
        if guesses:
            with np.load(run / "guesses.npz", allow_pickle=False) as kept:
                fields = ("lat", "lon", "country", "continent")
                model = PredictedLocations(*(kept[name] for name in fields))
            click.echo(as_table(compare_players(read_players(guesses), model, held)))
    except UsageError as error:
        raise click.ClickException(str(error)) from error


def draw_plots(run: Path, document: dict[str, Any], held: HeldOut, output: str) -> None:
    """Draws the confusion matrix and the reliability of one output of logits."""
    with (run / document["labels"][output]).open(encoding="utf-8", newline="") as stream:
        names = [row["label"] for row in csv.DictReader(stream)]
    target = held.target[output]
    known = target >= 0
    temperature = document["temperature"].get(output, 1.0)
    shares = softmax(held.outputs[output] / temperature, axis=1)
    draw_confusion(confusion(shares, target), names, run / f"{output}_confusion.png")
    right = shares.argmax(axis=1) == target
    confidence = shares.max(axis=1)[known]
    draw_reliability(confidence, right[known], run / f"{output}_reliability.png")


if __name__ == "__main__":
    main()
