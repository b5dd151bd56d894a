"""How well a model finds the place of photos.

Distances, shares, GeoScore and calibration are computed by the code of `geotagger evaluate`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import softmax
from sklearn.metrics import precision_recall_fscore_support

from geotagger.evaluation.calibration import area_under_risk, expected_calibration_error
from geotagger.evaluation.labels import KnownPlace
from geotagger.evaluation.scored import ScoredPhoto
from geotagger.evaluation.scores import THRESHOLDS_KM, score
from geotagger.geography.places import load_places
from geotagger.types import Level, Place, Point, Prediction, Status
from training.calibrate.calibrate import LOCATED_PRECISIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from training.engine.run_folder import HeldOut


@dataclass(frozen=True, slots=True)
class PredictedLocations:
    """One predicted place for each of n photos: by a model, a baseline or a player."""

    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    country: NDArray[np.str_]
    continent: NDArray[np.str_]

    @classmethod
    def at(cls, lat: Sequence[float], lon: Sequence[float]) -> PredictedLocations:
        """Returns the places at some points, with the names of the places table."""
        places = load_places()
        place_names = [places.name(a, o) for a, o in zip(lat, lon, strict=True)]
        return cls(
            np.array(lat, float),
            np.array(lon, float),
            np.array([place.country_code for place in place_names], str),
            np.array([place.continent for place in place_names], str),
        )

    def rows(self, rows: NDArray[np.intp]) -> PredictedLocations:
        """Returns the places of some photos."""
        return PredictedLocations(*(getattr(self, name)[rows] for name in self.__slots__))

    @classmethod
    def of_predictions(cls, predictions: Sequence[Prediction]) -> PredictedLocations:
        """Returns the places that geotagger predicted."""
        return cls(
            np.array([p.point.lat for p in predictions]),
            np.array([p.point.lon for p in predictions]),
            np.array([p.place.country_code for p in predictions], str),
            np.array([p.place.continent for p in predictions], str),
        )


def geographic(predicted: PredictedLocations, held: HeldOut) -> dict[str, float | None]:
    """Computes the shares, distances and GeoScore of `geotagger evaluate`, by its own code.

    A label that is known only to its country does not count in the distances.

    Args:
        predicted: The predicted places.
        held: The labels of the photos.

    Returns:
        Score -> value: shares in 0..1, distances in km.
    """
    scored = []
    for i in range(len(held)):
        is_located = held.precision[i] in LOCATED_PRECISIONS and not np.isnan(held.lat[i])
        truth = KnownPlace(
            str(held.country[i]),
            Point(float(held.lat[i]), float(held.lon[i])) if is_located else None,
        )
        point = Point(float(predicted.lat[i]), float(predicted.lon[i]))
        place = Place(
            point, country_code=str(predicted.country[i]), continent=str(predicted.continent[i])
        )
        prediction = Prediction(point, place, Level.NONE, 0.0, 0.0)
        true_place = Place(point, continent=str(held.continent[i]))
        scored.append(ScoredPhoto(prediction, truth, true_place))
    figures = score(scored, 1, [Status.PREDICTED] * len(scored), 0).figures
    return {
        "photos": len(held),
        "continent": figures["continent"].value,
        "country": figures["country"].value,
        "country_by_country": figures["country"].by_country,
        **{f"within_{km}_km": figures[f"within_{km}_km"].value for km in THRESHOLDS_KM},
        "median_km": figures["median_km"].value,
        "mean_km": figures["mean_km"].value,
        "geoscore": figures["geoscore"].value,
    }


def classification(
    logits: NDArray[np.floating], target: NDArray[np.intp], temperature: float = 1.0
) -> dict[str, float]:
    """Scores a classifier on the photos with a target.

    Args:
        logits: [n, K].
        target: [n] the right class, -1 if it has none.
        temperature: Divides the logits.

    Returns:
        Accuracy, top 5, macro precision, recall and F1 over the classes that occur as truth or
        prediction, NLL, Brier score, ECE (15 bins) and AURC.
    """
    known = target >= 0
    if not known.any():
        return {"photos": 0}
    shares = softmax(logits[known] / temperature, axis=1)
    truth = target[known]
    best = shares.argmax(axis=1)
    right, confidence = best == truth, shares.max(axis=1)
    rows = np.arange(len(truth))
    rank = (shares >= shares[rows, truth][:, None]).sum(axis=1) - 1  # ties count as worse
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
        "ece": expected_calibration_error(confidence, right.astype(float)),
        "aurc": area_under_risk(confidence, right.astype(float)),
    }


def hierarchical(right_above: NDArray[np.bool_], right: NDArray[np.bool_]) -> float | None:
    """Returns the share that is right at the finer level among those right at the coarser level."""
    return float(right[right_above].mean()) if right_above.any() else None


def confusion(logits: NDArray[np.floating], target: NDArray[np.intp]) -> NDArray[np.int64]:
    """Returns [K, K] counts of photos by (true class, predicted class)."""
    known, size = target >= 0, logits.shape[1]
    flat = target[known] * size + logits[known].argmax(axis=1)
    return np.bincount(flat, minlength=size**2).reshape(size, size)


def as_table(columns: Mapping[str, Mapping[str, float | None]]) -> str:
    """Formats columns of scores as a Markdown table; shares are in percent."""
    names = list(dict.fromkeys(name for values in columns.values() for name in values))
    lines = [f"| | {' | '.join(columns)} |", "| --- |" + " ---: |" * len(columns)]
    for name in names:
        cells = [_cell(name, values.get(name)) for values in columns.values()]
        lines.append(f"| {name.replace('_', ' ')} | {' | '.join(cells)} |")
    return "\n".join(lines)


def as_text(tables: Mapping[str, Mapping[str, Mapping[str, float | None]]]) -> str:
    """Formats tables with their titles for the terminal."""
    return "\n".join(f"\n{title}\n\n{as_table(columns)}" for title, columns in tables.items())


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    if name in ("photos", "median_km", "mean_km", "geoscore"):
        return f"{value:,.0f}"
    return f"{value:.3f}" if name in ("nll", "brier", "ece", "aurc") else f"{100 * value:.1f} %"
