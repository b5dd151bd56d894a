"""Fits how pictures of a trip add up: python -m training.calibrate.fit_trips RUN BUNDLE PHOTOS

RUN/oof.npz holds the logits of photos whose source (a person) the model had not seen. BUNDLE is a
bundle of the same model. PHOTOS/labels.csv names the place of each photo: photos of one source and
place are a stop. The labels have no times, so times are drawn: minutes to hours between the photos
of a stop, hours between stops, days between countries.

Fitted are the constants of `geotagger/data/trips.json` for pictures, by maximum likelihood of the
true countries; of constants that are as likely, those with the smallest calibration error. Every
person counts by the square root of the number of their photos. "Held out" shows each fifth of the
people with the constants that were fitted to the others.
"""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
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
from geotagger.pipeline.trips.observe import Observer
from geotagger.pipeline.trips.ratios import countries_of
from geotagger.pipeline.trips.solve import SequenceSolver
from geotagger.types import Evidence, Observation, Outcome, Photo, PhotoEvidence, PhotoMetadata
from geotagger.vision.bundle.bundle import load_bundle
from geotagger.vision.decoding.factory import make_decoder
from training.calibrate.package_data import write_package_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

TRIPS_FILE = "trips.json"
OUTLIER_PROBABILITIES = (0.6, 0.7, 0.8)
BASE_CORRELATIONS = (0.0, 0.005, 0.01, 0.02)
SIMILARITY_POWERS = (3.0, 4.0, 5.0)
FOLDS = 5
DRAWS = 3
"""Times are drawn so many times, which makes the calibration error less noisy."""
SLACK_NATS = 0.015
"""Constants whose mean surprise differs by less are as likely: the people are few."""
MIN_STOP, MAX_STOP = 5, 40
"""Sources without a stop of this many photos are no trips; of longer stops some photos are used."""
BATCH_SIZE = 64
START = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Roll:
    """The photos of one person in order of time."""

    fold: int
    photos: Sequence[Observation]
    log_ratios: NDArray[np.float64]
    """[n, countries] of each picture alone, against the prior."""
    countries: NDArray[np.intp]
    """[n] the true country of each."""

    @property
    def weight(self) -> float:
        """Of each photo."""
        return len(self.photos) ** -0.5


@dataclass(frozen=True, slots=True)
class Judged:
    """Posteriors of countries and the truth, of all photos of some rolls."""

    posteriors: NDArray[np.float64]
    """[n, countries]."""
    countries: NDArray[np.intp]
    weights: NDArray[np.float64]

    @property
    def ece(self) -> float:
        """Calibration error of the most probable country (Naeini et al. 2015)."""
        right = self.posteriors.argmax(axis=1) == self.countries
        return expected_calibration_error(self.posteriors.max(axis=1), right.astype(float))

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
@click.option("--write/--no-write", default=True, show_default=True)
def main(
    run: Path, bundle_dir: Path, photos: Path, leave_out: tuple[str, ...], write: bool
) -> None:
    fusion = Fusion(load_places())
    areas = Areas(fusion.places, fusion.log_prior)
    rolls = read_rolls(run / "oof.npz", bundle_dir, photos / "labels.csv", leave_out, fusion, areas)
    photo_count = sum(len(roll.photos) for roll in rolls) // DRAWS
    click.echo(f"{len(rolls) // DRAWS} people, {photo_count} photos, times drawn {DRAWS} times")
    trials = [Trial(one, [judge(roll, fusion, areas, one) for roll in rolls]) for one in grid()]
    click.echo(joined([judge_alone(roll, areas) for roll in rolls]).describe("alone"))
    unseen = []
    for fold in range(FOLDS):
        others = [number for number, roll in enumerate(rolls) if roll.fold != fold]
        found = best(trials, others)
        unseen += [found.judged[number] for number, roll in enumerate(rolls) if roll.fold == fold]
    click.echo(joined(unseen).describe("with trips, held out"))
    fitted = best(trials, range(len(rolls)))
    click.echo(joined(fitted.judged).describe("with trips, fitted"))
    constants = fitted.constants
    click.echo(json.dumps(asdict(constants)))
    if write:
        write_package_json(TRIPS_FILE, asdict(constants))


def read_rolls(
    logits_file: Path,
    bundle_dir: Path,
    labels_file: Path,
    leave_out: Sequence[str],
    fusion: Fusion,
    areas: Areas,
) -> list[Roll]:
    """Reads the logits of each person's photos, and draws times for them."""
    with labels_file.open(encoding="utf-8", newline="") as file:
        place_of = {row["file"]: row.get("place", "") for row in csv.DictReader(file)}
    with np.load(logits_file, allow_pickle=False) as data:
        logits, names = data["logits"], data["photo"].tolist()
        people, codes = data["source"].tolist(), data["country"].tolist()
    number_of = {code: number for number, code in enumerate(fusion.places.country_codes)}
    stops: defaultdict[str, defaultdict[tuple[str, str], list[int]]]
    stops = defaultdict(lambda: defaultdict(list))
    for row, (name, person, code) in enumerate(zip(names, people, codes, strict=True)):
        place = place_of.get(name, "").partition(": ")[0]  # what follows is the photo's own title
        if code in number_of and place and person not in leave_out:
            stops[person][code, place].append(row)
    sizes = Counter({person: sum(map(len, own.values())) for person, own in stops.items()})
    rng = np.random.default_rng(0)
    maker = _ObservationMaker(bundle_dir, fusion, areas)
    rolls = []
    travellers = [
        person
        for person, _ in sizes.most_common()
        if max(map(len, stops[person].values())) >= MIN_STOP
    ]
    for number, person in DRAWS * list(enumerate(travellers)):
        timed = draw_times(stops[person], rng)
        photos, alone = maker.observe([row for row, _ in timed], [at for _, at in timed], logits)
        truth = np.array([number_of[codes[row]] for row, _ in timed], np.intp)
        rolls.append(Roll(number % FOLDS, photos, alone, truth))
    return rolls


