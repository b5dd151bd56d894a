"""How well a model tells where photos were taken: python -m training.metrics RUN

Distances, shares and GeoScore are those of `geotagger evaluate`, by its own code. The first part
serves the starter, whose probabilities are over cells.
"""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
from scipy.special import softmax
from sklearn.metrics import precision_recall_fscore_support

from geotagger import evaluate
from geotagger.errors import UsageError
from geotagger.geo import haversine_km
from geotagger.labels import Truth
from geotagger.places import load_places
from geotagger.records import Level, Place, Point, Prediction, Status
from training import run_folder
from training.calibrate import EXACT
from training.data import positions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from training.cells import Cells
    from training.data import Example
    from training.run_folder import HeldOut

RADII_KM = (25, 200, 750, 2500)


def posterior(
    logits: NDArray[np.floating], cells: Cells, temperature: float
) -> NDArray[np.float64]:
    """[n, cells] for log-likelihoods of cells, where every country is as likely as any other."""
    in_country = Counter(cells.country.tolist())
    logs = logits / temperature - np.log([in_country[code] for code in cells.country.tolist()])
    mass = np.exp(logs - logs.max(axis=1, keepdims=True))
    return mass / mass.sum(axis=1, keepdims=True)


def score(
    probability: NDArray[np.float64],
    cells: Cells,
    examples: Sequence[Example],
    continent_of: Mapping[str, str],
) -> dict[str, dict[str, float]]:
    """Shares (0 to 1) and the median error in km, by photo and with every country weighed alike.

    The point is the cell that meets the most of RADII_KM in expectation.
    """
    truth = np.array([example.country for example in examples])
    true_continent = np.array([continent_of[code] for code in truth.tolist()])
    country_mass, countries = _sums(probability, cells.country)
    home = np.array([continent_of[code] for code in countries.tolist()])
    continent_mass, continents = _sums(country_mass, home)
    ranked = countries[np.argsort(-country_mass, axis=1)[:, :10]]
    between = cells.distance_km(cells.lat, cells.lon)
    gain = sum((between <= radius).astype(float) for radius in RADII_KM)
    best = (probability @ gain).argmax(axis=1)
    km = np.asarray(haversine_km(cells.lat[best], cells.lon[best], *positions(examples)))
    hits = {
        "continent": continents[continent_mass.argmax(axis=1)] == true_continent,
        "country": ranked[:, 0] == truth,
        "country_top10": (ranked == truth[:, None]).any(axis=1),
        **{f"within_{radius}_km": km <= radius for radius in RADII_KM},
    }
    count = Counter(truth.tolist())
    alike = np.array([1 / count[code] for code in truth.tolist()])
    weights = {"per_photo": np.ones(len(truth)), "per_country": alike}
    return {
        name: {
            **{hit: round(float(np.average(right, weights=w)), 4) for hit, right in hits.items()},
            "median_km": round(_median(km, w)),
        }
        for name, w in weights.items()
    }


def by_continent(
    probability: NDArray[np.float64],
    cells: Cells,
    countries: Sequence[str],
    continent_of: Mapping[str, str],
) -> dict[str, dict[str, float]]:
    """The photos of each continent, and the share of them whose continent is right."""
    home = np.array([continent_of[code] for code in cells.country.tolist()])
    mass, names = _sums(probability, home)
    truth = np.array([continent_of[code] for code in countries])
    right = names[mass.argmax(axis=1)] == truth
    return {
        name: {
            "photos": int((truth == name).sum()),
            "right": round(float(right[truth == name].mean()), 4),
        }
        for name in sorted(set(truth.tolist()))
    }


def _sums(
    mass: NDArray[np.float64], names: NDArray[np.str_]
) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """Mass [n, cells] summed by name: ([n, names], names)."""
    distinct, index = np.unique(names, return_inverse=True)
    belongs = np.zeros((len(names), len(distinct)))
    belongs[np.arange(len(names)), index] = 1
    return mass @ belongs, distinct


def _median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    order = np.argsort(values)
    held = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(held, held[-1] / 2)])


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
        truth = Truth(
            str(held.country[i]),
            Point(float(held.lat[i]), float(held.lon[i])) if exact else None,
        )
        point = Point(float(guesses.lat[i]), float(guesses.lon[i]))
        place = Place(
            point, country_code=str(guesses.country[i]), continent=str(guesses.continent[i])
        )
        prediction = Prediction(point, place, Level.NONE, 0.0, 0.0)
        scored.append(evaluate.Scored(prediction, truth, str(held.continent[i])))
    found = evaluate.score(scored, 1, [Status.PREDICTED] * len(scored), 0)
    return {
        "photos": len(held),
        "continent": found.continent,
        "country": found.country,
        "country_by_country": found.country_by_country,
        **{f"within_{km}_km": share for km, share in found.within_km.items()},
        "median_km": found.median_km,
        "mean_km": found.mean_km,
        "geoscore": found.geoscore,
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
    rank = (shares > shares[rows, truth][:, None]).sum(axis=1)
    precision, recall, f1, _ = precision_recall_fscore_support(
        truth, best, average="macro", zero_division=0.0
    )
    risk = np.cumsum(~right[np.argsort(-sure, kind="stable")]) / (rows + 1)
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
        "ece": expected_calibration_error(sure, right),
        "aurc": float(risk.mean()),
    }


def hierarchical(right_above: NDArray[np.bool_], right: NDArray[np.bool_]) -> float | None:
    """The share right at the finer level among those right at the coarser one."""
    return float(right[right_above].mean()) if right_above.any() else None


