"""Fits how pictures of a trip add up: python -m training.calibrate.fit_trips RUN BUNDLE PHOTOS

RUN/oof.npz holds the logits of photos whose source (a person) the model had not seen. BUNDLE is a
bundle of the same model. PHOTOS/labels.csv names the place of each photo. The times are drawn
(training/calibrate/drawn_trips.py).

Fitted are the constants of `geotagger/data/trips.json` for pictures, by maximum likelihood of the
true countries; of constants that are as likely, those with the smallest calibration error. Every
person counts by the square root of the number of their photos. "Held out" shows each person with
the constants that were fitted to the others. With --keep-weights the weights of pictures stay as
they are, and only what all pictures of a camera have in common is fitted: that needs fewer people.

The ECE by chance is what perfect confidences would have if all photos of a stay were right or wrong
together. The interval comes from a bootstrap over people.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from geotagger.evaluation.calibration import expected_calibration_error
from geotagger.fusion.decide import Fusion
from geotagger.geography.places import load_places
from geotagger.pipeline.trips.areas import Areas
from geotagger.pipeline.trips.damping import TripConstants
from geotagger.pipeline.trips.solve import SequenceSolver
from training.calibrate.drawn_trips import DRAWS, read_rolls
from training.calibrate.package_data import write_package_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from geotagger.pipeline.trips.solve import Trip
    from training.calibrate.drawn_trips import Roll

TRIPS_FILE = "trips.json"
OUTLIER_PROBABILITIES = (0.6, 0.7, 0.8)
BASE_CORRELATIONS = (0.01, 0.02, 0.05, 0.1)
SIMILARITY_POWERS = (3.0, 4.0)
BIAS_SHARES = (0.0, 0.5, 0.7, 0.9)
MISLEAD_PROBABILITIES = (0.0, 0.2, 0.3, 0.4)
SLACK_NATS = 0.08
"""Constants whose mean surprise differs by less are as likely: the people are few."""
RESAMPLED = 500


@dataclass(frozen=True, slots=True)
class Judged:
    """Posteriors of countries and the truth, of all photos of some rolls."""

    posteriors: NDArray[np.float64]
    """[n, countries]."""
    countries: NDArray[np.intp]
    weights: NDArray[np.float64]
    stays: NDArray[np.str_]
    """[n], equal for photos that one person took in one country."""

    @property
    def confidence(self) -> NDArray[np.float64]:
        """[n], of the most probable country."""
        confidence: NDArray[np.float64] = self.posteriors.max(axis=1)
        return confidence

    @property
    def ece(self) -> float:
        """Calibration error of the most probable country (Naeini et al. 2015)."""
        right = self.posteriors.argmax(axis=1) == self.countries
        return expected_calibration_error(self.confidence, right.astype(float))

    @property
    def nats(self) -> float:
        """Mean surprise at the true country."""
        own = self.posteriors[np.arange(len(self.countries)), self.countries]
        return float(np.average(-np.log(own + 1e-9), weights=self.weights))

    def describe(self, title: str) -> str:
        """One line: share right, among ten, surprise, calibration error."""
        own = self.posteriors[np.arange(len(self.countries)), self.countries]
        rank = (self.posteriors >= own[:, None]).sum(axis=1)
        return (
            f"{title:<24} country {(rank == 1).mean():.3f}  among ten {(rank <= 10).mean():.3f}"
            f"  {self.nats:.3f} nats  ECE {self.ece:.3f}  {len(rank)} photos"
        )


@click.command(help=__doc__)
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("bundle_dir", metavar="BUNDLE", type=click.Path(path_type=Path, exists=True))
@click.argument("photos", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--leave-out", multiple=True, metavar="SOURCE", help="A source that is no person.")
@click.option("--keep-weights", is_flag=True, help="Fits two constants only, for few people.")
@click.option("--write/--no-write", default=True, show_default=True)
def main(
    run: Path,
    bundle_dir: Path,
    photos: Path,
    leave_out: tuple[str, ...],
    keep_weights: bool,
    write: bool,
) -> None:
    fusion = Fusion(load_places())
    areas = Areas(fusion.places, fusion.log_prior)
    rolls = read_rolls(run / "oof.npz", bundle_dir, photos / "labels.csv", leave_out, fusion, areas)
    photo_count = sum(len(roll.photos) for roll in rolls) // DRAWS
    click.echo(f"{len(rolls) // DRAWS} people, {photo_count} photos, times drawn {DRAWS} times")
    report("alone", [judge_alone(roll, areas) for roll in rolls], rolls)
    start = TripConstants.load()
    weights = biases([start] if keep_weights else grid(start))
    trials = [trial for one in weights for trial in trials_with(one, rolls, fusion, areas)]
    report("with trips, held out", held_out(trials, rolls), rolls)
    fitted = best(trials, range(len(rolls)))
    report("with trips, fitted", fitted.judged, rolls)
    constants = fitted.constants
    click.echo(json.dumps(asdict(constants)))
    if write:
        write_package_json(TRIPS_FILE, asdict(constants))


@dataclass(frozen=True, slots=True)
class Trial:
    """All rolls judged with some constants."""

    constants: TripConstants
    judged: Sequence[Judged]


def grid(start: TripConstants) -> list[TripConstants]:
    """The weights of pictures that are tried."""
    return [
        replace(
            start,
            picture_outlier_probability=outliers,
            base_correlation=correlation,
            similarity_power=power,
        )
        for outliers, correlation, power in product(
            OUTLIER_PROBABILITIES, BASE_CORRELATIONS, SIMILARITY_POWERS
        )
    ]


def biases(weights: Sequence[TripConstants]) -> list[TripConstants]:
    """Each of them with each share of the camera's bias."""
    return [replace(one, camera_bias_share=share) for one in weights for share in BIAS_SHARES]