def draw_times(
    stops: dict[tuple[str, str], list[int]], rng: np.random.Generator
) -> list[tuple[int, float]]:
    """Draws a journey through the stops, one country after the other.

    Args:
        stops: (country, place) -> rows of photos.
        rng: the random generator.

    Returns:
        (row, hours since the start) in order of time.
    """
    timed, hours = [], 0.0
    countries = sorted({country for country, _ in stops})
    for country in rng.permutation(np.array(countries)).tolist():
        hours += 6 + rng.exponential(6 * 24)
        places = sorted(place for own, place in stops if own == country)
        for place in rng.permutation(np.array(places)).tolist():
            hours += rng.uniform(2, 30)
            for row in rng.permutation(stops[country, place])[:MAX_STOP].tolist():
                hours += float(np.exp(rng.uniform(np.log(1 / 60), np.log(4))))
                timed.append((row, hours))
    return timed


class _ObservationMaker:
    """Makes the observations that a run would make of photos with these logits."""

    def __init__(self, bundle_dir: Path, fusion: Fusion, areas: Areas) -> None:
        bundle = load_bundle(bundle_dir)
        self._decoder = make_decoder(bundle, bundle.card.heads[0], fusion.places)
        self._weight = bundle.card.calibration.weight
        self._outliers = fusion.constants.vision_outlier_probability
        self._fusion, self._areas = fusion, areas
        self._observer = Observer(fusion, areas, use_gps=False)

    def observe(
        self, rows: Sequence[int], hours: Sequence[float], logits: NDArray[np.float32]
    ) -> tuple[list[Observation], NDArray[np.float64]]:
        """The observations, and the log-likelihood ratios of the countries by each alone."""
        found, alone = [], []
        for start in range(0, len(rows), BATCH_SIZE):
            batch = slice(start, start + BATCH_SIZE)
            decoded = self._decoder.decode(logits[rows[batch]])
            for reading, at in zip(decoded, hours[batch], strict=True):
                assert reading.log_likelihood is not None
                evidence = Evidence(
                    "vision",
                    self._weight,
                    "",
                    reading.log_likelihood,
                    outlier_probability=self._outliers,
                    baseline=reading.baseline,
                )
                taken = (START + timedelta(hours=at)).replace(tzinfo=None).isoformat()
                metadata = PhotoMetadata(taken_at=taken, camera="camera")
                outcome = Outcome(Photo(Path("photo.jpg"), Path()), metadata=metadata)
                observation = self._observer.observe(PhotoEvidence(outcome, (evidence,)))
                assert observation is not None
                found.append(observation)
                mass = self._areas.by_country(self._areas.sums(self._fusion.posterior([evidence])))
                alone.append(np.log(mass / self._areas.country_prior))
        return found, np.stack(alone)


@dataclass(frozen=True, slots=True)
class Trial:
    """All rolls judged with some constants."""

    constants: TripConstants
    judged: Sequence[Judged]


def grid() -> list[TripConstants]:
    """The constants that are tried."""
    start = TripConstants.load()
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


def best(trials: Sequence[Trial], numbers: Sequence[int]) -> Trial:
    """The best calibrated of the trials with the largest likelihood for some rolls."""
    judged = [joined([trial.judged[number] for number in numbers]) for trial in trials]
    most_likely = min(one.nats for one in judged)
    errors = [one.ece if one.nats < most_likely + SLACK_NATS else np.inf for one in judged]
    return trials[int(np.argmin(errors))]


def judge(roll: Roll, fusion: Fusion, areas: Areas, constants: TripConstants) -> Judged:
    """Places each photo of a roll with all the others."""
    trip = SequenceSolver(fusion, areas, constants).solve_countries(roll.photos)
    shared = np.stack([countries_of(photo.picture) for photo in roll.photos if photo.picture])
    taken_back = (1 - trip.weights[:, None]) * shared
    return _judged(roll, roll.log_ratios + trip.countries.log_ratios - taken_back, areas)


def judge_alone(roll: Roll, areas: Areas) -> Judged:
    """Places each photo of a roll by itself."""
    return _judged(roll, roll.log_ratios, areas)


def _judged(roll: Roll, log_ratios: NDArray[np.float64], areas: Areas) -> Judged:
    logs = log_ratios + np.log(areas.country_prior)
    mass = np.exp(logs - logs.max(axis=1, keepdims=True))
    mass /= mass.sum(axis=1, keepdims=True)
    return Judged(mass, roll.countries, np.full(len(mass), roll.weight))


def joined(parts: Sequence[Judged]) -> Judged:
    """All photos of several rolls."""
    return Judged(
        np.concatenate([part.posteriors for part in parts]),
        np.concatenate([part.countries for part in parts]),
        np.concatenate([part.weights for part in parts]),
    )


if __name__ == "__main__":
    main()
