"""How well a model tells where photos were taken: python -m training.eval.metrics RUN

Distances, shares, GeoScore and calibration are those of `geotagger evaluate`, by its own code.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
from scipy.special import softmax
from sklearn.metrics import precision_recall_fscore_support

from geotagger.errors import UsageError
from geotagger.evaluation.calibration import area_under_risk, expected_calibration_error
from geotagger.evaluation.labels import KnownPlace
from geotagger.evaluation.scored import ScoredPhoto
from geotagger.evaluation.scores import THRESHOLDS_KM, score
from geotagger.geography.places import load_places
from geotagger.types import Level, Place, Point, Prediction, Status
from training.calibrate.calibrate import EXACT
from training.engine import run_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from training.engine.run_folder import HeldOut


@dataclass(frozen=True, slots=True)
class Guesses:
    """One answer a photo, whoever gives it: a model, a baseline, a player."""

    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    country: NDArray[np.str_]
    continent: NDArray[np.str_]

    @classmethod
    def at(cls, lat: Sequence[float], lon: Sequence[float]) -> Guesses:
        """Guesses of points; the names are those of the places table."""
        places = load_places()
        named = [places.name(a, o) for a, o in zip(lat, lon, strict=True)]
        return cls(
            np.array(lat, float),
            np.array(lon, float),
            np.array([place.country_code for place in named], str),
            np.array([place.continent for place in named], str),
        )

    def rows(self, rows: NDArray[np.intp]) -> Guesses:
        return Guesses(*(getattr(self, name)[rows] for name in self.__slots__))

    @classmethod
    def of(cls, predictions: Sequence[Prediction]) -> Guesses:
        return cls(
            np.array([p.point.lat for p in predictions]),
            np.array([p.point.lon for p in predictions]),
            np.array([p.place.country_code for p in predictions], str),
            np.array([p.place.continent for p in predictions], str),
        )


def geographic(guesses: Guesses, held: HeldOut) -> dict[str, float | None]:
    """The shares, distances and GeoScore of `geotagger evaluate`, worked out by the same code.

    A label that is known to its country alone says nothing of distances.
    """
    scored = []
    for i in range(len(held)):
        exact = held.precision[i] in EXACT and not np.isnan(held.lat[i])
        truth = KnownPlace(
            str(held.country[i]),
            Point(float(held.lat[i]), float(held.lon[i])) if exact else None,
        )
        point = Point(float(guesses.lat[i]), float(guesses.lon[i]))
        place = Place(
            point, country_code=str(guesses.country[i]), continent=str(guesses.continent[i])
        )
        prediction = Prediction(point, place, Level.NONE, 0.0, 0.0)
        named = Place(point, continent=str(held.continent[i]))
        scored.append(ScoredPhoto(prediction, truth, named))
    found = score(scored, 1, [Status.PREDICTED] * len(scored), 0).figures
    return {
        "photos": len(held),
        "continent": found["continent"].value,
        "country": found["country"].value,
        "country_by_country": found["country"].by_country,
        **{f"within_{km}_km": found[f"within_{km}_km"].value for km in THRESHOLDS_KM},
        "median_km": found["median_km"].value,
        "mean_km": found["mean_km"].value,
        "geoscore": found["geoscore"].value,
    }


def classification(
    logits: NDArray[np.floating], target: NDArray[np.intp], temperature: float = 1.0
) -> dict[str, float]:
    """Of photos with a target (not -1): accuracy, top 5, macro precision, recall and F1 over the
    classes that occur in truth or answer, and calibration: NLL, Brier, ECE (15 bins), AURC."""
    known = target >= 0
    if not known.any():
        return {"photos": 0}
    shares = softmax(logits[known] / temperature, axis=1)
    truth = target[known]
    best = shares.argmax(axis=1)
    right, sure = best == truth, shares.max(axis=1)
    rows = np.arange(len(truth))
    rank = (shares >= shares[rows, truth][:, None]).sum(axis=1) - 1  # ties do not help
    precision, recall, f1, _ = precision_recall_fscore_support(
        truth, best, average="macro", zero_division=0.0
    )
    brier = (shares**2).sum(axis=1) - 2 * shares[rows, truth] + 1
    return {
        "photos": len(truth),
        "accuracy": float(right.mean()),
        "top5": float((rank < 5).mean()),
        "precision": float(precision),
        "recall": float(recall),
        "f1": float(f1),
        "nll": float(-np.log(shares[rows, truth] + 1e-12).mean()),
        "brier": float(brier.mean()),
        "ece": expected_calibration_error(sure, right.astype(float)),
        "aurc": area_under_risk(sure, right.astype(float)),
    }


def hierarchical(right_above: NDArray[np.bool_], right: NDArray[np.bool_]) -> float | None:
    """The share right at the finer level among those right at the coarser one."""
    return float(right[right_above].mean()) if right_above.any() else None


def confusion(logits: NDArray[np.floating], target: NDArray[np.intp]) -> NDArray[np.int64]:
    """[K, K] photos by (truth, answer)."""
    known, size = target >= 0, logits.shape[1]
    flat = target[known] * size + logits[known].argmax(axis=1)
    return np.bincount(flat, minlength=size**2).reshape(size, size)


def as_table(columns: Mapping[str, Mapping[str, float | None]]) -> str:
    """Markdown, one column for each of `columns`; shares in percent."""
    names = list(dict.fromkeys(name for values in columns.values() for name in values))
    lines = [f"| | {' | '.join(columns)} |", "| --- |" + " ---: |" * len(columns)]
    for name in names:
        cells = [_cell(name, values.get(name)) for values in columns.values()]
        lines.append(f"| {name.replace('_', ' ')} | {' | '.join(cells)} |")
    return "\n".join(lines)


def as_text(tables: Mapping[str, Mapping[str, Mapping[str, float | None]]]) -> str:
    """Tables with their titles, for the terminal."""
    return "\n".join(f"\n{title}\n\n{as_table(columns)}" for title, columns in tables.items())


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    if name in ("photos", "median_km", "mean_km", "geoscore"):
        return f"{value:,.0f}"
    return f"{value:.3f}" if name in ("nll", "brier", "ece", "aurc") else f"{100 * value:.1f} %"


@click.command()
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--guesses", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def main(run: Path, guesses: Path | None) -> None:
    """Tables and pictures of a run: python -m training.eval.metrics RUN [--guesses players.csv]

    The tables were worked out when the run ended; the pictures (confusion.png, reliability.png) are
    drawn from RUN/test.npz. --guesses sets people beside the model: player, file, lat, lon.
    """
    from training.eval.players import beside_players, read_players
    from training.eval.plots import draw_confusion, draw_reliability

    try:
        document = run_folder.read(run)
        held = run_folder.read_held_out(run / "test.npz")
        for title, columns in document["metrics"].items():
            click.echo(f"{title}\n\n{as_table(columns)}\n")
        for name, target in held.target.items():
            table = run / document["labels"][name]
            with table.open(encoding="utf-8", newline="") as stream:
                names = [row["label"] for row in csv.DictReader(stream)]
            known = target >= 0
            shares = softmax(held.outputs[name] / document["temperature"].get(name, 1.0), axis=1)
            draw_confusion(confusion(shares, target), names, run / f"{name}_confusion.png")
            right = shares.argmax(axis=1) == target
            draw_reliability(
                shares.max(axis=1)[known], right[known], run / f"{name}_reliability.png"
            )
            click.echo(f"{run / name}_confusion.png and _reliability.png")
        if guesses:
            with np.load(run / "guesses.npz", allow_pickle=False) as kept:
                model = Guesses(*(kept[part] for part in ("lat", "lon", "country", "continent")))
            click.echo(as_table(beside_players(read_players(guesses), model, held)))
    except UsageError as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
