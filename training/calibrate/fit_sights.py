"""Makes the gallery of known sights of a starter run: python -m training.calibrate.fit_sights ...

SOURCE is the source that RUN was trained on. Each --features is an array [photos, width] of one
backbone, in the order of the photos; several are joined as the network of RUN joins them. RUN gets
    sights.npy, sights.csv   the gallery: embeddings (int8), places, trust
    sights.pt                the projection from features to embeddings
    sights.json              the constants of the head, and its scores on held-out sources
The export adds the head to the bundle if RUN has them.

A photo is never compared with its own source. If backbones were tuned on the photos, their likeness
is learned: then name sources that they never saw by --held-out, and give the features of backbones
that did not see them by --fit-features, if those of the network that ships did.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import torch
from scipy.optimize import minimize

from geotagger.errors import UsageError
from geotagger.evaluation.intervals import wilson
from geotagger.fusion.prior import Constants
from geotagger.geography.sphere import cosine_of_km
from geotagger.types import Level
from training.data.dataset import read_photos
from training.engine.experiment import usage_errors
from training.models.sight_projection import SightProjection
from training.targets.sight_gallery import (
    NEAR_KM,
    as_int8,
    log_mass,
    near_mass,
    precise_photos,
    write_sight_table,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from training.data.example import Example
    from training.targets.sight_gallery import SightPhotoSet

VECTORS_FILE, TABLE_FILE = "sights.npy", "sights.csv"
PROJECTION_FILE, HEAD_FILE = "sights.pt", "sights.json"
CANDIDATES = 64
"""Gallery photos that compete for a query; more have no probability."""
SPOTS = 8
"""Candidates that are tried as the answer."""
RIGHT_BY_CHANCE = 0.003
"""Probability of the right place where no sight is recognised: other evidence is about that good.
The fit is hardly sensitive to it."""
START = (20.0, 0.1, 8.0)
"""Scale, share of trust and logit of none, from where the fit starts."""
PENALTY = 0.002
"""For constants away from START, in nats: few photos that all match would make them infinite."""
MIN_PRECISION = 0.9
"""Of the answers that are sure enough to name a city."""
STEP = 0.1
"""By which `none_logit` is raised until they are that precise."""
BINS = (0.0, 0.1, 0.3, 0.5, 0.7, 0.85, 0.95, 1.01)


@dataclass(frozen=True, slots=True)
class SightConstants:
    """The fitted constants."""

    scale: float
    trust: float
    """The exponent of a gallery photo's `near_mass`."""
    none_logit: float