def reliability(
    sure: NDArray[np.floating], right: NDArray[np.bool_], bins: int = 15
) -> list[tuple[float, float, int]]:
    """By bins of confidence that hold any: (mean confidence, share right, photos)."""
    index = np.minimum((sure * bins).astype(int), bins - 1)
    return [
        (float(sure[own].mean()), float(right[own].mean()), int(own.sum()))
        for number in range(bins)
        if (own := index == number).any()
    ]


def expected_calibration_error(sure: NDArray[np.floating], right: NDArray[np.bool_]) -> float:
    """Mean gap between confidence and share right (Naeini et al. 2015)."""
    return sum(n * abs(a - b) for a, b, n in reliability(sure, right)) / len(sure)


def confusion(logits: NDArray[np.floating], target: NDArray[np.intp]) -> NDArray[np.int64]:
    """[K, K] photos by (truth, answer)."""
    known, size = target >= 0, logits.shape[1]
    flat = target[known] * size + logits[known].argmax(axis=1)
    return np.bincount(flat, minlength=size**2).reshape(size, size)


def draw_confusion(matrix: NDArray[np.int64], names: Sequence[str], file: Path) -> None:
    """A picture of a confusion matrix, each row as shares of its truth; at most the 40 classes
    with most photos."""
    from matplotlib.figure import Figure

    kept = np.sort(np.argsort(-matrix.sum(axis=1), kind="stable")[:40])
    shown = matrix[np.ix_(kept, kept)]
    shares = shown / np.maximum(matrix[kept].sum(axis=1, keepdims=True), 1)
    side = 3 + 0.28 * len(kept)
    figure = Figure(figsize=(side + 1, side), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    labels = [names[i] for i in kept]
    axes.set_xticks(range(len(kept)), labels, rotation=90)
    axes.set_yticks(range(len(kept)), labels)
    axes.set_xlabel("answer")
    axes.set_ylabel("truth")
    if len(kept) <= 15:
        for (row, column), count in np.ndenumerate(shown):
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=colour)
    figure.colorbar(image, label="share of the photos of a class")
    figure.savefig(file, dpi=100)


def draw_reliability(sure: NDArray[np.floating], right: NDArray[np.bool_], file: Path) -> None:
    """A picture of how often answers of each confidence are right."""
    from matplotlib.figure import Figure

    said, held, photos = (
        np.array(column) for column in zip(*reliability(sure, right), strict=True)
    )
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
    axes.scatter(said, held, s=10 + 300 * photos / photos.sum())
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="share right")
    figure.savefig(file, dpi=100)


def read_players(file: Path) -> dict[str, dict[str, tuple[float, float]]]:
    """Guesses of people: player -> file -> (lat, lon). Columns: player, file, lat, lon.

    Raises:
        UsageError: a column lacks, or a number is none; the message names the row.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            rows = list(reader)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: cannot be read ({error})") from error
    lacking = {"player", "file", "lat", "lon"} - set(reader.fieldnames or ())
    if lacking:
        raise UsageError(f"{file}: lacks the columns {', '.join(sorted(lacking))}; add them")
    players: dict[str, dict[str, tuple[float, float]]] = {}
    for number, row in enumerate(rows, start=2):
        try:
            lat, lon = float(row["lat"]), float(row["lon"])
            if not (abs(lat) <= 90 and abs(lon) <= 180):
                raise ValueError(f"({lat}, {lon}) is no position")
        except (TypeError, ValueError) as error:
            raise UsageError(f"{file}, row {number}: {error}; correct it") from error
        players.setdefault(row["player"], {})[row["file"]] = (lat, lon)
    return players


def beside_players(
    players: Mapping[str, Mapping[str, tuple[float, float]]], model: Guesses, held: HeldOut
) -> dict[str, dict[str, float | None]]:
    """For every player, how they and the model did on the photos that the player guessed.

    The model's row is named "PLAYER: model". `wins` is the share of photos on which the one in the
    row came nearer.
    """
    row_of = {name: row for row, name in enumerate(held.file.tolist())}
    table: dict[str, dict[str, float | None]] = {}
    for player, guesses in sorted(players.items()):
        files = [file for file in guesses if file in row_of]
        if not files:
            raise UsageError(f"{player}: guessed none of the photos that were held out")
        rows = np.array([row_of[file] for file in files])
        own = held.rows(rows)
        theirs = Guesses.at(*zip(*(guesses[file] for file in files), strict=True))
        ours = model.rows(rows)
        km = [haversine_km(g.lat, g.lon, own.lat, own.lon) for g in (theirs, ours)]
        table[player] = geographic(theirs, own) | {"wins": float((km[0] < km[1]).mean())}
        table[f"{player}: model"] = geographic(ours, own) | {"wins": float((km[1] < km[0]).mean())}
    return table


def as_table(columns: Mapping[str, Mapping[str, float | None]]) -> str:
    """Markdown, one column for each of `columns`; shares in percent."""
    names = list(dict.fromkeys(name for values in columns.values() for name in values))
    lines = [f"| | {' | '.join(columns)} |", "| --- |" + " ---: |" * len(columns)]
    for name in names:
        cells = [_cell(name, values.get(name)) for values in columns.values()]
        lines.append(f"| {name.replace('_', ' ')} | {' | '.join(cells)} |")
    return "\n".join(lines)


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
    """Tables and pictures of a run: python -m training.metrics RUN [--guesses players.csv]

    The tables were worked out when the run ended; the pictures (confusion.png, reliability.png) are
    drawn from RUN/test.npz. --guesses sets people beside the model: player, file, lat, lon.
    """
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
