"""Fits what the belief needs to know of a model: python -m training.calibrate.fit_belief RUN BUNDLE

RUN/oof.npz holds logits of photos whose source the model had not seen. On these are fitted
    the weight of the model's evidence   least surprise at the country
    the radius factor   the stated 90 % radius is widened until it covers 90 % (split conformal,
                        Vovk et al. 2005; Angelopoulos & Bates 2021)
They go into RUN/run.json, from where the export takes them into the card. Coverage and calibration
are printed for photos of folds that were not used for the fit.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from geotagger.fusion.decide import Fusion
from geotagger.fusion.prior import Constants, log_prior
from geotagger.geography.places import Places, load_places
from geotagger.geography.sphere import haversine_km
from geotagger.types import Evidence, Level, Prediction
from geotagger.vision.bundle.bundle import load_bundle
from geotagger.vision.decoding.factory import make_decoder
from geotagger.vision.decoding.heads import HeadDecoder
from training.calibrate.calibrate import EXACT, conformal, counted

WEIGHTS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2)
CONFIDENT = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True, slots=True)
class Unseen:
    """Out-of-fold logits [n, K] and the truth of each photo."""

    logits: NDArray[np.float32]
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    country: NDArray[np.intp]
    fold: NDArray[np.intp]
    exact: NDArray[np.bool_]
    """The label's position is good to a region or better."""
    weight: NDArray[np.float64]
    """How much the photo counts: common countries less."""

    def rows(self, chosen: NDArray[np.bool_]) -> Unseen:
        return Unseen(**{name: getattr(self, name)[chosen] for name in self.__dataclass_fields__})


@click.command(help=__doc__)
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("bundle_dir", metavar="BUNDLE", type=click.Path(path_type=Path, exists=True))
@click.option("--write/--no-write", default=True, show_default=True)
def main(run: Path, bundle_dir: Path, write: bool) -> None:
    places = load_places()
    bundle = load_bundle(bundle_dir)
    decoder = make_decoder(bundle, bundle.card.heads[0], places)
    unseen = read_unseen(run / "oof.npz", places)
    constants = Constants.load()

    weight = fit_weight(unseen, decoder, places, constants)
    click.echo(f"weight {weight}")
    predictions = predict(unseen, decoder, weight, Fusion(places, constants, min_confidence=2.0))
    points = np.array([(p.point.lat, p.point.lon) for p in predictions])
    km = haversine_km(*points.T, unseen.lat, unseen.lon)
    stretch = km / np.array([p.radius_km for p in predictions])
    factor = round(conformal(stretch[unseen.exact], unseen.weight[unseen.exact]), 3)
    click.echo(f"radius factor {factor}")
    for fold in np.unique(unseen.fold):
        own = unseen.exact & (unseen.fold == fold)
        others = unseen.exact & (unseen.fold != fold)
        covered = stretch[own] <= conformal(stretch[others], unseen.weight[others])
        click.echo(f"  fold {fold}: the 90 % radius covers {covered.mean():.3f} of {own.sum()}")
    click.echo(reliability(unseen, decoder, weight, places, constants))
    if write:
        _store(run, weight, factor)


def read_unseen(file: Path, places: Places) -> Unseen:
    data = np.load(file)
    country, weight = counted(data["country"].tolist(), places)
    exact = np.isin(data["precision"], EXACT)
    unseen = Unseen(data["logits"], data["lat"], data["lon"], country, data["fold"], exact, weight)
    return unseen.rows(country >= 0)


def fit_weight(unseen: Unseen, decoder: HeadDecoder, places: Places, constants: Constants) -> float:
    """The weight by which the true countries are least surprising."""
    likelihoods = _by_label(unseen, decoder, places)
    prior = np.exp(log_prior(places, constants))
    surprise = {}
    for weight in WEIGHTS:
        mass = likelihoods.country_mass(prior, weight)
        chance = mass[np.arange(len(mass)), unseen.country] / mass.sum(axis=1)
        surprise[weight] = float(np.average(-np.log(chance + 1e-12), weights=unseen.weight))
        click.echo(f"  weight {weight}: {surprise[weight]:.4f} nats")
    return min(surprise, key=lambda weight: surprise[weight])


@dataclass(frozen=True, slots=True)
class ByLabel:
    """Log-likelihoods [n, K] of labels, and which label, less how much, each place [P] has."""

    values: NDArray[np.float32]
    label_of_place: NDArray[np.intp]
    less: NDArray[np.float32]
    places: Places

    def country_mass(self, prior: NDArray[np.floating], weight: float) -> NDArray[np.float64]:
        """[n, countries], up to a factor a photo."""
        shares = np.zeros((self.values.shape[1], len(self.places.country_codes)))
        own = prior * np.exp(weight * self.less)
        np.add.at(shares, (self.label_of_place, self.places.country), own)
        logs = weight * self.values
        mass: NDArray[np.float64] = np.exp(logs - logs.max(axis=1, keepdims=True)) @ shares
        return mass


def _by_label(unseen: Unseen, decoder: HeadDecoder, places: Places) -> ByLabel:
    """Reads the label of every place off the decoder itself, with one-hot logits."""
    count = unseen.logits.shape[1]
    one_hot = np.stack(
        [reading.log_likelihood for reading in decoder.decode(40 * np.eye(count, dtype=np.float32))]
    )
    label_of_place = np.argmax(one_hot, axis=0)
    best, first = one_hot.max(axis=1), one_hot.argmax(axis=1)
    less = one_hot.max(axis=0) - best[label_of_place]
    values = [
        reading.log_likelihood[first]
        for start in range(0, len(unseen.logits), 64)
        for reading in decoder.decode(unseen.logits[start : start + 64])
        if reading.log_likelihood is not None
    ]
    return ByLabel(np.stack(values), label_of_place, less, places)


def predict(
    unseen: Unseen, decoder: HeadDecoder, weight: float, belief: Fusion
) -> list[Prediction]:
    found = []
    for start in range(0, len(unseen.logits), 64):
        for reading in decoder.decode(unseen.logits[start : start + 64]):
            assert reading.log_likelihood is not None
            outlier_probability = belief.constants.vision_outlier_probability
            evidence = Evidence(
                "vision",
                weight,
                "",
                reading.log_likelihood,
                outlier_probability=outlier_probability,
            )
            found.append(belief.decide([evidence]))
    return found


def reliability(
    unseen: Unseen, decoder: HeadDecoder, weight: float, places: Places, constants: Constants
) -> str:
    """How often answers at each confidence are right, by level."""
    home = {}
    for index in range(len(places.country_codes)):
        rows = np.flatnonzero(places.country == index)
        home[index] = places.continent_names[places.continent[rows[0]]] if len(rows) else ""
    lines = ["level      confidence   answered  right"]
    for confident in CONFIDENT:
        predictions = predict(
            unseen, decoder, weight, Fusion(places, constants, min_confidence=confident)
        )
        for level in (Level.CONTINENT, Level.COUNTRY, Level.REGION, Level.CITY):
            right = [
                p.place.continent == home[int(truth)]
                if level is Level.CONTINENT
                else p.place.country_code == places.country_codes[truth]
                for p, truth in zip(predictions, unseen.country, strict=True)
                if p.level is level
            ]
            if right:
                share = len(right) / len(predictions)
                lines.append(f"{level:10} {confident:10.1f} {share:10.3f} {np.mean(right):6.3f}")
    return "\n".join(lines)


def _store(run: Path, weight: float, factor: float) -> None:
    document = json.loads((run / "run.json").read_text())
    document["calibration"] = {"weight": weight, "radius_factor": factor}
    (run / "run.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