def trials_with(
    weights: TripConstants, rolls: Sequence[Roll], fusion: Fusion, areas: Areas
) -> Iterator[Trial]:
    """All rolls with some weights of pictures, and each probability that pictures mislead."""
    solver = SequenceSolver(fusion, areas, weights)
    trips = [solver.solve_countries(roll.photos) for roll in rolls]
    for mislead in MISLEAD_PROBABILITIES:
        constants = replace(weights, pictures_mislead_probability=mislead)
        judged = [
            judge(roll, with_mislead(trip, mislead), solver, areas)
            for roll, trip in zip(rolls, trips, strict=True)
        ]
        yield Trial(constants, judged)


def with_mislead(trip: Trip, mislead: float) -> Trip:
    """The same trip, with another probability that its pictures mislead."""
    trusted, misled = trip.cases
    cases = [replace(trusted, probability=1 - mislead), replace(misled, probability=mislead)]
    return replace(trip, cases=cases)


def held_out(trials: Sequence[Trial], rolls: Sequence[Roll]) -> list[Judged]:
    """Each roll with the constants that were fitted to the other people."""
    judged: list[Judged | None] = [None] * len(rolls)
    for person in {roll.person for roll in rolls}:
        found = best(trials, [i for i, roll in enumerate(rolls) if roll.person != person])
        for number, roll in enumerate(rolls):
            if roll.person == person:
                judged[number] = found.judged[number]
    return [one for one in judged if one is not None]


def best(trials: Sequence[Trial], numbers: Sequence[int]) -> Trial:
    """The best calibrated of the trials with the largest likelihood for some rolls."""
    judged = [joined([trial.judged[number] for number in numbers]) for trial in trials]
    most_likely = min(one.nats for one in judged)
    errors = [one.ece if one.nats < most_likely + SLACK_NATS else np.inf for one in judged]
    return trials[int(np.argmin(errors))]


def judge(roll: Roll, trip: Trip, solver: SequenceSolver, areas: Areas) -> Judged:
    """Places each photo of a roll with all the others."""
    others = [solver.country_ratios(trip, index) for index in range(len(roll.photos))]
    return _judged(roll, roll.log_ratios + np.stack(others), areas)


def judge_alone(roll: Roll, areas: Areas) -> Judged:
    """Places each photo of a roll by itself."""
    return _judged(roll, roll.log_ratios, areas)


def _judged(roll: Roll, log_ratios: NDArray[np.float64], areas: Areas) -> Judged:
    logs = log_ratios + np.log(areas.country_prior)
    mass = np.exp(logs - logs.max(axis=1, keepdims=True))
    mass /= mass.sum(axis=1, keepdims=True)
    stays = np.array([f"{roll.person} {country}" for country in roll.countries.tolist()])
    return Judged(mass, roll.countries, np.full(len(mass), roll.weight), stays)


def joined(parts: Sequence[Judged]) -> Judged:
    """All photos of several rolls."""
    return Judged(
        np.concatenate([part.posteriors for part in parts]),
        np.concatenate([part.countries for part in parts]),
        np.concatenate([part.weights for part in parts]),
        np.concatenate([part.stays for part in parts]),
    )


def report(title: str, judged: Sequence[Judged], rolls: Sequence[Roll]) -> None:
    """Prints the scores, how far people may change the ECE, and its value by chance."""
    everyone = joined(judged)
    click.echo(everyone.describe(title))
    rng = np.random.default_rng(0)
    people = sorted({roll.person for roll in rolls})
    of_person = {
        person: [one for one, roll in zip(judged, rolls, strict=True) if roll.person == person]
        for person in people
    }
    drawn = [
        joined([one for person in rng.choice(people, len(people)) for one in of_person[person]]).ece
        for _ in range(RESAMPLED)
    ]
    low, high = np.quantile(drawn, (0.025, 0.975))
    click.echo(
        f"{'':<24} ECE {low:.3f} to {high:.3f} by people, {by_chance(everyone, rng):.3f} by chance"
    )


def by_chance(judged: Judged, rng: np.random.Generator) -> float:
    """The ECE of perfect confidences, if the photos of a stay are right or wrong together."""
    _, stay = np.unique(judged.stays, return_inverse=True)
    confidence = judged.confidence
    drawn = [
        expected_calibration_error(
            confidence, (rng.random(stay.max() + 1)[stay] < confidence).astype(float)
        )
        for _ in range(RESAMPLED)
    ]
    return float(np.mean(drawn))


if __name__ == "__main__":
    main()