@dataclass(frozen=True, slots=True)
class Queries:
    """Photos of held-out sources with their candidates of other sources, the most alike first."""

    photos: SightPhotoSet
    rows: NDArray[np.intp]
    """[q] rows of `photos`."""
    candidates: NDArray[np.intp]
    """[q, k] rows of `photos`."""
    cosine: NDArray[np.float32]
    """[q, k]."""
    log_mass: NDArray[np.float64]
    """[q, k] of the candidates, without the source of the query."""
    is_near: NDArray[np.bool_]
    """[q, k] whether the candidate is within NEAR_KM of the query."""
    in_gallery: NDArray[np.bool_]
    """[q] whether any photo of another source is."""
    shows_sight: NDArray[np.bool_]
    """[q] see SightPhotoSet.shows_sight."""

    def shares(self, constants: SightConstants) -> NDArray[np.float64]:
        """Returns [q, k] the probability of each candidate; what is missing to 1 is that of none.

        The same formula as geotagger.vision.decoding.sights.
        """
        logits = constants.scale * self.cosine + constants.trust * self.log_mass
        logits -= constants.none_logit
        top = np.maximum(logits.max(axis=1, keepdims=True), 0)
        weights = np.exp(logits - top)
        shares: NDArray[np.float64] = weights / (weights.sum(axis=1, keepdims=True) + np.exp(-top))
        return shares

    def loss(self, constants: SightConstants) -> float:
        """Returns the negative log-likelihood of the right place, in nats per photo."""
        shares = self.shares(constants)
        right = (shares * self.is_near).sum(axis=1)
        none = 1 - shares.sum(axis=1)
        return float(-np.log(right + RIGHT_BY_CHANCE * none + 1e-12).mean())

    def answers(self, constants: SightConstants) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Returns ([q] the probability within NEAR_KM of the most likely spot, [q] is it right)."""
        shares, unit = self.shares(constants), self.photos.unit
        best = np.zeros(len(self.rows))
        right = np.zeros(len(self.rows), bool)
        for number in range(min(SPOTS, shares.shape[1])):
            spot = unit[self.candidates[:, number]]
            cosine = np.einsum("qkx,qx->qk", unit[self.candidates], spot)
            probability = (shares * (cosine >= cosine_of_km(NEAR_KM))).sum(axis=1)
            better = probability > best
            best[better] = probability[better]
            right[better] = self.is_near[better, number]
        return best, right


@click.command(help=__doc__)
@click.argument("source")
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--features",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    multiple=True,
    required=True,
    help="Features of the network that ships, one file a backbone.",
)
@click.option(
    "--fit-features",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    multiple=True,
    help="Features for the fit.  [default: those of --features]",
)
@click.option("--held-out", multiple=True, help="A source to fit on.  [default: all]")
@click.option("--components", default=768, show_default=True, help="Width of the embedding.")
@click.option(
    "--min-probability",
    default=0.85,
    show_default=True,
    help="The head says nothing about sights that are less likely.",
)
def main(
    source: str,
    run: Path,
    features: tuple[Path, ...],
    fit_features: tuple[Path, ...],
    held_out: tuple[str, ...],
    components: int,
    min_probability: float,
) -> None:
    with usage_errors():
        files = (*features, *fit_features)
        examples = with_features(read_photos(source, check=False)[0], files)
        photos = precise_photos(examples)
        if not len(photos) or not photos.is_near.any():
            raise UsageError(
                f"{source}: no two sources have photos of one place to a point or a city; give more"
            )
        known = {example.source for example in examples}
        if unknown := sorted(set(held_out) - known):
            raise UsageError(f"{source}: has no source {', '.join(unknown)}; correct --held-out")
        is_query = np.array(
            [not held_out or examples[row].source in held_out for row in photos.rows]
        )
        names = [example.file for example in examples]
        shipped = read_features(features, names)
        fitted = read_features(fit_features, names) if fit_features else shipped
        vectors = embed(SightProjection.fit(fitted, components), fitted, photos)
        queries = make_queries(photos, vectors, np.flatnonzero(is_query))
        constants = fit(queries)
        document = {
            "scale": constants.scale,
            "none_logit": constants.none_logit,
            "min_probability": min_probability,
            "trust": constants.trust,
            "metrics": score(queries, constants),
        }
        click.echo(json.dumps(document, indent=1))
        write_gallery(run, photos, shipped, components, constants)
        (run / HEAD_FILE).write_text(json.dumps(document, indent=1) + "\n")


def with_features(examples: Sequence[Example], files: Sequence[Path]) -> list[Example]:
    """Returns the photos that the features were computed of.

    A training leaves photos out, and lists the others in a .key file next to the features.
    """
    kept = list(examples)
    for file in files:
        if names := _photo_names(file):
            known = set(names)
            kept = [example for example in kept if example.file in known]
    return kept


def _photo_names(file: Path) -> list[str]:
    """Returns the photos of an array of features, from its .key file; none without one."""
    key = file.with_suffix(".key")
    return list(json.loads(key.read_text())[-1]) if key.exists() else []


def read_features(files: Sequence[Path], names: Sequence[str]) -> torch.Tensor:
    """Reads features and joins them side by side.

    Args:
        files: Arrays [photos, width]; without a .key file in the order of `names`.
        names: The n photos that are wanted.

    Returns:
        [n, sum of widths].

    Raises:
        UsageError: A file does not fit the photos.
    """
    parts = [_read_features(file, names) for file in files]
    return torch.from_numpy(np.concatenate(parts, axis=1))


def _read_features(file: Path, names: Sequence[str]) -> NDArray[np.float32]:
    values = np.load(file, mmap_mode="r")
    own = _photo_names(file) or list(names)
    if values.ndim != 2 or len(values) != len(own):
        raise UsageError(
            f"{file}: has the shape {values.shape} for {len(own)} photos; compute it again"
        )
    row_of = {name: row for row, name in enumerate(own)}
    return np.asarray(values[[row_of[name] for name in names]], np.float32)


def embed(
    projection: SightProjection, features: torch.Tensor, photos: SightPhotoSet
) -> NDArray[np.float32]:
    """Returns the embeddings [n, P] of the photos with a precise place."""
    with torch.inference_mode():
        vectors: NDArray[np.float32] = projection(features[photos.rows]).numpy()
    return vectors


def make_queries(
    photos: SightPhotoSet, vectors: NDArray[np.float32], rows: NDArray[np.intp]
) -> Queries:
    """Finds the candidates of some photos [q] among those of other sources.

    Args:
        photos: The n photos.
        vectors: Their embeddings [n, P].
        rows: The rows of the queries.
    """
    cosine = vectors @ vectors.T
    mass = near_mass(photos, cosine)
    total = mass.sum(axis=1)
    own = np.where(photos.is_foreign[rows], cosine[rows], -1)
    candidates = np.argsort(-own, axis=1, kind="stable")[:, :CANDIDATES]
    without = total[candidates] - mass[candidates, photos.source[rows][:, None]]
    return Queries(
        photos,
        rows,
        candidates,
        np.take_along_axis(own, candidates, axis=1),
        log_mass(without),
        np.take_along_axis(photos.is_near[rows], candidates, axis=1),
        photos.is_near[rows].any(axis=1),
        photos.shows_sight()[rows],
    )


def fit(queries: Queries) -> SightConstants:
    """Fits the constants by the likelihood of the right places.

    Then `none_logit` is raised until answers that are sure enough to name a city are right at least
    as often as MIN_PRECISION.
    """

    def penalised_loss(values: NDArray[np.float64]) -> float:
        scale, trust, _ = values
        away = np.log(max(scale, 1e-3) / START[0]) ** 2 + (trust - START[1]) ** 2
        return queries.loss(SightConstants(*values)) + PENALTY * float(away)

    found = minimize(
        penalised_loss,
        START,
        method="Nelder-Mead",
        options={"maxiter": 300, "xatol": 1e-2, "fatol": 1e-6},
    )
    scale, trust, none_logit = (round(float(value), 4) for value in found.x)
    while True:
        constants = SightConstants(max(scale, 1.0), max(trust, 0.0), none_logit)
        probability, right = queries.answers(constants)
        sure = probability >= city_threshold()
        if not sure.any() or right[sure].mean() >= MIN_PRECISION:
            return constants
        none_logit = round(none_logit + STEP, 4)


def city_threshold() -> float:
    """Returns the probability from which the program names a city."""
    return Constants.load().thresholds[Level.CITY]


def score(queries: Queries, constants: SightConstants) -> dict[str, Any]:
    """Scores the answers on held-out sources."""
    probability, right = queries.answers(constants)
    sure = probability >= city_threshold()
    sight, inside = queries.shows_sight, queries.in_gallery
    return {
        "constants": asdict(constants),
        "gallery": len(queries.photos),
        "queries": len(queries.rows),
        "loss": round(queries.loss(constants), 4),
        "sights_within_25_km": share(right[sight]),
        "sights_named": share((sure & right)[sight]),
        "in_gallery_within_25_km": share(right[inside]),
        "answers_right": share(right[sure]),
        "false_alarms_not_in_gallery": share(sure[~inside]),
        "reliability": [
            {
                "from": low,
                "to": high,
                "expected": round(float(probability[inside_bin].mean()), 3),
                **share(right[inside_bin]),
            }
            for low, high in pairwise(BINS)
            if (inside_bin := (probability >= low) & (probability < high)).any()
        ],
    }


def share(hits: NDArray[np.bool_]) -> dict[str, Any]:
    """Returns how many of how many, the share, and its 95 % interval (Wilson 1927)."""
    low, high = wilson(float(hits.sum()), len(hits))
    value = float(hits.mean()) if len(hits) else 0.0
    return {
        "hits": int(hits.sum()),
        "of": len(hits),
        "share": round(value, 3),
        "interval": [round(low, 3), round(high, 3)],
    }


def write_gallery(
    run: Path,
    photos: SightPhotoSet,
    features: torch.Tensor,
    components: int,
    constants: SightConstants,
) -> None:
    """Writes the projection and the gallery of the network that ships."""
    projection = SightProjection.fit(features, components)
    vectors = embed(projection, features, photos)
    mass = near_mass(photos, vectors @ vectors.T).sum(axis=1)
    torch.save(projection.state_dict(), run / PROJECTION_FILE)
    np.save(run / VECTORS_FILE, as_int8(vectors))
    write_sight_table(run / TABLE_FILE, photos, constants.trust * log_mass(mass))


if __name__ == "__main__":
    main()
