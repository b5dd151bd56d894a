"""Calibrates a model on its out-of-fold logits: python -m training.calibrate.fit_belief RUN BUNDLE

RUN/oof.npz holds the logits of photos whose source the model had not seen. Fitted are
    weight          of the model's evidence, by maximum likelihood of the true country
    radius factor   widens the 90 % radius until it covers 90 % (split conformal, Vovk et al. 2005;
                    Angelopoulos and Bates 2021)
They go into RUN/run.json, and the export copies them into the card. BUNDLE is a bundle of the same
model, whose head reads the logits. Coverage and reliability are printed for folds that were not
used for the fit.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from geotagger.calibration.fit import conformal_quantile, countries_and_weights
from geotagger.fusion.decide import Fusion
from geotagger.fusion.mass import sum_by_group
from geotagger.fusion.prior import Constants, log_prior
from geotagger.geography.country_names import continent_of_country
from geotagger.geography.places import Places, load_places
from geotagger.geography.sphere import haversine_km
from geotagger.types import Evidence, Level, Prediction
from geotagger.vision.bundle.bundle import load_bundle
from geotagger.vision.bundle.card import Calibration
from geotagger.vision.decoding.factory import make_decoder
from geotagger.vision.decoding.heads import HeadDecoder
from training.calibrate.calibrate import LOCATED_PRECISIONS
from training.engine.run_folder import RUN_FILE

WEIGHTS = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2)
SLACK_NATS = 0.02
CONFIDENCES = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
LEVELS = (Level.CONTINENT, Level.COUNTRY, Level.REGION, Level.CITY)
BATCH_SIZE = 64


@dataclass(frozen=True, slots=True)
class OutOfFold:
    """Out-of-fold logits [n, K] and the labels of the n photos."""

    logits: NDArray[np.float32]
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    country: NDArray[np.intp]
    """Index into the country codes of the places table."""
    fold: NDArray[np.intp]
    located: NDArray[np.bool_]
    """Whether the label is precise to a region or better."""
    weight: NDArray[np.float64]
    """Photos of common countries count less."""

    def rows(self, chosen: NDArray[np.bool_]) -> OutOfFold:
        """Returns some of the photos."""
        fields = {name: getattr(self, name)[chosen] for name in self.__dataclass_fields__}
        return OutOfFold(**fields)


@click.command(help=__doc__)
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("bundle_dir", metavar="BUNDLE", type=click.Path(path_type=Path, exists=True))
@click.option("--write/--no-write", default=True, show_default=True)
def main(run: Path, bundle_dir: Path, write: bool) -> None:
    calibration = calibrate_run(run, bundle_dir)
    if write:
        store(run, calibration)


def calibrate_run(run: Path, bundle_dir: Path) -> Calibration:
    """Fits weight and radius factor, and prints coverage and reliability.

    Args:
        run: Has the out-of-fold logits.
        bundle_dir: A bundle of the same model.
    """
    places, constants = load_places(), Constants.load()
    bundle = load_bundle(bundle_dir)
    decoder = make_decoder(bundle, bundle.card.heads[0], places)
    photos = read_out_of_fold(run / "oof.npz", places)
    weight = fit_weight(photos, decoder, places, constants)
    click.echo(f"weight {weight}")
    fusion = Fusion(places, constants, min_confidence=2.0)
    predictions = predict(photos, decoder, weight, fusion)
    points = np.array([(p.point.lat, p.point.lon) for p in predictions])
    km = haversine_km(*points.T, photos.lat, photos.lon)
    stretch = km / np.array([p.radius_km for p in predictions])
    located = photos.located
    factor = round(conformal_quantile(stretch[located], photos.weight[located]), 3)
    click.echo(f"radius factor {factor}")
    click.echo(describe_coverage(photos, stretch))
    click.echo(describe_reliability(photos, decoder, weight, places, constants))
    return Calibration(weight, factor)


def read_out_of_fold(file: Path, places: Places) -> OutOfFold:
    """Reads oof.npz; photos of unknown countries are left out."""
    data = np.load(file)
    country, weight = countries_and_weights(data["country"].tolist(), places)
    located = np.isin(data["precision"], LOCATED_PRECISIONS)
    photos = OutOfFold(
        data["logits"], data["lat"], data["lon"], country, data["fold"], located, weight
    )
    return photos.rows(country >= 0)


def fit_weight(
    photos: OutOfFold, decoder: HeadDecoder, places: Places, constants: Constants
) -> float:
    """Returns the smallest of WEIGHTS whose likelihood of the true countries is near the largest.

    Likelihoods that differ by SLACK_NATS are equal for so few photos, and too small a weight does
    less harm than too large a one.
    """
    likelihoods = _label_likelihoods(photos, decoder, places)
    prior = np.exp(log_prior(places, constants))
    by_country = sum_by_group(prior, places.country, len(places.country_codes))
    outliers = constants.vision_outlier_probability
    losses = {}
    for weight in WEIGHTS:
        mass = likelihoods.country_mass(prior, weight)
        probability = mass[np.arange(len(mass)), photos.country] / mass.sum(axis=1)
        probability = (1 - outliers) * probability + outliers * by_country[photos.country]
        losses[weight] = float(np.average(-np.log(probability + 1e-12), weights=photos.weight))
        click.echo(f"  weight {weight}: {losses[weight]:.4f} nats")
    least = min(losses.values())
    return min(weight for weight, loss in losses.items() if loss < least + SLACK_NATS)


@dataclass(frozen=True, slots=True)
class LabelLikelihoods:
    """Log-likelihoods of labels, and how places inherit them."""

    values: NDArray[np.float32]
    """[n, K] log-likelihoods of the labels."""
    label_of_place: NDArray[np.intp]
    """[P] the label of each place."""
    reduction: NDArray[np.float32]
    """[P] how much lower the log-likelihood of the place is than that of its label."""
    places: Places

    def country_mass(self, prior: NDArray[np.floating], weight: float) -> NDArray[np.float64]:
        """Returns the posterior mass [n, countries], up to a factor for each photo."""
        shares = np.zeros((self.values.shape[1], len(self.places.country_codes)))
        own = prior * np.exp(weight * self.reduction)
        np.add.at(shares, (self.label_of_place, self.places.country), own)
        logs = weight * self.values
        mass: NDArray[np.float64] = np.exp(logs - logs.max(axis=1, keepdims=True)) @ shares
        return mass


def _label_likelihoods(photos: OutOfFold, decoder: HeadDecoder, places: Places) -> LabelLikelihoods:
    """Finds the label of every place by reading one-hot logits."""
    count = photos.logits.shape[1]
    one_hot = np.stack(
        [reading.log_likelihood for reading in decoder.decode(40 * np.eye(count, dtype=np.float32))]
    )
    label_of_place = np.argmax(one_hot, axis=0)
    best, first_place = one_hot.max(axis=1), one_hot.argmax(axis=1)
    reduction = one_hot.max(axis=0) - best[label_of_place]
    values = [
        reading.log_likelihood[first_place]
        for start in range(0, len(photos.logits), BATCH_SIZE)
        for reading in decoder.decode(photos.logits[start : start + BATCH_SIZE])
        if reading.log_likelihood is not None
    ]
    return LabelLikelihoods(np.stack(values), label_of_place, reduction, places)


def predict(
    photos: OutOfFold, decoder: HeadDecoder, weight: float, fusion: Fusion
) -> list[Prediction]:
    """Returns the predictions of the program by this model alone."""
    outlier_probability = fusion.constants.vision_outlier_probability
    predictions = []
    for start in range(0, len(photos.logits), BATCH_SIZE):
        for reading in decoder.decode(photos.logits[start : start + BATCH_SIZE]):
            assert reading.log_likelihood is not None
            evidence = Evidence(
                "vision",
                weight,
                "",
                reading.log_likelihood,
                outlier_probability=outlier_probability,
            )
            predictions.append(fusion.decide([evidence]))
    return predictions


def describe_coverage(photos: OutOfFold, stretch: NDArray[np.float64]) -> str:
    """Describes the coverage of each fold with the factor of the other folds.

    Args:
        photos: The n photos.
        stretch: [n] distance from the true position, divided by the radius.
    """
    lines = []
    for fold in np.unique(photos.fold):
        own = photos.located & (photos.fold == fold)
        others = photos.located & (photos.fold != fold)
        covered = stretch[own] <= conformal_quantile(stretch[others], photos.weight[others])
        lines.append(f"  fold {fold}: the 90 % radius covers {covered.mean():.3f} of {own.sum()}")
    return "\n".join(lines)


def describe_reliability(
    photos: OutOfFold, decoder: HeadDecoder, weight: float, places: Places, constants: Constants
) -> str:
    """Describes how often predictions at each confidence are right, by level."""
    truths = np.unique(photos.country).tolist()
    continent_of = {country: continent_of_country(places, country) for country in truths}
    lines = ["level      confidence   answered  right"]
    for confidence in CONFIDENCES:
        fusion = Fusion(places, constants, min_confidence=confidence)
        predictions = predict(photos, decoder, weight, fusion)
        for level in LEVELS:
            right = [
                p.place.continent == continent_of[int(truth)]
                if level is Level.CONTINENT
                else p.place.country_code == places.country_codes[truth]
                for p, truth in zip(predictions, photos.country, strict=True)
                if p.level is level
            ]
            if right:
                share = len(right) / len(predictions)
                lines.append(f"{level:10} {confidence:10.1f} {share:10.3f} {np.mean(right):6.3f}")
    return "\n".join(lines)


def store(run: Path, calibration: Calibration) -> None:
    """Adds the calibration to run.json."""
    document = json.loads((run / RUN_FILE).read_text())
    document["calibration"] = {
        "weight": calibration.weight,
        "radius_factor": calibration.radius_factor,
    }
    (run / RUN_FILE).write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
